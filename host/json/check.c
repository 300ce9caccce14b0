/* Looking a value over before it is encoded: what JSON cannot say is refused with its place. */
#include "json/encode.h"

#include <lauxlib.h>
#include <math.h>

#include "base/utf8.h"

enum { PLACE_LEVELS = 12 }; /* of a place that is shown */

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

/* a.b[2]["other key"]: the keys of the open levels lie on the stack, two slots apart. */
static void put_place(lua_State *L, th_buf *place, unsigned levels)
{
    if (levels == 0)
        th_buf_puts(place, "the value");
    for (unsigned i = 0; i < levels && i < PLACE_LEVELS; i++) {
        int at = ROOT + 1 + 2 * (int)i;
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

/* Refuses the value that `levels` keys lead to. */
static bool refuse_at(lua_State *L, th_json_encoding *e, unsigned levels, const char *what)
{
    th_buf place = {0};
    put_place(L, &place, levels);
    e->rc = th_fail(e->err, TH_INVALID, "%s cannot be written as JSON: %s",
                    place.data ? place.data : "a value", what);
    th_buf_close(&place);
    return false;
}

static bool refuse(lua_State *L, th_json_encoding *e, const char *what)
{
    return refuse_at(L, e, e->depth, what);
}

static bool is_utf8(const char *bytes, size_t len)
{
    return th_utf8_span(bytes, len) == len;
}

static bool check_secret(lua_State *L, th_json_encoding *e)
{
    const th_secret *secret = th_secret_test(L, -1);
    if (!secret)
        return refuse(L, e, "it is a userdata");
    if (!(e->flags & (TH_JSON_SECRETS | TH_JSON_REDACT)))
        return refuse(L, e, "it is a secret; call its method reveal() if the text may hold it");
    size_t len;
    const char *bytes = th_secret_bytes(secret, &len);
    if (!(e->flags & TH_JSON_REDACT) && !is_utf8(bytes, len))
        return refuse(L, e, "it is a secret that is not valid UTF-8");
    e->copy = true;
    return true;
}

static bool check_number(lua_State *L, th_json_encoding *e)
{
    if (lua_isinteger(L, -1)) {
        lua_Integer integer = lua_tointeger(L, -1);
        e->copy |= integer > TH_JSON_PLAIN_MAX || integer < -TH_JSON_PLAIN_MAX;
        return true;
    }
    double number = lua_tonumber(L, -1);
    if (!isfinite(number))
        return refuse(L, e,
                      isnan(number) ? "it is NaN (not a number)" : "it is an infinite number");
    e->copy |= number != floor(number) || fabs(number) > (double)TH_JSON_PLAIN_MAX;
    return true;
}

bool th_json_is_marked(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx)) // metatable
        return false;
    bool same = lua_rawequal(L, -1, ARRAY);
    lua_pop(L, 1);
    return same;
}

static const char gaps[] =
    "its keys are numbers, but not 1, 2, 3, … without a gap; number the items "
    "of a list so, or make the keys of an object strings";

/* Opens the table on top: pushes the nil that lua_next starts from. */
static bool enter(lua_State *L, th_json_encoding *e)
{
    if (e->depth == TH_JSON_DEPTH)
        return refuse(L, e, "it is nested deeper than 256 levels (does a table contain itself?)");
    luaL_checkstack(L, 8, "JSON");
    th_json_level *now = &e->levels[e->depth++];
    bool marked = th_json_is_marked(L, -1);
    *now = (th_json_level){.items = marked ? (lua_Integer)lua_rawlen(L, -1) : -2};
    e->copy |= marked && now->items == 0;
    lua_pushnil(L);
    return true;
}

/* The key below the top, in the innermost table. */
static bool check_key(lua_State *L, th_json_encoding *e)
{
    th_json_level *now = &e->levels[e->depth - 1];
    const unsigned outside = e->depth - 1;
    int type = lua_type(L, -2);
    if (type == LUA_TSTRING) {
        size_t len;
        const char *key = lua_tolstring(L, -2, &len);
        if (now->items >= 0)
            return refuse_at(L, e, outside,
                             now->seen || lua_rawlen(L, -3) > 0
                                 ? "it mixes list items and named fields"
                                 : "it is marked as an array but has named fields");
        now->items = -1;
        return is_utf8(key, len) || refuse_at(L, e, outside, "one of its keys is not valid UTF-8");
    }
    if (!lua_isinteger(L, -2))
        return refuse_at(L, e, outside, "one of its keys is neither a string nor a whole number");
    if (now->items == -2)
        now->items = (lua_Integer)lua_rawlen(L, -3);
    if (now->items == -1)
        return refuse_at(L, e, outside, "it mixes list items and named fields");
    lua_Integer key = lua_tointeger(L, -2);
    now->seen++;
    return (key >= 1 && key <= now->items) || refuse_at(L, e, outside, gaps);
}

/* The scalar on top; tables are the caller's. */
static bool check_scalar(lua_State *L, th_json_encoding *e)
{
    size_t len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        return true;
    case LUA_TNUMBER:
        return check_number(L, e);
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        return is_utf8(text, len) || refuse(L, e, "it is a string that is not valid UTF-8");
    case LUA_TLIGHTUSERDATA:
        return th_json_is_null(L, -1) || refuse(L, e, "it is a userdata");
    case LUA_TUSERDATA:
        return check_secret(L, e);
    case LUA_TNIL:
        return refuse(L, e, "it is nil; null is trunkhost.null");
    case LUA_TFUNCTION:
        return refuse(L, e, "it is a function");
    default:
        return refuse(L, e, "it is a coroutine");
    }
}

/*
 * The value at ROOT. While it runs the stack holds, above it, a key for each open level and the
 * table that the key leads to, and on top what lua_next needs: table key table key.
 */
bool th_json_check(lua_State *L, th_json_encoding *e)
{
    if (!lua_istable(L, ROOT)) {
        lua_pushvalue(L, ROOT);
        bool ok = check_scalar(L, e);
        lua_pop(L, 1);
        return ok;
    }
    lua_settop(L, ROOT);
    if (!enter(L, e))
        return false;
    while (e->depth > 0) {
        if (!lua_next(L, -2)) { // table
            const th_json_level *now = &e->levels[--e->depth];
            if (now->items >= 0 && now->seen != now->items)
                return refuse(L, e, gaps);
            if (e->depth > 0)
                lua_pop(L, 1); // the key of the level above is on top again
            continue;
        }
        if (!check_key(L, e)) // table key value
            return false;
        if (lua_istable(L, -1)) {
            if (!enter(L, e))
                return false;
            continue;
        }
        if (!check_scalar(L, e))
            return false;
        lua_pop(L, 1); // table key
    }
    return true;
}
