#include "lua/place.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

bool th_place_is_library(const lua_Debug *ar)
{
    return strncmp(ar->source, "=[", 2) == 0;
}

bool th_place_of_script(lua_State *L, char *out, size_t size)
{
    lua_Debug ar;
    out[0] = '\0';
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && !th_place_is_library(&ar)) {
            snprintf(out, size, "%s:%d", ar.short_src, ar.currentline);
            return true;
        }
    }
    return false;
}

void th_place_push_function(lua_State *L)
{
    int function = lua_gettop(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); // function loaded
    lua_pushnil(L);
    while (lua_next(L, function + 1)) { // function loaded module table
        if (lua_istable(L, -1) && lua_type(L, -2) == LUA_TSTRING) {
            lua_pushnil(L);
            while (lua_next(L, -2)) { // function loaded module table name value
                if (lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, function)) {
                    lua_pushfstring(L, "%s.%s", lua_tostring(L, -4), lua_tostring(L, -2));
                    return;
                }
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
    lua_pushnil(L);
}
