/*
 * `require "trunkhost.json"`. Brings the host's json.h along, which has the same name.
 */
#ifndef TH_BINDINGS_JSON_H
#define TH_BINDINGS_JSON_H

#include <lua.h>

#include "../host/json/json.h"

/* Pushes the module table: encode, decode, array, is_array, null. */
int th_open_json(lua_State *L);

#endif
