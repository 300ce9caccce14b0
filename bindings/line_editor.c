/*
 * What a prompt is made of: bytes that somebody types, the line that they become, and Ctrl-C, which
 * there ends a call and not the run. trunkhost.commands.interactive puts them together.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "editline.h"
#include "library.h"
#include "runtime.h"

#define EDITOR_TYPE  "trunkhost.line_editor"
#define SESSION_TYPE "trunkhost.session"

/* --- waiting for input
 * ------------------------------------------------------------------------------- */

struct session {
    th_session base; /* first */
    th_runtime *runtime;
    struct input_op *op; /* the wait for input that is under way, or NULL */
    th_task *task;       /* what was typed, while it runs; user value 1 holds its handle */
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

/* A terminal that is gone reads as an error: the end, too. */
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
    th_runtime_admit(L, "read a line");
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
    th_runtime_admit(L, "read a line");
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
    if (rc != 0) { /* a file: it makes nobody wait */
        free(op);
        if (rc == UV_EPERM)
            return read_now(L);
        return luaL_error(L, "cannot read standard input: %s", uv_strerror(rc));
    }
    th_task_attach(L, &input_ops, op);
    op->waker = th_task_waker(L);
    op->session = (struct session *)runtime->session;
    if (op->session)
        op->session->op = op;
    uv_poll_start(&op->poll, UV_READABLE, input_readable);
    return th_task_park(L, 0, input_done);
}

/* --- a session
 * ------------------------------------------------------------------------------------------ */

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

/* watch(task?): Ctrl-C is for this task from now on, or for none */
static int session_watch(lua_State *L)
{
    struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    session->task = lua_isnoneornil(L, 2) ? NULL : th_task_check(L, 2);
    session->interrupted = false;
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, 1);
    return 0;
}

/* interrupted() → whether Ctrl-C has ended the task that is watched */
static int session_interrupted(lua_State *L)
{
    const struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    lua_pushboolean(L, session->interrupted);
    return 1;
}

/* others() → how many tasks there are besides this one */
static int session_others(lua_State *L)
{
    const struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    lua_pushinteger(L, (lua_Integer)th_sched_live(session->runtime->sched) - 1);
    return 1;
}

static int session_close(lua_State *L)
{
    struct session *session = luaL_checkudata(L, 1, SESSION_TYPE);
    if (session->runtime->session == &session->base)
        session->runtime->session = NULL;
    return 0;
}

/* session() → a to-be-closed value. Until it is closed, Ctrl-C ends the wait for input or the task
 * that is watched, and the error of a task that nobody awaits is told and does not end the run. */
static int session(lua_State *L)
{
    th_runtime *runtime = th_runtime_of(L);
    if (runtime->session)
        return luaL_error(L, "there is a session already");
    struct session *session = lua_newuserdatauv(L, sizeof *session, 1); // session
    memset(session, 0, sizeof *session);
    session->base.interrupt = session_interrupt;
    session->runtime = runtime;
    luaL_setmetatable(L, SESSION_TYPE);
    runtime->session = &session->base;
    return 1;
}

/* --- the editor
 * ----------------------------------------------------------------------------------------- */

enum { WATCHED = 2 };

struct editor {
    th_runtime *runtime;
    th_editline *line;             /* owned; NULL once closed */
    uv_signal_t *signals[WATCHED]; /* owned until uv_close has freed them */
    struct th_typed_line typed;
};

static void hide(void *ctx)
{
    th_editline_hide(ctx);
}

static void show(void *ctx)
{
    th_editline_show(ctx);
}

static void on_resized(uv_signal_t *handle, int number)
{
    (void)number;
    th_editline_resized(handle->data);
}

/* Ctrl-Z: the shell gets its terminal back as it knows it. */
static void on_stopped(uv_signal_t *handle, int number)
{
    (void)number;
    th_editline_suspend(handle->data);
    raise(SIGSTOP);
    th_editline_resume(handle->data);
}

static void signal_closed(uv_handle_t *handle)
{
    free(handle);
}

static int open_signals(struct editor *editor)
{
    for (int i = 0; i < WATCHED; i++) {
        uv_signal_t *signal = calloc(1, sizeof *signal);
        if (!signal || uv_signal_init(&editor->runtime->loop, signal) != 0) {
            free(signal);
            return -1;
        }
        signal->data = editor->line;
        uv_unref((uv_handle_t *)signal);
        editor->signals[i] = signal;
    }
    return 0;
}

static void take_terminal(struct editor *editor)
{
    th_terminal_type(&editor->runtime->terminal, &editor->typed);
    uv_signal_start(editor->signals[0], on_resized, SIGWINCH);
    uv_signal_start(editor->signals[1], on_stopped, SIGTSTP);
}

static void give_terminal_back(struct editor *editor)
{
    for (int i = 0; i < WATCHED; i++)
        if (editor->signals[i])
            uv_signal_stop(editor->signals[i]);
    if (editor->runtime->terminal.typed == &editor->typed)
        th_terminal_type(&editor->runtime->terminal, NULL);
}

static int editor_close(lua_State *L)
{
    struct editor *editor = luaL_checkudata(L, 1, EDITOR_TYPE);
    if (!editor->line)
        return 0;
    th_editline_stop(editor->line, NULL);
    give_terminal_back(editor);
    for (int i = 0; i < WATCHED; i++)
        if (editor->signals[i])
            uv_close((uv_handle_t *)editor->signals[i], signal_closed);
    th_editline_destroy(editor->line);
    editor->line = NULL;
    return 0;
}

/* open() → an editor on the terminal of standard input and error, to be closed | nil, why not */
static int open_editor(lua_State *L)
{
    th_error err = {0};
    struct editor *editor = lua_newuserdatauv(L, sizeof *editor, 0); // editor
    memset(editor, 0, sizeof *editor);
    luaL_setmetatable(L, EDITOR_TYPE);
    editor->runtime = th_runtime_of(L);
    if (th_editline_create(stdin, stderr, &editor->line, &err) != 0) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        th_error_close(&err);
        return 2;
    }
    editor->typed = (struct th_typed_line){.hide = hide, .show = show, .ctx = editor->line};
    if (open_signals(editor) != 0)
        return luaL_error(L, "cannot watch the terminal");
    return 1;
}

static struct editor *check_editor(lua_State *L)
{
    struct editor *editor = luaL_checkudata(L, 1, EDITOR_TYPE);
    luaL_argcheck(L, editor->line, 1, "it is closed");
    return editor;
}

/* Pushes the event and what belongs to it. */
static int push_event(lua_State *L, struct editor *editor, enum th_edit_event event)
{
    static const char *const names[] = {"more", "line", "end", "complete"};
    size_t len;
    const char *text = th_editline_text(editor->line, &len);
    if (event == TH_EDIT_LINE || event == TH_EDIT_END)
        give_terminal_back(editor);
    lua_pushstring(L, names[event]);
    lua_pushlstring(L, text, len);
    return 2;
}

/* editor:begin(prompt, colour) → event, text: "more"; "line" with it; "end"; "complete" with what
 * stands before the cursor, to be answered */
static int editor_begin(lua_State *L)
{
    struct editor *editor = check_editor(L);
    const char *prompt = luaL_checkstring(L, 2);
    int colour = (int)luaL_optinteger(L, 3, 0);
    fflush(stdout);
    take_terminal(editor);
    if (!editor->runtime->terminal.colour)
        colour = 0;
    th_editline_begin(editor->line, prompt, colour);
    return push_event(L, editor, th_editline_feed(editor->line, "", 0));
}

/* editor:feed(bytes) → event, text */
static int editor_feed(lua_State *L)
{
    struct editor *editor = check_editor(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    return push_event(L, editor, th_editline_feed(editor->line, bytes, len));
}

/* editor:answer(insert?, list?) → event, text */
static int editor_answer(lua_State *L)
{
    struct editor *editor = check_editor(L);
    const char *insert = luaL_optstring(L, 2, NULL), *list = luaL_optstring(L, 3, NULL);
    return push_event(L, editor, th_editline_answer(editor->line, insert, list));
}

/* editor:stop(mark?): leaves the line, if there is one */
static int editor_stop(lua_State *L)
{
    struct editor *editor = check_editor(L);
    th_editline_stop(editor->line, luaL_optstring(L, 2, NULL));
    give_terminal_back(editor);
    return 0;
}

/* editor:remember(line) */
static int editor_remember(lua_State *L)
{
    th_editline_remember(check_editor(L)->line, luaL_checkstring(L, 2));
    return 0;
}

int th_open_line_editor(lua_State *L)
{
    static const luaL_Reg methods[] = {{"begin", editor_begin},   {"feed", editor_feed},
                                       {"answer", editor_answer}, {"remember", editor_remember},
                                       {"stop", editor_stop},     {NULL, NULL}};
    static const luaL_Reg session_methods[] = {{"watch", session_watch},
                                               {"interrupted", session_interrupted},
                                               {"others", session_others},
                                               {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"open", open_editor}, {"input", input}, {"session", session}, {NULL, NULL}};
    luaL_newmetatable(L, EDITOR_TYPE);
    lua_pushcfunction(L, editor_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, editor_close);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, SESSION_TYPE);
    lua_pushcfunction(L, session_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, session_close);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, session_methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
    luaL_newlib(L, functions);
    return 1;
}
