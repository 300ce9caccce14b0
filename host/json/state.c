#include "json/state.h"

#include <lauxlib.h>
#include <lua-cjson.h>

#include "json/json.h"

/* Their addresses are keys in the registry. */
static const char encode_key = 'e', array_key = 'a';

locale_t th_json_c_locale(void)
{
    static locale_t c_locale;
    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c_locale;
}

static void set_option(lua_State *L, const char *name, int value)
{
    lua_getfield(L, -1, name); // cjson option
    if (value < 0)
        lua_pushboolean(L, 0);
    else
        lua_pushinteger(L, value);
    lua_call(L, 1, 0); // cjson
}

void th_json_push_encode(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &encode_key) == LUA_TFUNCTION) // encode
        return;
    lua_pop(L, 1);
    /* Each call of the opening function makes an instance with options of its own, so that nothing
     * that a script does to its own cjson reaches this one. */
    locale_t before = uselocale(th_json_c_locale()); // cjson notes the decimal point when opened
    lua_pushcfunction(L, luaopen_cjson);
    int rc = lua_pcall(L, 0, 1, 0); // cjson
    uselocale(before);
    if (rc != LUA_OK)
        lua_error(L);
    set_option(L, "encode_invalid_numbers", -1);
    set_option(L, "encode_keep_buffer", -1);
    set_option(L, "encode_max_depth", TH_JSON_DEPTH);
    lua_getfield(L, -1, "encode");
    lua_replace(L, -2); // encode
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &encode_key); // encode
}

void th_json_push_array_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) == LUA_TTABLE) // metatable
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "array");
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key); // metatable
}
