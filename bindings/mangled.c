/* trunkhost.core: what spreadsheets make of texts. */
#include <lauxlib.h>

#include "base/mangled.h"
#include "library.h"

/* mangled(text [, is_number]) → why nobody has typed it, or nil */
static int core_mangled(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    lua_pushstring(L, lua_toboolean(L, 2) ? th_mangled_number(text) : th_mangled_text(text));
    return 1; /* nil for NULL */
}

void th_open_mangled(lua_State *L)
{
    static const luaL_Reg functions[] = {{"mangled", core_mangled}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0); // core
}
