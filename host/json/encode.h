/*
 * One encoding under way: first the value is looked over (json_check.c), then it is copied where it
 * has to be and written (json_encode.c). Part of json.
 */
#ifndef TH_JSON_ENCODE_H
#define TH_JSON_ENCODE_H

#include <lua.h>

#include "base/secret.h"
#include "json/json.h"

/* The stack of the protected function that encodes; above ROOT is what the walks need. */
enum { ENCODING = 1, ORIGINAL, ARRAY, ROOT };

/* The largest integer that lua-cjson, which writes numbers with %.14g, writes with all its digits.
 */
#define TH_JSON_PLAIN_MAX INT64_C(99999999999999)

typedef struct th_json_level {
    lua_Integer items; /* of an array: its keys are 1 … items; -1 = an object; -2 = not known yet */
    lua_Integer seen;
} th_json_level;

typedef struct th_json_encoding {
    unsigned flags;
    th_error *err;
    int rc;
    bool copy;           /* there is something that lua-cjson would spoil */
    th_secret **secrets; /* a reference to each */
    size_t nsecrets, secrets_cap;
    unsigned depth;
    th_json_level levels[TH_JSON_DEPTH];
} th_json_encoding;

/* Looks the value at ROOT over. False after a refusal: e->rc and e->err say why; the stack above
 * ROOT is left as it was then. May raise when the Lua stack cannot grow. */
bool th_json_check(lua_State *L, th_json_encoding *e);

/* Whether the table at idx has the array metatable, which lies at ARRAY. */
bool th_json_is_marked(lua_State *L, int idx);

#endif
