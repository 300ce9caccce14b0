/*
 * For clang-tidy only: Lua's headers do not say that these never return, and the analyser would
 * follow every check past its error.
 */
#include <lauxlib.h>
#include <lua.h>

__attribute__((noreturn)) int(lua_error)(lua_State *L);                                 // NOLINT
__attribute__((noreturn)) int(luaL_error)(lua_State *L, const char *format, ...);       // NOLINT
__attribute__((noreturn)) int(luaL_argerror)(lua_State *L, int arg, const char *extra); // NOLINT
__attribute__((noreturn)) int(luaL_typeerror)(lua_State *L, int arg, const char *name); // NOLINT
