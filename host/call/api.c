#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "lua/error.h"
#include "json/json.h"

#define ACCOUNT_TYPE "trunkhost.account"

/* --- the account as a userdata ---------------------------------------------------------------- */

void th_account_push(lua_State *L, th_account *account)
{
    th_account **ud = lua_newuserdatauv(L, sizeof *ud, 0);
    *ud = account;
    luaL_setmetatable(L, ACCOUNT_TYPE);
}

th_account *th_account_check(lua_State *L, int arg)
{
    if (th_runtime_of(L)->ended)
        luaL_error(L, "the run has ended");
    return *(th_account **)luaL_checkudata(L, arg, ACCOUNT_TYPE);
}

/* --- building a call -------------------------------------------------------------------------- */

/* The names in options.grant, as th_validate takes them; points into Lua strings that options
 * holds. */
static const char *const *read_grants(lua_State *L, const char *names[], size_t room)
{
    int top = lua_gettop(L);
    size_t n = 0;
    if (!lua_istable(L, ARG_OPTIONS))
        return NULL;
    if (lua_getfield(L, ARG_OPTIONS, "grant") == LUA_TTABLE) {
        for (lua_Integer i = 1; n + 1 < room && lua_rawgeti(L, top + 1, i) == LUA_TSTRING; i++) {
            names[n++] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, top);
    names[n] = NULL;
    return n ? names : NULL;
}

static bool read_flag(lua_State *L, const char *name, bool fallback)
{
    if (!lua_istable(L, ARG_OPTIONS))
        return fallback;
    bool value = lua_getfield(L, ARG_OPTIONS, name) == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static int append_query(lua_State *L, struct th_call *call, th_error *err)
{
    if (!lua_istable(L, ARG_OPTIONS))
        return 0;
    lua_getfield(L, ARG_OPTIONS, "query");
    int rc = th_query_build(L, call->endpoint, -1, &call->url, err);
    lua_pop(L, 1);
    return rc;
}

/* The trunk's name in errors and in the ledger: the text of its id, "42" for 42.0 too. */
static int note_trunk(lua_State *L, struct th_call *call)
{
    int isint;
    if (lua_istable(L, ARG_PARAMS))
        lua_getfield(L, ARG_PARAMS, "id");
    else
        lua_pushvalue(L, ARG_PARAMS);
    lua_Integer id = lua_tointegerx(L, -1, &isint);
    if (isint && lua_type(L, -1) == LUA_TNUMBER) {
        th_buf text = {0};
        th_buf_put_integer(&text, id);
        call->trunk = text.data;
    } else {
        call->trunk = strdup(lua_isnil(L, -1) ? "" : luaL_tolstring(L, -1, NULL));
    }
    lua_settop(L, ARG_OPTIONS);
    return call->trunk ? 0 : -1;
}

/* Everything that can be wrong is found here, before anything is sent. Leaves the body at AT_BODY.
 */
static int build(lua_State *L, struct th_call *call, th_error *err)
{
    const th_account *account = call->account;
    const th_endpoint *endpoint = call->endpoint;
    int rc;
    if (note_trunk(L, call) != 0)
        return th_fail(err, TH_INVALID, "not enough memory");
    if (account->runtime->options.dry_run && endpoint->method != TH_GET)
        return th_fail(err, TH_INVALID, "dry run: '%s' was not sent", endpoint->name);
    th_buf_puts(&call->url, account->base_url);
    rc = th_path_build(L, account->provider, endpoint, ARG_PARAMS, &call->url, err);
    if (rc != 0 || (rc = append_query(L, call, err)) != 0)
        return rc;
    if (endpoint->body && lua_isnil(L, ARG_FIELDS)) {
        lua_newtable(L);
        lua_replace(L, ARG_FIELDS);
    }
    const char *grants[32];
    rc = th_validate(L, account->provider, endpoint, ARG_FIELDS,
                     read_grants(L, grants, sizeof grants / sizeof grants[0]), err);
    if (rc != 0 || !endpoint->body)
        return rc;
    if ((rc = th_call_take_secrets(L, call, err)) != 0)
        return rc;
    call->body.sensitive = call->nsecrets > 0;
    return th_json_encode(L, AT_BODY, TH_JSON_SECRETS, &call->body, err);
}

static const th_endpoint *find_endpoint(lua_State *L, const th_account *account)
{
    const char *name = luaL_checkstring(L, ARG_ENDPOINT);
    const th_endpoint *endpoint = th_provider_endpoint(account->provider, name);
    if (!endpoint) {
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        for (const char *const *at = th_provider_endpoint_names(account->provider); *at; at++) {
            luaL_addstring(&b, at[0]);
            if (at[1])
                luaL_addstring(&b, ", ");
        }
        luaL_pushresult(&b);
        luaL_error(L, "%s has no endpoint '%s'; there are: %s", th_provider_name(account->provider),
                   name, lua_tostring(L, -1));
    }
    return endpoint;
}

static int start(lua_State *L, th_account *account, const th_endpoint *endpoint)
{
    static const struct th_pace_reply none = {0, -1, -1, -1, -1};
    th_task_may_wait(L, "send a request");
    th_task_admit(L, "send a request");
    struct th_stop_request stop = {
        .account = account->name, .max_wait = account->max_wait, .told = &account->told_until};
    th_error err = {0};
    th_stop_note(L, &stop);
    if (!th_stop_may_begin(&stop, endpoint->method != TH_GET, &err))
        return th_error_raise(L, &err);
    struct th_call *call =
        malloc(sizeof *call); /* the last one's, which calloc would not look for */
    if (!call)
        return luaL_error(L, "not enough memory");
    memset(call, 0, sizeof *call);
    call->account = account;
    call->endpoint = endpoint;
    call->stop = stop;
    th_task_attach(L, &th_call_ops, call);
    if (build(L, call, &err) != 0)
        return th_call_fail(L, call, TH_ATTEMPT_UNSENT, &err);
    bool repeatable = endpoint->method == TH_GET || endpoint->repeatable;
    bool has_body = endpoint->body != NULL;
    call->x.client = account->client;
    call->x.pacer = account->pacer;
    call->x.timers = account->runtime->timers;
    call->x.repeatable = repeatable && read_flag(L, "resend", true);
    call->unproven = !read_flag(L, "settle", true);
    call->x.transfer.method = th_method_name(endpoint->method);
    call->x.transfer.url = call->url.data;
    call->x.transfer.headers = has_body ? account->body_headers : account->headers;
    call->x.transfer.body = has_body ? call->body.data : NULL;
    call->x.transfer.body_len = call->body.len;
    call->x.transfer.pace = none;
    call->x.transfer.keep_headers = endpoint->returns_list;
    return th_call_begin(L, call);
}

int th_api_call(lua_State *L)
{
    th_account *account = th_account_check(L, ARG_ACCOUNT);
    const th_endpoint *endpoint = find_endpoint(L, account);
    lua_settop(L, ARG_OPTIONS);
    return start(L, account, endpoint);
}

/* account:update(id, fields, options): without looking the endpoint up by name. */
static int account_update(lua_State *L)
{
    th_account *account = th_account_check(L, 1);
    luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "the trunk's id is missing");
    lua_settop(L, 4);
    lua_pushnil(L);
    lua_insert(L, ARG_ENDPOINT); // account nil id fields options
    if (!account->update)
        return luaL_error(L, "%s cannot update trunks", th_provider_name(account->provider));
    return start(L, account, account->update);
}

int th_api_settle(lua_State *L)
{
    static const char *const states[] = {"current", "rejected", NULL};
    static const enum th_secret_state values[] = {TH_CURRENT, TH_REJECTED};
    th_account *account = th_account_check(L, 1);
    lua_settop(L, 6); /* evidence may be left out: what is pushed below must not take its place */
    const char *trunk = luaL_tolstring(L, 2, NULL);
    const char *field = luaL_checkstring(L, 3);
    luaL_argexpected(L, th_secret_test(L, 4), 4, "secret");
    enum th_secret_state state = values[luaL_checkoption(L, 5, NULL, states)];
    const char *evidence = luaL_optstring(L, 6, "");
    int64_t row = th_secret_row(L, 4, account->name, trunk, field);
    if (row == 0)
        return luaL_error(L, "this secret was not sent as %s of trunk %s", field, trunk);
    th_ledger_note(account->runtime->record.ledger, &(th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                                                    .row = row,
                                                                    .state = state,
                                                                    .evidence = evidence});
    return 0;
}

static int account_tostring(lua_State *L)
{
    const th_account *account = th_account_check(L, 1);
    lua_pushfstring(L, "account %s (%s)", account->name, th_provider_name(account->provider));
    return 1;
}

void th_api_open(lua_State *L)
{
    th_call_secrets_open(L);
    luaL_newmetatable(L, ACCOUNT_TYPE);
    lua_pushcfunction(L, account_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_newtable(L); // meta methods
    lua_pushcfunction(L, account_update);
    lua_setfield(L, -2, "update");
    lua_pushcfunction(L, th_api_call);
    lua_setfield(L, -2, "call");
    lua_pushcfunction(L, th_api_settle);
    lua_setfield(L, -2, "settle");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
