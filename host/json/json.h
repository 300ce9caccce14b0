/*
 * JSON for the host and for scripts. Integers stay integers and lose no digit, arrays stay arrays,
 * null is one value, input is strict (RFC 8259: no NaN, no hexadecimal, no duplicate key, valid
 * UTF-8), and errors carry line and column. Reading is our own; writing is done by lua-cjson, whose
 * traps are cured here.
 */
#ifndef TH_JSON_H
#define TH_JSON_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum { TH_JSON_DEPTH = 256 }; /* levels of arrays and objects, for reading and for writing */

enum th_json_flags {
    TH_JSON_SECRETS = 1, /* a secret's bytes may go into the text; out must be sensitive */
    TH_JSON_REDACT = 2,  /* a secret becomes the string "[secret]" (logs, plans) */
    TH_JSON_PRETTY = 4,  /* not used on the wire */
};

/* Decodes one JSON text and pushes its value; on failure pushes nothing and fills err
 * (TH_MALFORMED, "… at line 3, column 14"). May raise a Lua error only when memory runs out. */
int th_json_decode(lua_State *L, const char *text, size_t len, th_error *err);
/* The same, but where a string is broken (bytes that are not UTF-8, half a surrogate pair, a control
 * character) the value has `mark`, a character of three bytes. */
int th_json_decode_marked(lua_State *L, const char *text, size_t len, const char *mark,
                          th_error *err);

/* Appends the value at idx to out. Refuses (TH_INVALID, naming the place as `a.b[2]`): functions,
 * userdata other than a secret, NaN and infinities, mixed or sparse tables, keys that are not
 * strings, cycles, invalid UTF-8, and a secret without one of the two secret flags. */
int th_json_encode(lua_State *L, int idx, unsigned flags, th_buf *out, th_error *err);

/* null is a light userdata; the same value as cjson.null. */
static inline void th_json_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}
bool th_json_is_null(lua_State *L, int idx);

/* Marks the table at idx as an array (metatable), so that an empty one encodes as []. */
void th_json_mark_array(lua_State *L, int idx);
/* True for a marked table, and for an unmarked one that is a non-empty sequence 1..n. */
bool th_json_is_array(lua_State *L, int idx);
/* False for null, false, 0 and an empty text, array or object. */
bool th_json_says_yes(lua_State *L, int idx);

#endif
