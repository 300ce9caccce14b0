/*
 * trunkhost.line_editor, first half: editing a line. session.c reads the bytes that are typed and
 * handles Ctrl-C. bindings/trunkhost/prompt/read.lua combines the two.
 */
#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "editline.h"
#include "library.h"
#include "runtime/runtime.h"

#define EDITOR_TYPE "trunkhost.line_editor"

/* --- the editor ------------------------------------------------------------------------------- */

enum { WATCHED = 2 };

struct editor {
    uv_loop_t *loop;
    th_terminal *terminal;
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

/* Ctrl-Z: the terminal is restored for the shell. */
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
        if (!signal || uv_signal_init(editor->loop, signal) != 0) {
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
    th_terminal_type(editor->terminal, &editor->typed);
    uv_signal_start(editor->signals[0], on_resized, SIGWINCH);
    uv_signal_start(editor->signals[1], on_stopped, SIGTSTP);
}

static void give_terminal_back(struct editor *editor)
{
    for (int i = 0; i < WATCHED; i++)
        if (editor->signals[i])
            uv_signal_stop(editor->signals[i]);
    if (editor->terminal->typed == &editor->typed)
        th_terminal_type(editor->terminal, NULL);
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

/* open() → an editor on the terminal of standard input and error, to be closed | nil, reason */
static int open_editor(lua_State *L)
{
    th_error err = {0};
    struct editor *editor = lua_newuserdatauv(L, sizeof *editor, 0); // editor
    memset(editor, 0, sizeof *editor);
    luaL_setmetatable(L, EDITOR_TYPE);
    th_runtime *runtime = th_runtime_of(L);
    editor->loop = &runtime->loop;
    editor->terminal = &runtime->terminal;
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

/* Pushes the event and its text. */
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

/* editor:begin(prompt, colour) → event, text: "more"; "line" with the line; "end"; "complete" with
 * the text before the cursor, which needs an answer */
static int editor_begin(lua_State *L)
{
    struct editor *editor = check_editor(L);
    const char *prompt = luaL_checkstring(L, 2);
    int colour = (int)luaL_optinteger(L, 3, 0);
    fflush(stdout);
    take_terminal(editor);
    if (!editor->terminal->colour)
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

/* editor:stop(mark?): ends editing */
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
    static const luaL_Reg functions[] = {{"open", open_editor}, {NULL, NULL}};
    luaL_newmetatable(L, EDITOR_TYPE);
    lua_pushcfunction(L, editor_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, editor_close);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    th_open_session(L);
    return 1;
}
