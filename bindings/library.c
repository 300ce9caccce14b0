#include "library.h"

#include <lauxlib.h>
#include <string.h>

#include "json.h"
#include "runtime/runtime.h"

/* upvalue 1: the struct th_lua_module */
static int load_module(lua_State *L)
{
    const struct th_lua_module *module = lua_touserdata(L, lua_upvalueindex(1));
    const char *chunk = lua_pushfstring(L, "=[%s]", module->name);
    if (luaL_loadbufferx(L, module->source, module->length, chunk, "t") != LUA_OK)
        return lua_error(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* module_names() → the names of all modules of the Lua half */
static int module_names(lua_State *L)
{
    lua_newtable(L); // names
    for (lua_Integer i = 0; th_lua_modules[i].name; i++) {
        lua_pushstring(L, th_lua_modules[i].name);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* module_source(name) → its text, or nil */
static int module_source(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    for (const struct th_lua_module *module = th_lua_modules; module->name; module++) {
        if (strcmp(module->name, name) == 0) {
            lua_pushlstring(L, module->source, module->length);
            return 1;
        }
    }
    return 0;
}

/* meta_folders() → where the annotations for editors are installed, the folder that the program was
 * built in, and where they lie for a program that still is there */
static int meta_folders(lua_State *L)
{
    lua_pushliteral(L, TH_META_DIR);
    lua_pushliteral(L, TH_BUILD_DIR);
    lua_pushliteral(L, TH_SOURCE_META_DIR);
    return 3;
}

/* create(send, account, endpoint, …): what stands before every POST. Those who call it may not reach it
 * by require, because it is built on them; it is loaded with the first POST. */
static void set_create(lua_State *L)
{
    static const char code[] = "return require('trunkhost.create.creates').call(...)";
    if (luaL_loadbufferx(L, code, sizeof code - 1, "=[trunkhost.core]", "t") != LUA_OK)
        lua_error(L);
    lua_setfield(L, -2, "create");
}

/* trunkhost.core, with what only this file can tell */
static int open_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"module_names", module_names},
        {"module_source", module_source},
        {"meta_folders", meta_folders},
        {NULL, NULL},
    };
    th_open_core(L); // core
    luaL_setfuncs(L, functions, 0);
    set_create(L);
    return 1;
}

void th_library_open(lua_State *L)
{
    th_open_globals(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE); // preload
    for (const struct th_lua_module *module = th_lua_modules; module->name; module++) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)module);
        lua_pushcclosure(L, load_module, 1);
        lua_setfield(L, -2, module->name);
    }
    lua_pushcfunction(L, open_core);
    lua_setfield(L, -2, "trunkhost.core");
    lua_pushcfunction(L, th_open_ledger);
    lua_setfield(L, -2, "trunkhost.ledger");
    lua_pushcfunction(L, th_open_uv);
    lua_setfield(L, -2, "trunkhost.uv");
    lua_pushcfunction(L, th_open_uv);
    lua_setfield(L, -2, "luv");
    lua_pushcfunction(L, th_open_line_editor);
    lua_setfield(L, -2, "trunkhost.line_editor");
    lua_pushcfunction(L, th_open_json);
    lua_setfield(L, -2, "trunkhost.json");
    lua_pop(L, 1);
}
