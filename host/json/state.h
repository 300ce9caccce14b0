/*
 * What the JSON code keeps per Lua state: a private lua-cjson, and the metatable that marks arrays.
 * Part of json.
 */
#ifndef TH_JSON_STATE_H
#define TH_JSON_STATE_H

#include <locale.h>
#include <lua.h>

/* Pushes the encode function of a lua-cjson of our own. May raise when memory runs out. */
void th_json_push_encode(lua_State *L);

/* Pushes the metatable of marked arrays. May raise when memory runs out. */
void th_json_push_array_metatable(lua_State *L);

/* Numbers are read and written with a point, whatever os.setlocale says. */
locale_t th_json_c_locale(void);

#endif
