#include "ledger_lua.h"

#include <lauxlib.h>

#include "call/api.h"

const char *th_lua_account_name(lua_State *L, int arg)
{
    if (lua_type(L, arg) == LUA_TSTRING)
        return lua_tostring(L, arg);
    return th_account_check(L, arg)->name;
}

const char *th_lua_trunk_name(lua_State *L, int arg)
{
    int isint;
    lua_Integer id = lua_tointegerx(L, arg, &isint);
    if (lua_type(L, arg) == LUA_TNUMBER && isint) {
        lua_pushinteger(L, id);
        lua_replace(L, arg);
        return lua_tostring(L, arg);
    }
    const char *name = luaL_checkstring(L, arg);
    luaL_argcheck(L, name[0], arg, "the trunk has no name");
    return name;
}
