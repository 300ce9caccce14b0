/* Decoding, and what a decoded value is made of. Encoding is in json_encode.c. */
#include "json/json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/state.h"

enum { KEEP = 64 * 1024 }; /* bytes of a rewritten text that stay for the next one */

void th_json_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

bool th_json_is_null(lua_State *L, int idx)
{
    return lua_islightuserdata(L, idx) && lua_touserdata(L, idx) == NULL;
}

void th_json_mark_array(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    th_json_push_array_metatable(L); // metatable
    lua_setmetatable(L, idx);
}

bool th_json_is_array(lua_State *L, int idx)
{
    if (!lua_istable(L, idx))
        return false;
    idx = lua_absindex(L, idx);
    if (lua_getmetatable(L, idx)) { // metatable
        th_json_push_array_metatable(L);
        bool marked = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
        if (marked)
            return true;
    }
    lua_Unsigned n = lua_rawlen(L, idx), count = 0;
    if (n == 0)
        return false;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) { // key value
        if (!lua_isinteger(L, -2) || (lua_Unsigned)lua_tointeger(L, -2) - 1 >= n) {
            lua_pop(L, 2);
            return false;
        }
        count++;
    }
    return count == n;
}

bool th_json_says_yes(lua_State *L, int idx)
{
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN:
        return lua_toboolean(L, idx);
    case LUA_TSTRING:
        return lua_rawlen(L, idx) > 0;
    case LUA_TNUMBER:
        return lua_tonumber(L, idx) != 0;
    case LUA_TTABLE:
        lua_pushvalue(L, idx);
        lua_pushnil(L);
        if (!lua_next(L, -2)) {
            lua_pop(L, 1);
            return false;
        }
        lua_pop(L, 3);
        return true;
    default:
        return false;
    }
}

/* --- decoding --------------------------------------------------------------------------------- */

/* The text with every edit carried out, in state->text. */
static int rewrite(th_json_state *state, const char *text, size_t len)
{
    const th_json_scan *scan = &state->scan;
    th_buf *out = &state->text;
    th_buf_clear(out);
    /* An edit makes its place longer by 5 bytes at most: the brackets, quotes and mark of an array.
     */
    if (th_buf_reserve(out, len + scan->nedits * 5) < 0)
        return -1;
    size_t done = 0;
    for (size_t i = 0; i < scan->nedits; i++) {
        const th_json_edit *edit = &scan->edits[i];
        th_buf_append(out, text + done, edit->offset - done);
        if (edit->kind == TH_JSON_EMPTY_ARRAY) {
            th_buf_append(out, "[\"\xff\"]", 5);
        } else {
            th_buf_append(out, "\"\xff", 2);
            th_buf_append(out, text + edit->offset, edit->len);
            th_buf_putc(out, '"');
        }
        done = edit->offset + edit->len;
    }
    return th_buf_append(out, text + done, len - done);
}

/* What the walk over a decoded value needs to know. */
typedef struct mender {
    int metatable; /* stack index */
    bool marks;
} mender;

static bool marked(lua_State *L, int idx)
{
    size_t len;
    const char *text = lua_tolstring(L, idx, &len);
    return len > 0 && text[0] == TH_JSON_MARK;
}

static void mend_table(lua_State *L, const mender *m);

/* Mends the value on top; true when it is another value now. */
static bool mend(lua_State *L, const mender *m)
{
    double number;
    lua_Integer integer;
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        /* Below 2^53 a double with an integral value is exactly what the text said. */
        number = lua_tonumber(L, -1);
        if (!(fabs(number) < 9007199254740992.0))
            return false;
        integer = (lua_Integer)number;
        if ((double)integer != number || (integer == 0 && signbit(number)))
            return false;
        lua_pop(L, 1);
        lua_pushinteger(L, integer);
        return true;
    case LUA_TSTRING:
        if (!m->marks || !marked(L, -1))
            return false;
        integer = strtoll(lua_tostring(L, -1) + 1, NULL, 10);
        lua_pop(L, 1);
        lua_pushinteger(L, integer);
        return true;
    case LUA_TTABLE:
        mend_table(L, m);
        return false;
    default:
        return false;
    }
}

/* The array that stands for an empty one holds a mark and nothing else. */
static bool is_empty_array(lua_State *L, int t)
{
    lua_rawgeti(L, t, 1); // item
    bool empty = lua_type(L, -1) == LUA_TSTRING && marked(L, -1) && lua_rawlen(L, -1) == 1;
    lua_pop(L, 1);
    return empty;
}

static void mend_table(lua_State *L, const mender *m)
{
    luaL_checkstack(L, 6, "JSON");
    const int t = lua_gettop(L);
    const lua_Integer n = (lua_Integer)lua_rawlen(L, t);
    if (n == 0) { // an object: lua-cjson makes string keys only, and empty arrays came with a mark
        lua_pushnil(L);
        while (lua_next(L, t)) { // key value
            if (mend(L, m)) {
                lua_pushvalue(L, -2);
                lua_insert(L, -2); // key key value
                lua_rawset(L, t);
            } else {
                lua_pop(L, 1);
            }
        }
        return;
    }
    if (m->marks && n == 1 && is_empty_array(L, t)) {
        lua_pushnil(L);
        lua_rawseti(L, t, 1);
    }
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, t, i); // item
        if (mend(L, m))
            lua_rawseti(L, t, i);
        else
            lua_pop(L, 1);
    }
    lua_pushvalue(L, m->metatable);
    lua_setmetatable(L, t);
}

static void push_key(lua_State *L, const char *text, const th_json_place *place, unsigned i)
{
    lua_pushlstring(L, text + place->keys[i].offset, place->keys[i].len);
}

/* Instead of the walk, for the value on top: its numbers are few, and the scan has told where they
 * are. */
static void mend_places(lua_State *L, const char *text, const th_json_place *places, unsigned n)
{
    static const mender numbers_only = {0};
    const int root = lua_gettop(L);
    for (const th_json_place *place = places; place < places + n; place++) {
        const unsigned last = place->nkeys - 1;
        lua_pushvalue(L, root);
        for (unsigned i = 0; i < last; i++) { // root object
            push_key(L, text, place, i);
            lua_rawget(L, -2);
            lua_remove(L, -2);
        }
        push_key(L, text, place, last);
        lua_pushvalue(L, -1);
        lua_rawget(L, -3); // root object key value
        if (mend(L, &numbers_only))
            lua_rawset(L, -3);
        lua_settop(L, root);
    }
}

typedef struct decoding {
    const char *text;
    size_t len;
    th_error *err;
    int rc;
} decoding;

static int decode_protected(lua_State *L)
{
    decoding *d = lua_touserdata(L, 1);
    th_json_state *state = th_json_state_push(L); // d state
    th_json_scan *scan = &state->scan;
    if (th_json_scan_text(scan, d->text, d->len) < 0) {
        size_t line, column;
        th_json_position(d->text, scan->offset, &line, &column);
        d->rc = th_fail(d->err, TH_MALFORMED, "this is not valid JSON: %s at line %zu, column %zu",
                        scan->reason, line, column);
        return 0;
    }
    const char *text = d->text;
    size_t len = d->len;
    mender m = {.metatable = 3, .marks = scan->nedits > 0};
    bool walk = scan->numbers || scan->arrays;
    th_json_place places[TH_JSON_PLACES];
    unsigned nplaces = 0;
    if (!m.marks && !scan->arrays && scan->nplaces <= TH_JSON_PLACES) {
        nplaces = scan->nplaces;
        memcpy(places, scan->places, nplaces * sizeof *places);
    }
    if (m.marks) {
        if (rewrite(state, text, len) < 0)
            return luaL_error(L, "not enough memory");
        text = state->text.data;
        len = state->text.len;
    }
    th_json_push_array_metatable(L);            // d state metatable
    lua_getiuservalue(L, 2, TH_JSON_DECODE_FN); // d state metatable decode
    lua_pushlstring(L, text, len);              // d state metatable decode text
    if (state->text.cap > KEEP)
        th_buf_close(&state->text);
    /* From here on a finalizer may have decoded another text: the scan is not ours any more. */
    uselocale(state->c_locale);
    lua_call(L, 1, 1); // d state metatable value
    if (nplaces > 0)
        mend_places(L, d->text, places, nplaces);
    else if (walk)
        mend(L, &m);
    return 1;
}

int th_json_decode(lua_State *L, const char *text, size_t len, th_error *err)
{
    decoding d = {.text = text, .len = len, .err = err};
    if (!lua_checkstack(L, 4))
        return th_fail(err, TH_MALFORMED, "this JSON cannot be read: the Lua stack is full");
    locale_t before = uselocale((locale_t)0);
    lua_pushcfunction(L, decode_protected);
    lua_pushlightuserdata(L, &d);
    int rc = lua_pcall(L, 1, 1, 0); // value | nil | message
    uselocale(before);
    if (rc == LUA_OK && d.rc == 0)
        return 0;
    if (rc == LUA_ERRMEM)
        lua_error(L);
    if (rc != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        d.rc = th_fail(err, TH_MALFORMED, "this JSON cannot be read: %s",
                       message ? message : "no reason is known");
    }
    lua_pop(L, 1);
    return d.rc;
}
