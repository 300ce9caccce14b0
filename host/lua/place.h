/* Where the script stands, in the words of its author: lines of the library are none of his. */
#ifndef TH_PLACE_H
#define TH_PLACE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether the frame belongs to the library's Lua half; ar was filled with "S". */
bool th_place_is_library(const lua_Debug *ar);
/* The innermost line of the script, "rotate.lua:12"; false when there is none. Allocates nothing
 * and only reads, so that it may be asked where memory runs out. */
bool th_place_of_script(lua_State *L, char *out, size_t size);
/* Pushes the name under which the function on top of the stack is known to scripts ("table.sort",
 * "_G.pcall"), or nil. May raise when memory runs out. */
void th_place_push_function(lua_State *L);

#endif
