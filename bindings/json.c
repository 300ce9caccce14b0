#include "json.h"

#include <lauxlib.h>

#include "lua/error.h"

/* Pushes run protected while a C struct owns memory: pushing may raise when memory runs out. */
static int push_text(lua_State *L)
{
    const th_buf *buf = lua_touserdata(L, 1);
    lua_pushlstring(L, buf->data ? buf->data : "", buf->len);
    return 1;
}

/* Calls push(arg) protected: pushes its value, or the message of what went wrong. */
static int protect(lua_State *L, lua_CFunction push, void *arg)
{
    lua_pushcfunction(L, push);
    lua_pushlightuserdata(L, arg);
    return lua_pcall(L, 1, 1, 0);
}

/* encode(value, { pretty = true }?) → text */
static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    unsigned flags = 0;
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_getfield(L, 2, "pretty");
        flags = lua_toboolean(L, -1) ? TH_JSON_PRETTY : 0;
    }
    th_error err = {0};
    th_buf text = {0};
    if (th_json_encode(L, 1, flags, &text, &err) < 0) {
        th_buf_close(&text);
        return th_error_raise(L, &err);
    }
    int rc = protect(L, push_text, &text); // text | message
    th_buf_close(&text);
    return rc == LUA_OK ? 1 : lua_error(L);
}

/* decode(text) → value */
static int json_decode(lua_State *L)
{
    size_t len;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &len);
    th_error err = {0};
    if (th_json_decode(L, text, len, &err) < 0)
        return th_error_raise(L, &err);
    return 1;
}

/* array(table?) → the same table, or a new one, which encodes as [] even when it is empty */
static int json_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L); // table
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    th_json_mark_array(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* is_array(value) → whether it encodes as an array */
static int json_is_array(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, th_json_is_array(L, 1));
    return 1;
}

/* null, which is what people print who look at a trunk */
static int json_null_text(lua_State *L)
{
    if (lua_touserdata(L, 1) == NULL)
        lua_pushliteral(L, "null");
    else
        lua_pushfstring(L, "userdata: %p", lua_touserdata(L, 1));
    return 1;
}

/* All light userdata of a state share one metatable. */
static void name_null(lua_State *L)
{
    th_json_push_null(L); // null
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, json_null_text);
    lua_setfield(L, -2, "__tostring"); // null metatable
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

int th_open_json(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode", json_encode},
        {"decode", json_decode},
        {"array", json_array},
        {"is_array", json_is_array},
        {NULL, NULL},
    };
    name_null(L);
    luaL_newlib(L, functions); // json
    th_json_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}
