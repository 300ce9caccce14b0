/* trunkhost.core: what the library's Lua half is built on. Scripts use `require "trunkhost"`. */
#include <errno.h>
#include <lauxlib.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/columns.h"
#include "base/secret.h"
#include "base/suggest.h"
#include "call/api.h"
#include "library.h"
#include "lua/error.h"
#include "runtime/runtime.h"

/* now() → seconds on a clock that never goes back */
static int core_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)th_timers_now(th_runtime_of(L)->timers) / 1e9);
    return 1;
}

/* secret { length = 32, alphabet = …, from = text } → secret */
static int core_secret(lua_State *L)
{
    th_secret *secret = NULL;
    th_error err = {0};
    lua_Integer length = 32;
    const char *alphabet = NULL;
    int rc;
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getfield(L, 1, "from") != LUA_TNIL) {
        size_t len;
        const char *text = luaL_checklstring(L, -1, &len);
        rc = th_secret_copy(text, len, &secret, &err);
    } else {
        if (lua_getfield(L, 1, "length") != LUA_TNIL)
            length = luaL_checkinteger(L, -1);
        if (lua_getfield(L, 1, "alphabet") != LUA_TNIL)
            alphabet = luaL_checkstring(L, -1);
        rc = length < 1 ? th_fail(&err, TH_INVALID, "a secret needs at least one character")
                        : th_secret_random((size_t)length, alphabet, &secret, &err);
    }
    if (rc != 0)
        return th_error_raise(L, &err);
    th_secret_give(L, secret);
    return 1;
}

/* log(level, message, fields?) */
static int core_log(lua_State *L)
{
    int level = th_log_level_parse(luaL_checkstring(L, 1));
    const char *message = luaL_tolstring(L, 2, NULL);
    int fields = lua_istable(L, 3) ? 3 : 0;
    luaL_argcheck(L, level >= 0, 1, "unknown level");
    th_log(&th_runtime_of(L)->terminal, (enum th_log_level)level, L, fields, "%s", message);
    return 0;
}

/* progress(text, now?): "" takes the line away */
static int core_progress(lua_State *L)
{
    th_progress_set(&th_runtime_of(L)->terminal, luaL_checkstring(L, 1), lua_toboolean(L, 2));
    return 0;
}

static void add_words(lua_State *L, const char *option, const char *value)
{
    for (int i = 0; i < 2; i++) {
        lua_pushstring(L, i == 0 ? option : value); // options word
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

/* Pushes the words before the script that decide what a run works on, for whoever has to type them
 * again. */
static void push_host_options(lua_State *L, const th_runtime_options *options)
{
    lua_newtable(L); // options
    if (options->config)
        add_words(L, "-c", options->config);
    if (options->ledger)
        add_words(L, "--ledger", options->ledger);
    if (!options->sandbox)
        return;
    if (options->drain_seconds > 0) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%g", options->drain_seconds);
        add_words(L, "--drain", seconds);
    }
    bool bare = !options->sandbox_spec || !options->sandbox_spec[0];
    lua_pushfstring(L, bare ? "--sandbox%s" : "--sandbox=%s", bare ? "" : options->sandbox_spec);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* run() → { id, dry_run, sandbox, stopping, script, named, script_hash, ledger,
 *   host_options } */
static int core_run(lua_State *L)
{
    th_runtime *runtime = th_runtime_of(L);
    lua_createtable(L, 0, 9);
    lua_pushstring(L, runtime->record.run);
    lua_setfield(L, -2, "id");
    lua_pushboolean(L, runtime->options.dry_run);
    lua_setfield(L, -2, "dry_run");
    lua_pushboolean(L, runtime->sandbox != NULL);
    lua_setfield(L, -2, "sandbox");
    lua_pushboolean(L, runtime->stop.phase != TH_PHASE_RUN);
    lua_setfield(L, -2, "stopping");
    lua_pushstring(L, runtime->script.path);
    lua_setfield(L, -2, "script");
    lua_pushstring(L, runtime->script.name ? runtime->script.name : runtime->script.path);
    lua_setfield(L, -2, "named");
    lua_pushstring(L, th_script_hash(&runtime->script));
    lua_setfield(L, -2, "script_hash");
    lua_pushstring(L, runtime->record.path);
    lua_setfield(L, -2, "ledger");
    push_host_options(L, &runtime->options);
    lua_setfield(L, -2, "host_options");
    return 1;
}

/* stopping() → whether a stop was asked for, or the deadline of this task has come, and the seconds
 * that are left to end in (without a bound: a huge number) */
static int core_stopping(lua_State *L)
{
    lua_pushboolean(L, th_task_stopping(L));
    lua_pushnumber(L, th_stop_left(&th_runtime_of(L)->stop, L));
    return 2;
}

/* deadline(seconds, text): of this task and of what it spawns from then on; deadline(): none */
static int core_deadline(lua_State *L)
{
    th_stop_deadline(&th_runtime_of(L)->stop, L, luaL_optnumber(L, 1, 0),
                     luaL_optstring(L, 2, NULL));
    return 0;
}

/* why_cut() → nil; after everything was cancelled, why: "signal" or "drain" */
static int core_why_cut(lua_State *L)
{
    const th_stop *stop = &th_runtime_of(L)->stop;
    if (stop->phase != TH_PHASE_CANCEL)
        lua_pushnil(L);
    else
        lua_pushstring(L, stop->cut ? "drain" : "signal");
    lua_pushnumber(L, stop->drain_seconds);
    return 2;
}

/* acted() → whether the item of this task may have changed something */
static int core_acted(lua_State *L)
{
    lua_pushboolean(L, th_task_acted(L));
    return 1;
}

/* patience(seconds): no request of this run waits longer than that because a platform says so */
static int core_patience(lua_State *L)
{
    th_runtime_of(L)->stop.patience = luaL_checknumber(L, 1);
    return 0;
}

/* set_quiet(): long waits are not told */
static int core_set_quiet(lua_State *L)
{
    th_runtime_of(L)->stop.quiet = true;
    return 0;
}

/* set_dry_run(): from here on nothing but GET leaves the machine; there is no way back */
static int core_set_dry_run(lua_State *L)
{
    th_runtime_of(L)->options.dry_run = true;
    return 0;
}

/* set_exit_status(n): the worst one asked for wins */
static int core_set_exit_status(lua_State *L)
{
    th_verdict_worsen(&th_runtime_of(L)->verdict, (int)luaL_checkinteger(L, 1));
    return 0;
}

/* os.exit(code): ends every task and closes what is open; never leaves from the middle. */
static int core_exit(lua_State *L)
{
    th_runtime *runtime = th_runtime_of(L);
    int code = 0;
    if (lua_isboolean(L, 1))
        code = lua_toboolean(L, 1) ? 0 : 1;
    else
        code = (int)luaL_optinteger(L, 1, 0);
    runtime->verdict = (th_verdict){.status = code, .exiting = true};
    th_sched_cancel_all(runtime->sched);
    th_task_may_wait(L, "exit"); /* the running task ends here */
    return 0;
}

/* is_terminal("in" | "out" | "err") */
static int core_is_terminal(lua_State *L)
{
    static const char *const names[] = {"in", "out", "err", NULL};
    lua_pushboolean(L, isatty(luaL_checkoption(L, 1, NULL, names)));
    return 1;
}

/* columns("out" | "err") → the width of that terminal, or nil when it is none */
static int core_columns(lua_State *L)
{
    static const char *const names[] = {"out", "err", NULL};
    FILE *stream = luaL_checkoption(L, 1, NULL, names) == 0 ? stdout : stderr;
    if (isatty(fileno(stream)))
        lua_pushinteger(L, th_terminal_columns(stream));
    else
        lua_pushnil(L);
    return 1;
}

/* text_columns(text) → how many columns it takes on a terminal */
static int core_text_columns(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_pushinteger(L, (lua_Integer)th_columns(text, len));
    return 1;
}

/* text_fit(text, columns) → how many of its bytes fit into so many columns */
static int core_text_fit(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer columns = luaL_checkinteger(L, 2);
    lua_pushinteger(L, (lua_Integer)th_columns_fit(text, len, columns < 0 ? 0 : (size_t)columns));
    return 1;
}

/* error(kind, message, { account =, trunk =, code =, advice =, cause = }?): raises an error object;
 * cause: the value that led to it */
static int core_error(lua_State *L)
{
    th_error err = {0};
    const char *name = luaL_checkstring(L, 1);
    enum th_kind kind = TH_INVALID;
    while (kind < TH_UNKNOWN_OUTCOME && strcmp(th_kind_name(kind), name) != 0)
        kind++;
    luaL_argcheck(L, strcmp(th_kind_name(kind), name) == 0, 1, "no such kind of error");
    const char *message = luaL_checkstring(L, 2);
    lua_settop(L, 3);
    const char *account = NULL, *trunk = NULL, *code = NULL, *advice = NULL;
    if (lua_istable(L, 3)) {
        lua_getfield(L, 3, "account");
        lua_getfield(L, 3, "trunk");
        lua_getfield(L, 3, "code");
        account = lua_tostring(L, 4);
        trunk = lua_tostring(L, 5);
        code = lua_tostring(L, 6);
        lua_getfield(L, 3, "advice");
        advice = lua_tostring(L, 7);
    }
    th_fail(&err, kind, "%s", message);
    th_error_set_account(&err, account);
    th_error_set_trunk(&err, trunk);
    th_error_set_code(&err, code);
    if (advice)
        th_error_advise(&err, "%s", advice);
    th_error_push(L, &err); // kind message options … object
    if (lua_istable(L, 3)) {
        lua_getfield(L, 3, "cause");
        lua_setfield(L, -2, "cause");
    }
    return th_error_raise_object(L);
}

/* is_error(value) → kind or nil */
static int core_is_error(lua_State *L)
{
    lua_pushstring(L, th_error_kind_at(L, 1));
    return 1;
}

/* is_secret(value) */
static int core_is_secret(lua_State *L)
{
    lua_pushboolean(L, th_secret_test(L, 1) != NULL);
    return 1;
}

/* text_of(secret): for what the library sends; other than reveal() it does not make it the script's */
static int core_text_of(lua_State *L)
{
    size_t len;
    const th_secret *secret = th_secret_test(L, 1);
    luaL_argexpected(L, secret, 1, "secret");
    const char *bytes = th_secret_bytes(secret, &len);
    lua_pushlstring(L, bytes, len);
    return 1;
}

/* suggest(name, list) → the name of the list that is nearest to a mistyped one, or nil */
static int core_suggest(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    size_t count = lua_rawlen(L, 2);
    const char **known = lua_newuserdatauv(L, (count + 1) * sizeof *known, 0); // name list known
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        known[i] = luaL_checkstring(L, -1); /* stays alive in the list */
        lua_pop(L, 1);
    }
    known[count] = NULL;
    lua_pushstring(L, th_suggest(name, known));
    return 1;
}

/* hash(text) → 64 hexadecimal digits (BLAKE2b) */
static int core_hash(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char digest[crypto_generichash_BYTES];
    char hex[sizeof digest * 2 + 1];
    crypto_generichash(digest, sizeof digest, (const unsigned char *)text, len, NULL, 0);
    lua_pushstring(L, sodium_bin2hex(hex, sizeof hex, digest, sizeof digest));
    return 1;
}

int th_open_core(lua_State *L)
{
    static const luaL_Reg functions[] = {{"now", core_now},
                                         {"secret", core_secret},
                                         {"log", core_log},
                                         {"progress", core_progress},
                                         {"run", core_run},
                                         {"stopping", core_stopping},
                                         {"deadline", core_deadline},
                                         {"why_cut", core_why_cut},
                                         {"acted", core_acted},
                                         {"set_quiet", core_set_quiet},
                                         {"patience", core_patience},
                                         {"set_dry_run", core_set_dry_run},
                                         {"set_exit_status", core_set_exit_status},
                                         {"is_terminal", core_is_terminal},
                                         {"columns", core_columns},
                                         {"text_columns", core_text_columns},
                                         {"text_fit", core_text_fit},
                                         {"is_error", core_is_error},
                                         {"is_secret", core_is_secret},
                                         {"error", core_error},
                                         {"text_of", core_text_of},
                                         {"hash", core_hash},
                                         {"suggest", core_suggest},
                                         {NULL, NULL}};
    luaL_newlib(L, functions); // core
    th_task_open(L);
    th_nursery_open(L);
    th_waiter_open(L);
    th_api_open(L);
    th_open_accounts(L);
    th_open_http(L);
    th_open_urls(L);
    th_open_tokens(L);
    th_open_process(L);
    th_open_prompt(L);
    th_open_private_files(L);
    th_open_versions(L);
    th_open_digests(L);
    th_open_mangled(L);
    th_open_output(L);
    return 1;
}

void th_open_globals(lua_State *L)
{
    th_open_printing(L);
    lua_getglobal(L, "os");
    lua_pushcfunction(L, core_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 1);
}
