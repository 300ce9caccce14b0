/*
 * Commands of scripts and of the library. Those that handle secrets get them as JSON on their standard
 * input, never in their arguments or their environment; or they print one, which is read into locked
 * memory.
 */
#include <lauxlib.h>
#include <sodium.h>
#include <string.h>

#include "../host/json/json.h"
#include "base/redact.h"
#include "library.h"
#include "lua/error.h"
#include "process.h"

enum { TOKEN_SECONDS = 30 };

static const struct th_wait_ops child_ops = {.name = "a command",
                                             .cancel = th_child_cancel,
                                             .release = th_child_release,
                                             .describe = th_child_describe};

/* Pushes a userdata that holds the strings of the list at idx, and NULL; they live as long as the
 * table. */
static char **push_strings(lua_State *L, int idx)
{
    int n = (int)luaL_len(L, idx);
    const char **argv = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *argv, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, idx, i + 1);
        argv[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    argv[n] = NULL;
    return (char **)(uintptr_t)argv;
}

/* The words of a command. */
static char **push_argv(lua_State *L, int idx)
{
    luaL_checktype(L, idx, LUA_TTABLE);
    luaL_argcheck(L, luaL_len(L, idx) > 0, idx, "the command is empty");
    return push_strings(L, idx);
}

static void push_buf(lua_State *L, const th_buf *buf)
{
    lua_pushlstring(L, buf->data ? buf->data : "", buf->len);
}

static int child_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_child *child = th_task_op(L);
    th_scrub_output(L, 2, &child->printed, child->printed.len == TH_CHILD_OUTPUT);
    th_scrub_output(L, 2, &child->complained, child->complained.len == TH_CHILD_OUTPUT);
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, (lua_Integer)child->status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, child->signal);
    lua_setfield(L, -2, "signal");
    lua_pushboolean(L, child->timed_out);
    lua_setfield(L, -2, "timed_out");
    push_buf(L, &child->printed);
    lua_setfield(L, -2, "out");
    push_buf(L, &child->complained);
    lua_setfield(L, -2, "err");
    th_task_release(L);
    return 1;
}

/*
 * run_command(words, input, seconds) → { status, signal, timed_out, out, err }
 * words: the program and its arguments; input: a value that it reads as one line of JSON, secrets
 * in clear, or a feed; seconds: killed after that long, counted from the end of its input. What it
 * prints comes back without the secrets that it was given. Raises when it cannot be started.
 */
static int run_command(lua_State *L)
{
    luaL_checkany(L, 2);
    double seconds = luaL_optnumber(L, 3, 60);
    th_task_may_wait(L, "run a command");
    char **argv = push_argv(L, 1);
    th_buf input = {.sensitive = true};
    th_child *child = th_child_create(L, &child_ops, argv[0], seconds);
    th_error err = {0};
    th_feed *feed = th_feed_test(L, 2);
    if (feed && feed->child) {
        th_fail(&err, TH_INVALID, "another command reads this feed already");
        return th_error_raise(L, &err);
    }
    if (!feed && th_json_encode(L, 2, TH_JSON_SECRETS, &input, &err) != 0)
        return th_error_raise(L, &err);
    if (!feed)
        th_buf_putc(&input, '\n');
    int rc = th_child_spawn(child, argv, NULL, NULL);
    if (rc != 0) {
        th_buf_close(&input);
        th_fail(&err, TH_INVALID, "cannot run %s: %s", argv[0], uv_strerror(rc));
        return th_error_raise(L, &err);
    }
    child->feed = feed;
    th_child_start(child, feed ? &feed->waiting : &input);
    return th_task_park(L, 0, child_done);
}

/*
 * run_process(words, stdin, env, cwd) → { status, signal, timed_out, out, err }, or nil and the error
 * as luv writes it when it cannot be started
 * stdin: a text, or nil; env: a list of "NAME=value", or nil; cwd: a folder, or nil. All that it prints
 * is kept, and there is no time limit.
 */
static int run_process(lua_State *L)
{
    size_t len;
    th_buf input = {0};
    lua_settop(L, 4);
    th_task_may_wait(L, "run a command");
    char **argv = push_argv(L, 1); // words stdin env cwd argv
    lua_pushfstring(L, "start the command %s", argv[0]);
    th_task_admit(L, lua_tostring(L, -1));
    th_task_set_acted(L);
    char **env = lua_isnil(L, 3) ? NULL : push_strings(L, 3);
    const char *text = lua_tolstring(L, 2, &len);
    th_child *child = th_child_create(L, &child_ops, argv[0], 0);
    child->patient = true;
    int rc = th_child_spawn(child, argv, env, lua_tostring(L, 4));
    if (rc != 0) {
        th_task_release(L);
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", uv_err_name(rc), uv_strerror(rc));
        return 2;
    }
    if (text && th_buf_append(&input, text, len) != 0)
        return luaL_error(L, "not enough memory");
    lua_settop(L, 1);
    lua_pushnil(L); // what child_done looks for secrets in
    th_child_start(child, &input);
    return th_task_park(L, 0, child_done);
}

/* --- a token ---------------------------------------------------------------------------------- */

static bool token_interrupt(void *ptr)
{
    th_child_cancel(ptr);
    return true;
}

static const struct th_wait_ops token_ops = {.name = "a token command",
                                             .cancel = th_child_cancel,
                                             .release = th_child_release,
                                             .describe = th_child_describe,
                                             .interrupt = token_interrupt};

/* The end of what it has said on standard error, on one line, without what it has printed. Pushes
 * it. */
static const char *push_complaint(lua_State *L, th_child *child)
{
    enum { SHOWN = 300 };
    char *text = child->complained.data;
    size_t len = child->complained.len;
    th_secret *secret = NULL;
    th_buf_putc(&child->complained, '\0');
    if (!text || child->complained.len == len) {
        lua_pushliteral(L, "");
        return lua_tostring(L, -1);
    }
    text = child->complained.data;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    size_t kept = child->vault_len < TH_SECRET_MAX ? child->vault_len : TH_SECRET_MAX;
    while (kept > 0 && (unsigned char)child->vault[kept - 1] <= ' ')
        kept--;
    if (kept > 0 && th_secret_copy(child->vault, kept, &secret, NULL) == 0)
        th_redact_words(text, len, &(struct th_secret_list){(const th_secret *[]){secret}, 1});
    th_secret_unref(secret);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    size_t from = len > SHOWN ? len - SHOWN : 0;
    while (from < len && ((text[from] & 0xc0) == 0x80 || text[from] == ' '))
        from++;
    if (len == from)
        lua_pushliteral(L, "");
    else
        lua_pushfstring(L, ": %s%s", from > 0 ? "…" : "",
                        lua_pushlstring(L, text + from, len - from));
    return lua_tostring(L, -1);
}

static int judge_token(lua_State *L, th_child *child, th_secret **secret, th_error *err)
{
    const char *said = push_complaint(L, child);
    const char *end = memchr(child->vault, '\n', child->vault_len);
    size_t len = end ? (size_t)(end - child->vault) : child->vault_len;
    if (child->overflowed)
        return th_fail(err, TH_INVALID, "%s printed too much for a token", child->name);
    if (child->timed_out)
        return th_fail(err, TH_TIMEOUT,
                       "%s, which should print the token, did not end within %g s and was killed%s",
                       child->name, (double)child->limit_ns / 1e9, said);
    if (child->status != 0 || child->signal != 0)
        return th_fail(err, TH_INVALID, "%s, which should print the token, failed (%s %d)%s",
                       child->name, child->signal ? "signal" : "status",
                       child->signal ? child->signal : (int)child->status, said);
    while (len > 0 && child->vault[len - 1] == '\r')
        len--;
    if (len == 0)
        return th_fail(err, TH_INVALID, "the token from %s is empty%s", child->name, said);
    return th_secret_copy(child->vault, len, secret, err);
}

static int token_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_child *child = th_task_op(L);
    th_secret *secret = NULL;
    th_error err = {0};
    if (child->waits > 0) {
        th_task_release(L);
        th_task_admit(L, "wait for a token");
        return luaL_error(L, "the wait for a token was interrupted");
    }
    int rc = judge_token(L, child, &secret, &err);
    th_task_release(L);
    if (rc == 0) {
        th_secret_give(L, secret);
        return 1;
    }
    th_error_set_code(&err, "configuration");
    return th_error_raise(L, &err);
}

/*
 * token_from_command(words, seconds) → secret: the first line that it prints. No shell. Read into
 * locked memory; what it says on standard error is quoted when it fails. Killed after so long.
 */
static int token_from_command(lua_State *L)
{
    double seconds = luaL_optnumber(L, 2, TOKEN_SECONDS);
    th_error err = {0};
    th_runtime *runtime = th_runtime_of(L);
    bool waits = lua_isyieldable(L) || runtime->turning;
    if (waits)
        th_task_may_wait(L, "run a command for a token");
    th_task_admit(L, "run a command for a token");
    char **argv = push_argv(L, 1);
    th_child *child = th_child_create(L, &token_ops, argv[0], seconds);
    child->vault = sodium_malloc(TH_CHILD_VAULT);
    if (!child->vault)
        return luaL_error(L, "not enough locked memory for a token");
    int rc = th_child_spawn(child, argv, NULL, NULL);
    if (rc != 0) {
        th_fail(&err, TH_INVALID, "cannot run %s for the token: %s", argv[0], uv_strerror(rc));
        th_error_set_code(&err, "configuration");
        return th_error_raise(L, &err);
    }
    th_buf nothing = {0};
    th_child_start(child, &nothing);
    if (waits)
        return th_task_park(L, 0, token_done);
    /* Inside of require and the like, where a module opens its account: the loop turns here. */
    while (child->waits > 0 && !th_task_stopping(L))
        uv_run(&runtime->loop, UV_RUN_ONCE);
    return token_done(L, LUA_OK, 0);
}

void th_open_process(lua_State *L)
{
    lua_pushcfunction(L, run_process);
    lua_setfield(L, -2, "run_process");
    lua_pushcfunction(L, token_from_command);
    lua_setfield(L, -2, "token_from_command");
    lua_pushcfunction(L, run_command);
    lua_setfield(L, -2, "run_command");
    th_feed_open(L);
}
