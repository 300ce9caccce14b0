#include "json/state.h"

#include <lauxlib.h>
#include <lua-cjson.h>

/* Their addresses are keys in the registry. */
static const char state_key = 's', array_key = 'a';

static int state_gc(lua_State *L)
{
    th_json_state *state = lua_touserdata(L, 1);
    th_json_scan_close(&state->scan);
    th_buf_close(&state->text);
    if (state->c_locale)
        freelocale(state->c_locale);
    state->c_locale = (locale_t)0;
    return 0;
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

th_json_state *th_json_state_push(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key) == LUA_TUSERDATA) // state
        return lua_touserdata(L, -1);
    lua_pop(L, 1);

    th_json_state *state = lua_newuserdatauv(L, sizeof *state, 2); // state
    state->text = (th_buf){0};
    state->c_locale = (locale_t)0;
    th_json_scan_init(&state->scan);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, state_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2); // state
    state->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    /* Each call of the opening function makes an instance with options of its own, so that nothing
     * that a script does to its own cjson reaches this one. */
    locale_t before = uselocale(state->c_locale); // cjson notes the decimal point when it is opened
    lua_pushcfunction(L, luaopen_cjson);
    int rc = lua_pcall(L, 0, 1, 0); // state cjson
    uselocale(before);
    if (rc != LUA_OK)
        lua_error(L);
    set_option(L, "decode_invalid_numbers", -1);
    set_option(L, "encode_invalid_numbers", -1);
    set_option(L, "encode_keep_buffer", -1);
    set_option(L, "decode_max_depth", TH_JSON_DEPTH);
    set_option(L, "encode_max_depth", TH_JSON_DEPTH);
    lua_getfield(L, -1, "decode");
    lua_setiuservalue(L, -3, TH_JSON_DECODE_FN);
    lua_getfield(L, -1, "encode");
    lua_setiuservalue(L, -3, TH_JSON_ENCODE_FN);
    lua_pop(L, 1); // state

    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key); // state
    return state;
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
