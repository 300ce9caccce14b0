/* Accounts: from a checked configuration entry to something that can send requests. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "call/api.h"
#include "library.h"
#include "lua/error.h"

static size_t read_windows(lua_State *L, int idx, th_window windows[TH_WINDOWS_MAX])
{
    int top = lua_gettop(L);
    size_t n = 0;
    for (lua_Integer i = 1; n < TH_WINDOWS_MAX && lua_rawgeti(L, idx, i) == LUA_TTABLE; i++) {
        lua_rawgeti(L, -1, 1);
        lua_getfield(L, -2, "per");
        windows[n].requests = (unsigned)lua_tointeger(L, -2);
        windows[n].seconds = lua_tonumber(L, -1);
        n++;
        lua_settop(L, top);
    }
    lua_settop(L, top);
    return n;
}

void th_read_connection(lua_State *L, int idx, th_window windows[TH_WINDOWS_MAX],
                        th_connection_options *out)
{
    int top = lua_gettop(L);
    if (lua_getfield(L, idx, "rate") == LUA_TTABLE) {
        out->nwindows = read_windows(L, top + 1, windows);
        out->windows = windows;
    }
    lua_getfield(L, idx, "concurrency"); // rate concurrency
    out->concurrency = (unsigned)lua_tointeger(L, -1);
    lua_getfield(L, idx, "ca_file"); // rate concurrency ca_file
    out->transfer.ca_file = lua_tostring(L, -1);
    lua_getfield(L, idx, "timeout"); // … timeout
    out->transfer.timeout_ms = (long)(lua_tonumber(L, -1) * 1000);
    lua_getfield(L, idx, "http"); // … http
    const char *http = lua_tostring(L, -1);
    if (http)
        out->transfer.http = strcmp(http, "2") == 0 ? TH_HTTP_2 : TH_HTTP_1_1;
    lua_settop(L, top);
}

/* open_account { name, description, base_url?, token, token_source?, rate?, concurrency?, ca_file?,
 * timeout?, http?, max_wait? } The values have been checked (bindings/trunkhost/account/config.lua). */
static int open_account(lua_State *L)
{
    th_runtime *runtime = th_runtime_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    th_error err = {0};
    th_account_options options = {0};
    th_window windows[TH_WINDOWS_MAX];
    lua_getfield(L, 1, "name"); // 2
    options.name = luaL_checkstring(L, 2);
    lua_getfield(L, 1, "base_url"); // 3
    options.base_url = lua_tostring(L, 3);
    lua_getfield(L, 1, "token"); // 4
    options.token = th_secret_test(L, 4);
    luaL_argcheck(L, options.token, 1, "the token is missing");
    th_read_connection(L, 1, windows, &options.connection);
    lua_getfield(L, 1, "description");  // 5
    lua_getfield(L, 1, "token_source"); // 6
    options.token_source = lua_tostring(L, 6);
    lua_getfield(L, 1, "max_wait"); // 7
    options.max_wait = lua_tonumber(L, 7);
    if (th_provider_parse(L, 5, &options.provider, &err) != 0)
        return th_error_raise(L, &err);
    th_account *account = NULL;
    if (th_account_create(runtime, &options, &account, &err) != 0) {
        th_error_set_code(&err, "configuration");
        return th_error_raise(L, &err);
    }
    th_account_push(L, account);
    return 1;
}

/* check_provider(description): raises an error that lists every fault */
static int check_provider(lua_State *L)
{
    th_error err = {0};
    th_provider *provider = NULL;
    if (th_provider_parse(L, 1, &provider, &err) != 0)
        return th_error_raise(L, &err);
    th_provider_destroy(L, provider);
    return 0;
}

/* sandbox(api) → { base_url, token, limits } of the fake platform, or nil */
static int sandbox_account(lua_State *L)
{
    const th_runtime *runtime = th_runtime_of(L);
    const char *api = luaL_checkstring(L, 1);
    const char *url = runtime->sandbox ? th_sandbox_base_url(runtime->sandbox, api) : NULL;
    if (!url) {
        lua_pushnil(L);
        return 1;
    }
    lua_createtable(L, 0, 3);
    lua_pushstring(L, url);
    lua_setfield(L, -2, "base_url");
    lua_pushstring(L, th_sandbox_token(runtime->sandbox));
    lua_setfield(L, -2, "token");
    lua_pushstring(L, runtime->sandbox_limits);
    lua_setfield(L, -2, "limits");
    return 1;
}

/* config_file() → the file named with --config, or nil */
static int config_file(lua_State *L)
{
    lua_pushstring(L, th_runtime_of(L)->options.config);
    return 1;
}

/* same_token(account, account) */
static int same_token(lua_State *L)
{
    const th_account *a = th_account_check(L, 1), *b = th_account_check(L, 2);
    lua_pushboolean(L, th_account_same_token(a, b));
    return 1;
}

/* account:impact(trunk, fields) → { inbound = true, outbound = true } */
static int account_impact(lua_State *L)
{
    const th_account *account = th_account_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    unsigned legs = th_impact(L, account->provider, 2, 3);
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, (legs & TH_INBOUND) != 0);
    lua_setfield(L, -2, "inbound");
    lua_pushboolean(L, (legs & TH_OUTBOUND) != 0);
    lua_setfield(L, -2, "outbound");
    return 1;
}

enum { MAX_GRANTS = 32 };

/* validate(account, endpoint, fields, grants?) → the body as it would be sent; raises an error that
 * lists every fault. Nothing is sent, and no secret goes to the ledger. */
static int validate_body(lua_State *L)
{
    const th_account *account = th_account_check(L, 1);
    const char *grants[MAX_GRANTS + 1] = {NULL};
    th_error err = {0};
    lua_settop(L, 4);
    const th_endpoint *endpoint = th_provider_endpoint(account->provider, luaL_checkstring(L, 2));
    luaL_argcheck(L, endpoint, 2, "the provider has no such endpoint");
    if (lua_istable(L, 4)) {
        for (lua_Integer i = 0; i < MAX_GRANTS && lua_rawgeti(L, 4, i + 1) == LUA_TSTRING; i++)
            grants[i] = lua_tostring(L, -1); // the table holds it
        lua_settop(L, 4);
    }
    if (th_validate(L, account->provider, endpoint, 3, grants, &err) != 0)
        return th_error_raise(L, &err);
    return 1; // body
}

/* account:describe() → the provider's description table */
static int account_describe(lua_State *L)
{
    th_provider_push(L, th_account_check(L, 1)->provider);
    return 1;
}

/* account:name() */
static int account_name(lua_State *L)
{
    lua_pushstring(L, th_account_check(L, 1)->name);
    return 1;
}

void th_pace_push(lua_State *L, const th_pacer *pacer)
{
    struct th_pacer_stats stats;
    th_pacer_stats(pacer, &stats);
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, (lua_Integer)stats.queued);
    lua_setfield(L, -2, "queued");
    lua_pushinteger(L, (lua_Integer)stats.in_flight);
    lua_setfield(L, -2, "in_flight");
    lua_pushinteger(L, (lua_Integer)stats.admitted);
    lua_setfield(L, -2, "admitted");
    lua_pushinteger(L, (lua_Integer)stats.limited);
    lua_setfield(L, -2, "limited");
    lua_pushnumber(L, stats.wait_seconds);
    lua_setfield(L, -2, "wait");
    lua_pushstring(L, stats.waiting_for);
    lua_setfield(L, -2, "waiting_for");
}

/* account:pace() → { queued, in_flight, admitted, limited, wait, waiting_for } */
static int account_pace(lua_State *L)
{
    th_pace_push(L, th_account_check(L, 1)->pacer);
    return 1;
}

void th_open_accounts(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open_account", open_account},
                                         {"check_provider", check_provider},
                                         {"sandbox", sandbox_account},
                                         {"validate", validate_body},
                                         {"config_file", config_file},
                                         {"same_token", same_token},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"impact", account_impact},
                                       {"describe", account_describe},
                                       {"name", account_name},
                                       {"pace", account_pace},
                                       {NULL, NULL}};
    luaL_setfuncs(L, functions, 0); // core
    luaL_getmetatable(L, "trunkhost.account");
    lua_getfield(L, -1, "__index"); // core meta methods
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -3, "account_methods"); // the Lua half adds its own
    lua_pop(L, 1);
}
