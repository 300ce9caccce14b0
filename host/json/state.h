/*
 * What the JSON code keeps per Lua state: a private lua-cjson, the metatable that marks arrays, and
 * the scanner. Part of json.
 */
#ifndef TH_JSON_STATE_H
#define TH_JSON_STATE_H

#include <locale.h>
#include <lua.h>

#include "json/scan.h"

/*
 * A value that lua-cjson cannot carry travels through it as a string that starts with this byte. It
 * cannot be forged: it never occurs in UTF-8, and both directions refuse text that is not UTF-8.
 */
#define TH_JSON_MARK '\xff'

/* User values of the state. */
enum { TH_JSON_DECODE_FN = 1, TH_JSON_ENCODE_FN = 2 };

typedef struct th_json_state {
    th_json_scan scan;
    th_buf text;       /* a text while it is rewritten */
    locale_t c_locale; /* numbers are read and written with a point, whatever os.setlocale says */
} th_json_state;

/* Pushes the state (a userdata), made at first use. May raise when memory runs out. */
th_json_state *th_json_state_push(lua_State *L);

/* Pushes the metatable of marked arrays. May raise when memory runs out. */
void th_json_push_array_metatable(lua_State *L);

#endif
