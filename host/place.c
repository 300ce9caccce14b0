#include "place.h"

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
