/* Asks a question on the terminal without blocking the loop, so that Ctrl-C works. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"
#include "runtime/runtime.h"

struct prompt_op {
    uv_poll_t poll; /* first: freed in its close callback */
    th_sched *sched;
    th_waker waker;
    char line[256];
    ssize_t len; /* bytes read; 0 = end of input; -1 = not yet */
};

static void prompt_closed(uv_handle_t *handle)
{
    free(handle);
}

static void prompt_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct prompt_op *op = (struct prompt_op *)poll;
    do
        op->len = read(STDIN_FILENO, op->line, sizeof op->line - 1);
    while (op->len < 0 && errno == EINTR);
    if (op->len < 0)
        op->len = 0;
    uv_poll_stop(poll);
    th_task_wake(op->sched, op->waker);
}

static void prompt_cancel(void *ptr)
{
    uv_poll_stop(ptr);
}

static bool prompt_interrupt(void *ptr)
{
    prompt_cancel(ptr);
    return true;
}

static void prompt_release(void *ptr)
{
    uv_close(ptr, prompt_closed);
}

static const struct th_wait_ops prompt_ops = {.name = "an answer on the terminal",
                                              .cancel = prompt_cancel,
                                              .release = prompt_release,
                                              .interrupt = prompt_interrupt};

static int prompt_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct prompt_op *op = th_task_op(L);
    if (op->len <= 0) {
        lua_pushnil(L);
    } else {
        size_t len = (size_t)op->len;
        while (len > 0 && (op->line[len - 1] == '\n' || op->line[len - 1] == '\r'))
            len--;
        lua_pushlstring(L, op->line, len);
    }
    th_task_release(L);
    th_task_admit(L, "ask");
    return 1;
}

/* prompt(question) → the line, or nil at the end of input */
static int prompt(lua_State *L)
{
    const char *question = luaL_checkstring(L, 1);
    th_task_may_wait(L, "ask");
    th_task_admit(L, "ask");
    th_runtime *runtime = th_runtime_of(L);
    struct prompt_op *op = calloc(1, sizeof *op);
    if (!op)
        return luaL_error(L, "not enough memory");
    op->sched = runtime->sched;
    op->len = -1;
    /* libuv makes the descriptor non-blocking, which standard output and the shell share with it.
     */
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    int rc = uv_poll_init(&runtime->loop, &op->poll, STDIN_FILENO);
    if (flags >= 0)
        fcntl(STDIN_FILENO, F_SETFL, flags);
    if (rc != 0) {
        free(op);
        return luaL_error(L, "cannot read the terminal: %s", uv_strerror(rc));
    }
    th_task_attach(L, &prompt_ops, op);
    op->waker = th_task_waker(L);
    th_progress_hide(&runtime->terminal);
    fputs(question, stderr);
    fflush(stderr);
    uv_poll_start(&op->poll, UV_READABLE, prompt_readable);
    return th_task_park(L, 0, prompt_done);
}

void th_open_prompt(lua_State *L)
{
    lua_pushcfunction(L, prompt);
    lua_setfield(L, -2, "prompt");
}
