/*
 * What a script prints, past the progress line, and what happens when nobody takes it: a full disk,
 * or a reader that has gone (`… | head`).
 *
 *   write(stream, text, printed?)
 *                        in trunkhost.core: "out" or "err", at once, without any secret; `printed`:
 *                        but for those that a script has revealed. Raises an error object when it
 *                        cannot be written; where nobody reads any more, that is no reason to stop
 *   print, io.write and io.stdout:write
 *                        end a script that nobody reads: it might print for ever. Not one that is
 *                        changing something: that goes on without being read
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/redact.h"
#include "library.h"
#include "lua/error.h"
#include "runtime/runtime.h"

static const char *name_of(FILE *stream)
{
    return stream == stdout ? "output" : "error";
}

/* A change must not end in the middle because of what it prints. */
static bool is_changing(lua_State *L)
{
    return th_runtime_of(L)->record.nlocks > 0 || th_task_item(L) != 0;
}

/* From here on nobody is written to any more. */
static void divert(FILE *stream)
{
    if (!freopen("/dev/null", "w", stream))
        clearerr(stream);
}

static int fail_to_write(lua_State *L, FILE *stream, int problem)
{
    th_error err = {0};
    th_fail(&err, TH_INVALID, "cannot write to standard %s: %s", name_of(stream),
            problem == EPIPE ? "its reader has closed it" : strerror(problem));
    th_error_set_code(&err, "output");
    /* What could not be written must not be tried again at the end. */
    divert(stream);
    return th_error_raise(L, &err);
}

/* Something was printed and could not be written. */
static int unprinted(lua_State *L, FILE *stream, int problem)
{
    th_runtime *runtime = th_runtime_of(L);
    if (!is_changing(L))
        return fail_to_write(L, stream, problem);
    divert(stream);
    if (problem == EPIPE)
        return 0;
    th_log(&runtime->terminal, TH_LOG_ERROR, NULL, 0,
           "cannot write to standard %s: %s; the change continues without it", name_of(stream),
           strerror(problem));
    th_verdict_worsen(&runtime->verdict, TH_EXIT_ERROR);
    return 0;
}

static int core_write(lua_State *L)
{
    static const char *const names[] = {"out", "err", NULL};
    FILE *stream = luaL_checkoption(L, 1, NULL, names) == 0 ? stdout : stderr;
    size_t len;
    luaL_checkstring(L, 2);
    th_redact_value(L, 2, lua_toboolean(L, 3));
    const char *text = lua_tolstring(L, 2, &len);
    th_terminal *terminal = &th_runtime_of(L)->terminal;
    th_progress_hide(terminal);
    size_t written = fwrite(text, 1, len, stream);
    int rc = written == len ? fflush(stream) : EOF;
    int problem = errno;
    th_progress_show(terminal);
    if (rc == 0)
        return 0;
    if (problem != EPIPE)
        return fail_to_write(L, stream, problem);
    th_log(terminal, TH_LOG_DEBUG, NULL, 0, "the reader of standard %s has closed it",
           name_of(stream));
    divert(stream);
    return 0;
}

/* print that does not garble the progress line */
static int core_print(lua_State *L)
{
    th_terminal *terminal = &th_runtime_of(L)->terminal;
    int n = lua_gettop(L), problem = 0;
    th_progress_hide(terminal);
    for (int i = 1; i <= n; i++) {
        size_t len;
        luaL_tolstring(L, i, NULL);
        th_redact_value(L, -1, true);
        const char *text = lua_tolstring(L, -1, &len);
        if ((i > 1 && fputc('\t', stdout) == EOF) || fwrite(text, 1, len, stdout) != len)
            problem = errno;
        lua_pop(L, 1);
    }
    if (fputc('\n', stdout) == EOF || (terminal->tty && fflush(stdout) != 0))
        problem = errno;
    th_progress_show(terminal);
    return problem ? unprinted(L, stdout, problem) : 0;
}

/* Whether what io.write writes to, or the file at arg, is `which`. */
static bool is_stream(lua_State *L, int arg, const FILE *which)
{
    if (arg == 0)
        lua_getfield(L, LUA_REGISTRYINDEX, "_IO_output");
    else
        lua_pushvalue(L, arg);
    const luaL_Stream *stream = luaL_testudata(L, -1, LUA_FILEHANDLE);
    lua_pop(L, 1);
    return stream && stream->closef && stream->f == which;
}

/* The results of Lua's own write: nil, a message and a number when it has failed. */
static int judge_write(lua_State *L, int file)
{
    if (lua_isnil(L, 1) && lua_isinteger(L, 3) && file)
        unprinted(L, stdout, (int)lua_tointeger(L, 3));
    return lua_gettop(L);
}

/* Arguments that go to a terminal, a pipe, or wherever standard output and error lead. */
static void redact_arguments(lua_State *L, int first)
{
    for (int i = first; i <= lua_gettop(L); i++)
        if (lua_type(L, i) == LUA_TSTRING)
            th_redact_value(L, i, true);
}

/* upvalue: Lua's own io.write */
static int io_write(lua_State *L)
{
    bool file = is_stream(L, 0, stdout);
    if (file || is_stream(L, 0, stderr))
        redact_arguments(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1); // write …
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return judge_write(L, file);
}

/* upvalue: the method write of files */
static int file_write(lua_State *L)
{
    bool file = is_stream(L, 1, stdout);
    if (file || is_stream(L, 1, stderr))
        redact_arguments(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return judge_write(L, file);
}

/* Replaces the function `name` of the table at the top by one that has it as its upvalue. */
static void wrap(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void th_open_output(lua_State *L)
{
    lua_pushcfunction(L, core_write);
    lua_setfield(L, -2, "write");
}

/* Another program on this terminal or pipe may have made it one that does not wait: a slow reader
 * would then look like a broken one, and end a job. */
static void make_waiting(FILE *stream)
{
    int fd = fileno(stream), flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

void th_open_printing(lua_State *L)
{
    make_waiting(stdout);
    make_waiting(stderr);
    lua_pushcfunction(L, core_print);
    lua_setglobal(L, "print");
    lua_getglobal(L, "io"); // io
    wrap(L, "write", io_write);
    lua_pop(L, 1);
    luaL_getmetatable(L, LUA_FILEHANDLE); // meta
    lua_getfield(L, -1, "__index");       // meta methods
    wrap(L, "write", file_write);
    lua_pop(L, 2);
}
