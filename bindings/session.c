/*
 * Typed input, and a session at a prompt. In a session, Ctrl-C and an error in a task that nobody
 * awaits end the current call, not the run.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"
#include "runtime/runtime.h"

#define SESSION_TYPE "trunkhost.session"

/* --- waiting for input ------------------------------------------------------------------------ */

struct session {
    th_session base; /* first */
    th_stop *stop;
    struct input_op *op; /* the current wait for input, or NULL */
    th_task *task;       /* runs what was typed; user value 1 holds its handle */
    bool interrupted;    /* Ctrl-C has ended it */
};

struct input_op {
    uv_poll_t poll; /* first: freed in its close callback */
    th_sched *sched;
    th_waker waker;
    struct session *session; /* NULL: none */
    bool interrupted;
    ssize_t len;
    char bytes[4096];
};

static void input_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Reading from a terminal that is gone fails: that is the end of input, too. */
static ssize_t read_input(char *bytes, size_t size)
{
    ssize_t len;
    do
        len = read(STDIN_FILENO, bytes, size);
    while (len < 0 && errno == EINTR);
    return len < 0 ? 0 : len;
}

static void input_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct input_op *op = (struct input_op *)poll;
    op->len = read_input(op->bytes, sizeof op->bytes);
    uv_poll_stop(poll);
    th_task_wake(op->sched, op->waker);
}

static void input_cancel(void *ptr)
{
    uv_poll_stop(ptr);
}

static bool input_interrupt(void *ptr)
{
    input_cancel(ptr);
    return true;
}

static void input_release(void *ptr)
{
    struct input_op *op = ptr;
    if (op->session)
        op->session->op = NULL;
    explicit_bzero(op->bytes, sizeof op->bytes);
    uv_close(ptr, input_closed);
}

static const struct th_wait_ops input_ops = {.name = "input",
                                             .cancel = input_cancel,
                                             .release = input_release,
                                             .interrupt = input_interrupt};

static int input_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct input_op *op = th_task_op(L);
    if (op->interrupted)
        lua_pushboolean(L, 0);
    else if (op->len > 0)
        lua_pushlstring(L, op->bytes, (size_t)op->len);
    else
        lua_pushnil(L);
    th_task_release(L);
    th_task_admit(L, "read a line");
    return 1;
}

static int read_now(lua_State *L)
{
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(L, &buffer, 4096);
    ssize_t len = read_input(bytes, 4096);
    luaL_pushresultsize(&buffer, (size_t)len);
    if (len == 0)
        lua_pushnil(L);
    return 1;
}

/* input() → bytes of standard input | nil at its end | false: Ctrl-C in a session */
static int input(lua_State *L)
{
    th_task_may_wait(L, "read a line");
    th_task_admit(L, "read a line");
    th_runtime *runtime = th_runtime_of(L);
    struct input_op *op = calloc(1, sizeof *op);
    if (!op)
        return luaL_error(L, "not enough memory");
    op->sched = runtime->sched;
    /* libuv makes the descriptor non-blocking, which standard output and the shell share with it.
     */
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    int rc = uv_poll_init(&runtime->loop, &op->poll, STDIN_FILENO);
    if (flags >= 0)
        fcntl(STDIN_FILENO, F_SETFL, flags);
    if (rc != 0) { /* a file, which never blocks */
        free(op);
        if (rc == UV_EPERM)
            return read_now(L);
        return luaL_error(L, "cannot read standard input: %s", uv_strerror(rc));
    }
    th_task_attach(L, &input_ops, op);
    op->waker = th_task_waker(L);
    op->session = (struct session *)runtime->stop.session;
    if (op->session)
        op->session->op = op;
    uv_poll_start(&op->poll, UV_READABLE, input_readable);
    return th_task_park(L, 0, input_done);
}

/* --- a session -------------------------------------------------------------------------------- */

static bool session_interrupt(th_session *base)
{
    struct session *session = (struct session *)base;
    if (session->op) {
        input_cancel(session->op);
        session->op->interrupted = true;
        th_task_wake(session->op->sched, session->op->waker);
        return true;
    }
    if (!session->task || th_task_done(session->task))
        return false;
    session->interrupted = true;
    th_task_cancel(session->task);
    return true;
}

/* watch(task?): from now on Ctrl-C cancels this task, or none */
static int session_watch(lua_State *L)
{
    struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    session->task = lua_isnoneornil(L, 2) ? NULL : th_task_check(L, 2);
    session->interrupted = false;
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, 1);
    return 0;
}

/* interrupted() → whether Ctrl-C has cancelled the watched task */
static int session_interrupted(lua_State *L)
{
    const struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    lua_pushboolean(L, session->interrupted);
    return 1;
}

/* others() → the number of tasks besides this one */
static int session_others(lua_State *L)
{
    const struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    lua_pushinteger(L, (lua_Integer)th_sched_live(session->stop->sched) - 1);
    return 1;
}

static int session_close(lua_State *L)
{
    struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    if (session->stop->session == &session->base)
        session->stop->session = NULL;
    return 0;
}

/* session() → a to-be-closed value. Until it is closed, Ctrl-C ends the wait for input or the
 * watched task, and an error in a task that nobody awaits is shown and does not end the run. */
static int session(lua_State *L)
{
    th_stop *stop = &th_runtime_of(L)->stop;
    if (stop->session)
        return luaL_error(L, "there is a session already");
    struct session *session = lua_newuserdatauv(L, sizeof *session, 1); // session
    memset(session, 0, sizeof *session);
    session->base.interrupt = session_interrupt;
    session->stop = stop;
    luaL_setmetatable(L, SESSION_TYPE);
    stop->session = &session->base;
    return 1;
}

void th_open_session(lua_State *L)
{
    static const luaL_Reg methods[] = {{"watch", session_watch},
                                       {"interrupted", session_interrupted},
                                       {"others", session_others},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"input", input}, {"session", session}, {NULL, NULL}};
    luaL_newmetatable(L, SESSION_TYPE); // module meta
    lua_pushcfunction(L, session_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, session_close);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1); // module
    luaL_setfuncs(L, functions, 0);
}
