#include "lua/error.h"

#include <lauxlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/redact.h"

#define ERROR_TYPE "trunkhost.error"

/* Where errors were raised: a table in the registry whose keys, the objects, are weak. Not among
 * their fields, so that whoever prints or logs an error has one line. */
static const char origins_key = 0;

static void set_text(lua_State *L, const char *name, const char *value)
{
    if (value) {
        lua_pushstring(L, value);
        lua_setfield(L, -2, name);
    }
}

static void push_object(lua_State *L, const th_error *err);

static void set_faults(lua_State *L, const th_error *err)
{
    lua_createtable(L, 0, (int)err->nfaults); // object fields
    for (size_t i = 0; i < err->nfaults; i++) {
        const th_fault *fault = &err->faults[i];
        if (lua_getfield(L, -1, fault->field) == LUA_TSTRING) {
            lua_pushfstring(L, "%s; %s", lua_tostring(L, -1), fault->rule);
            lua_remove(L, -2);
        } else {
            lua_pop(L, 1);
            lua_pushstring(L, fault->rule);
        }
        lua_setfield(L, -2, fault->field);
    }
    lua_setfield(L, -2, "fields");
}

static void set_cause(lua_State *L, const th_error *err)
{
    if (err->cause) {
        luaL_checkstack(L, 8, NULL);
        push_object(L, err->cause);
        lua_setfield(L, -2, "cause");
    }
}

static void push_object(lua_State *L, const th_error *err)
{
    lua_createtable(L, 0, 12);
    set_text(L, "kind", th_kind_name(err->kind));
    set_text(L, "message", err->message ? err->message : th_kind_name(err->kind));
    set_text(L, "code", err->code);
    set_text(L, "account", err->account);
    set_text(L, "trunk", err->trunk);
    set_text(L, "request", err->request);
    set_text(L, "advice", err->advice);
    if (err->status) {
        lua_pushinteger(L, err->status);
        lua_setfield(L, -2, "status");
    }
    lua_pushinteger(L, err->attempts);
    lua_setfield(L, -2, "attempts");
    lua_pushboolean(L, err->retryable);
    lua_setfield(L, -2, "retryable");
    lua_pushboolean(L, err->ambiguous);
    lua_setfield(L, -2, "ambiguous");
    set_faults(L, err);
    set_cause(L, err);
    luaL_setmetatable(L, ERROR_TYPE);
}

/* light userdata err → the object */
static int push_protected(lua_State *L)
{
    push_object(L, lua_touserdata(L, 1));
    return 1;
}

void th_error_push(lua_State *L, th_error *err)
{
    th_redact_error(err);
    lua_pushcfunction(L, push_protected);
    lua_pushlightuserdata(L, err);
    int status = lua_pcall(L, 1, 1, 0);
    th_error_close(err);
    if (status != LUA_OK)
        lua_error(L);
}

int th_error_raise(lua_State *L, th_error *err)
{
    th_error_push(L, err);
    return th_error_raise_object(L);
}

int th_error_raise_object(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &origins_key); // object origins
    lua_pushvalue(L, -2);
    luaL_traceback(L, L, NULL, 0); // object origins object text
    th_redact_value(L, -1, false);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return lua_error(L);
}

const char *th_error_kind_at(lua_State *L, int idx)
{
    if (!lua_istable(L, idx) || !lua_getmetatable(L, idx))
        return NULL;
    luaL_getmetatable(L, ERROR_TYPE);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (!same)
        return NULL;
    idx = lua_absindex(L, idx);
    lua_getfield(L, idx, "kind");
    const char *kind = lua_tostring(L, -1); /* stays alive: the object holds it */
    lua_pop(L, 1);
    return kind;
}

/* "famulor-prod, trunk 42: " */
static void add_places(lua_State *L, luaL_Buffer *b)
{
    static const char *const places[][2] = {{"account", ""}, {"trunk", "trunk "}};
    bool any = false;
    for (int i = 0; i < 2; i++) {
        if (lua_getfield(L, 1, places[i][0]) == LUA_TSTRING) {
            const char *text = lua_tostring(L, -1);
            lua_pushfstring(L, "%s%s%s", any ? ", " : "", places[i][1], text);
            lua_remove(L, -2);
            luaL_addvalue(b);
            any = true;
        } else {
            lua_pop(L, 1);
        }
    }
    if (any)
        luaL_addstring(b, ": ");
}

/* The text on top of the stack (popped), which goes between the same brackets as the others. */
static void add_detail(lua_State *L, luaL_Buffer *b, bool *any)
{
    lua_pushfstring(L, "%s%s", *any ? "; " : " (", lua_tostring(L, -1));
    lua_remove(L, -2);
    luaL_addvalue(b);
    *any = true;
}

/* " (PUT /sip-trunks/42; 3 attempts; it may have happened)" */
static bool add_details(lua_State *L, luaL_Buffer *b)
{
    bool any = false;
    if (lua_getfield(L, 1, "request") == LUA_TSTRING)
        add_detail(L, b, &any);
    else
        lua_pop(L, 1);
    lua_getfield(L, 1, "attempts");
    lua_getfield(L, 1, "ambiguous");
    lua_getfield(L, 1, "kind");
    int attempts = (int)lua_tointeger(L, -3);
    bool ambiguous = lua_toboolean(L, -2);
    /* That kind's message says so already. */
    if (lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "unknown_outcome") == 0)
        ambiguous = false;
    lua_pop(L, 3);
    if (attempts > 1) {
        lua_pushfstring(L, "%d attempts", attempts);
        add_detail(L, b, &any);
    }
    if (ambiguous) {
        lua_pushliteral(L, "it may have happened");
        add_detail(L, b, &any);
    }
    if (any)
        luaL_addchar(b, ')');
    return any;
}

/* "famulor-prod, trunk 42: refused (HTTP 422): … (PUT /sip-trunks/42; 3 attempts). Do this." */
static int error_tostring(lua_State *L)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    add_places(L, &b);
    lua_getfield(L, 1, "kind");
    luaL_addvalue(&b);
    if (lua_getfield(L, 1, "status") == LUA_TNUMBER) {
        lua_pushfstring(L, " (HTTP %d)", (int)lua_tointeger(L, -1));
        lua_remove(L, -2);
        luaL_addvalue(&b);
    } else {
        lua_pop(L, 1);
    }
    luaL_addstring(&b, ": ");
    lua_getfield(L, 1, "message");
    size_t len;
    const char *message = lua_tolstring(L, -1, &len);
    bool ended = message && len > 0 && message[len - 1] == '.';
    luaL_addvalue(&b);
    if (add_details(L, &b))
        ended = false;
    if (lua_getfield(L, 1, "advice") == LUA_TSTRING) {
        lua_pushfstring(L, "%s %s", ended ? "" : ".", lua_tostring(L, -1));
        lua_remove(L, -2);
        luaL_addvalue(&b);
    } else {
        lua_pop(L, 1);
    }
    luaL_pushresult(&b);
    return 1;
}

/* err.traceback */
static int error_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "traceback") != 0)
        return 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &origins_key);
    lua_pushvalue(L, 1);
    lua_rawget(L, -2);
    return 1;
}

/* Error objects join into messages as strings do: "…" .. err. */
static int error_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

void th_error_open(lua_State *L)
{
    luaL_newmetatable(L, ERROR_TYPE);
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, error_concat);
    lua_setfield(L, -2, "__concat");
    lua_pushcfunction(L, error_index);
    lua_setfield(L, -2, "__index");
    lua_newtable(L); // meta origins
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &origins_key);
    lua_pop(L, 1);
}
