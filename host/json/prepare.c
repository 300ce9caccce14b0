/* Checks a value before it is encoded, and copies it in the same walk: what JSON cannot say is
 * refused with its place, and what lua-cjson would spoil is marked. */
#include "json/encode.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "json/write.h"

enum {
    PLACE_LEVELS = 12, /* of a place that is shown */
    CJSON_DIGITS = 14, /* lua-cjson writes numbers with %.14g */
    ALL_DIGITS = 17,   /* which tell any two doubles apart */
};

/* The largest integer that lua-cjson writes with all its digits. */
static const lua_Integer plain_most = 99999999999999;

/* --- refusals --------------------------------------------------------------------------------- */

static bool is_name(const char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char ch = key[i];
        if (!(ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
              (i > 0 && ch >= '0' && ch <= '9')))
            return false;
    }
    return len > 0 && len <= 64;
}

/* a.b[2]["other key"]: each level has four slots of the stack: the table, its copy, and the key twice. */
static void put_place(lua_State *L, th_buf *place, unsigned levels)
{
    if (levels == 0)
        th_buf_puts(place, "the value");
    for (unsigned i = 0; i < levels && i < PLACE_LEVELS; i++) {
        int at = ROOT + 2 + 4 * (int)i;
        size_t len;
        if (lua_isinteger(L, at)) {
            th_buf_printf(place, "[%lld]", (long long)lua_tointeger(L, at));
            continue;
        }
        const char *key = lua_tolstring(L, at, &len);
        if (is_name(key, len))
            th_buf_printf(place, "%s%s", i ? "." : "", key);
        else
            th_buf_printf(place, "[\"%.*s\"]", (int)(len < 64 ? len : 64), key);
    }
    if (levels > PLACE_LEVELS)
        th_buf_puts(place, "…");
}

static bool refuse(lua_State *L, th_json_encoding *e, const char *what)
{
    th_buf place = {0};
    put_place(L, &place, e->depth);
    e->rc = th_fail(e->err, TH_INVALID, "%s cannot be written as JSON: %s",
                    place.data ? place.data : "a value", what);
    th_buf_close(&place);
    return false;
}

/* --- scalars ---------------------------------------------------------------------------------- */

static bool is_utf8(const char *bytes, size_t len)
{
    return th_utf8_span(bytes, len) == len;
}

/* Puts a mark in place of the value on top. Always true. */
static bool mark(lua_State *L, char kind, const char *text)
{
    lua_pushfstring(L, "\xff%c%s", kind, text);
    lua_replace(L, -2);
    return true;
}

static bool prepare_number(lua_State *L, th_json_encoding *e)
{
    char text[40];
    if (lua_isinteger(L, -1)) {
        lua_Integer integer = lua_tointeger(L, -1);
        if (integer <= plain_most && integer >= -plain_most)
            return true;
        snprintf(text, sizeof text, "%lld", (long long)integer);
        return mark(L, TH_JSON_MARK_NUMBER, text);
    }
    double number = lua_tonumber(L, -1);
    if (!isfinite(number))
        return refuse(L, e,
                      isnan(number) ? "it is NaN (not a number)" : "it is an infinite number");
    int digits = CJSON_DIGITS - 1;
    do
        snprintf(text, sizeof text, "%.*g", ++digits, number);
    while (digits < ALL_DIGITS && strtod(text, NULL) != number);
    return digits == CJSON_DIGITS || mark(L, TH_JSON_MARK_NUMBER, text);
}

static void keep_secret(lua_State *L, th_json_encoding *e, th_secret *secret)
{
    if (e->nsecrets == e->secrets_cap) {
        size_t cap = e->nsecrets ? e->nsecrets * 2 : 1;
        th_secret **more = realloc(e->secrets, cap * sizeof(th_secret *));
        if (!more) {
            luaL_error(L, "not enough memory");
            return;
        }
        e->secrets = more;
        e->secrets_cap = cap;
    }
    e->secrets[e->nsecrets++] = th_secret_ref(secret);
}

static bool prepare_secret(lua_State *L, th_json_encoding *e)
{
    th_secret *secret = th_secret_test(L, -1);
    if (!secret)
        return refuse(L, e, "it is a userdata");
    if (e->flags & TH_JSON_REDACT) {
        lua_pushliteral(L, "[secret]");
        lua_replace(L, -2);
        return true;
    }
    if (!(e->flags & TH_JSON_SECRETS))
        return refuse(L, e, "it is a secret; call its method reveal() if the text may hold it");
    size_t len;
    const char *bytes = th_secret_bytes(secret, &len);
    if (!is_utf8(bytes, len))
        return refuse(L, e, "it is a secret that is not valid UTF-8");
    char index[24];
    snprintf(index, sizeof index, "%zu", e->nsecrets);
    keep_secret(L, e, secret);
    return mark(L, TH_JSON_MARK_SECRET, index);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const char gaps[] =
    "its keys are numbers, but not 1, 2, 3, … without a gap; number the items "
    "of a list so, or make the keys of an object strings";

static bool is_marked(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx)) // metatable
        return false;
    bool same = lua_rawequal(L, -1, ARRAY);
    lua_pop(L, 1);
    return same;
}

enum shape { UNKNOWN, LIST, OBJECT };

/* Why the key at the top does not belong into a table of this shape and length, or NULL. */
static const char *key_fault(lua_State *L, enum shape *shape, lua_Integer length, bool first)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        size_t len;
        const char *key = lua_tolstring(L, -1, &len);
        if (*shape == LIST)
            return first && length == 0 ? "it is marked as an array but has named fields"
                                        : "it mixes list items and named fields";
        *shape = OBJECT;
        return is_utf8(key, len) ? NULL : "one of its keys is not valid UTF-8";
    }
    if (!lua_isinteger(L, -1))
        return "one of its keys is neither a string nor a whole number";
    if (*shape == OBJECT)
        return "it mixes list items and named fields";
    *shape = LIST;
    lua_Integer key = lua_tointeger(L, -1);
    return key >= 1 && key <= length ? NULL : gaps;
}

static bool prepare_table(lua_State *L, th_json_encoding *e)
{
    if (e->depth == TH_JSON_DEPTH)
        return refuse(L, e, "it is nested deeper than 256 levels (does a table contain itself?)");
    luaL_checkstack(L, 8, "JSON");
    const int from = lua_gettop(L), to = from + 1;
    const bool marked = is_marked(L, from);
    const lua_Integer n = (lua_Integer)lua_rawlen(L, from);
    enum shape shape = marked ? LIST : UNKNOWN;
    lua_Integer seen = 0;
    lua_createtable(L, (int)(n < INT32_MAX ? n : 0), n ? 0 : 8); // from to
    lua_pushnil(L);
    for (; lua_next(L, from); seen++) { // from to key value
        lua_pushvalue(L, -2);
        const char *fault = key_fault(L, &shape, n, seen == 0);
        if (fault)
            return refuse(L, e, fault);
        lua_insert(L, -2); // from to key key value
        e->depth++;
        if (!th_json_prepare(L, e))
            return false;
        e->depth--;
        lua_rawset(L, to);
    }
    if (shape == LIST && seen != n)
        return refuse(L, e, gaps);
    if (marked && n == 0) {
        lua_settop(L, from);
        return mark(L, TH_JSON_MARK_EMPTY, "");
    }
    lua_replace(L, from); // to
    return true;
}

/* --- any value -------------------------------------------------------------------------------- */

bool th_json_prepare(lua_State *L, th_json_encoding *e)
{
    size_t len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        return true;
    case LUA_TNUMBER:
        return prepare_number(L, e);
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        return is_utf8(text, len) || refuse(L, e, "it is a string that is not valid UTF-8");
    case LUA_TTABLE:
        return prepare_table(L, e);
    case LUA_TLIGHTUSERDATA:
        return th_json_is_null(L, -1) || refuse(L, e, "it is a userdata");
    case LUA_TUSERDATA:
        return prepare_secret(L, e);
    case LUA_TNIL:
        return refuse(L, e, "it is nil; null is trunkhost.null");
    case LUA_TFUNCTION:
        return refuse(L, e, "it is a function");
    default:
        return refuse(L, e, "it is a coroutine");
    }
}
