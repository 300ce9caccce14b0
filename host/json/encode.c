/*
 * Encoding. A value is looked over first, without changing anything. Most values can then go to
 * lua-cjson as they are. A value with something that lua-cjson would spoil (a long integer, a
 * fraction, an empty array, a secret) is copied, with marks in place of such things, and the marks
 * are replaced in the text that comes out (json_write.c): a secret's bytes never become a Lua
 * string.
 */
#include "json/encode.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/state.h"
#include "json/write.h"

enum { CJSON_DIGITS = 14 }; /* lua-cjson writes numbers with %.14g */

static void push_mark(lua_State *L, char kind, const char *text)
{
    lua_pushfstring(L, "\xff%c%s", kind, text);
}

/* Replaces the number on top by a mark with all its digits, where lua-cjson would drop some. */
static void copy_number(lua_State *L)
{
    char text[40];
    if (lua_isinteger(L, -1)) {
        lua_Integer integer = lua_tointeger(L, -1);
        if (integer <= TH_JSON_PLAIN_MAX && integer >= -TH_JSON_PLAIN_MAX)
            return;
        snprintf(text, sizeof text, "%lld", (long long)integer);
    } else {
        double number = lua_tonumber(L, -1);
        int digits = CJSON_DIGITS;
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return;
        while (++digits <= 17) { /* which tell any two doubles apart */
            snprintf(text, sizeof text, "%.*g", digits, number);
            if (strtod(text, NULL) == number)
                break;
        }
    }
    push_mark(L, TH_JSON_MARK_NUMBER, text); // number mark
    lua_replace(L, -2);
}

static void copy_secret(lua_State *L, th_json_encoding *e)
{
    if (e->flags & TH_JSON_REDACT) {
        lua_pushliteral(L, "[secret]");
    } else {
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
        char text[24];
        snprintf(text, sizeof text, "%zu", e->nsecrets);
        e->secrets[e->nsecrets++] = th_secret_ref(th_secret_test(L, -1));
        push_mark(L, TH_JSON_MARK_SECRET, text); // secret mark
    }
    lua_replace(L, -2);
}

static void copy_table(lua_State *L, th_json_encoding *e);

/* Replaces the value on top, which was checked, by what lua-cjson is to see. */
static void copy(lua_State *L, th_json_encoding *e)
{
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        copy_number(L);
        break;
    case LUA_TUSERDATA:
        copy_secret(L, e);
        break;
    case LUA_TTABLE:
        copy_table(L, e);
        break;
    default:
        break;
    }
}

static void copy_table(lua_State *L, th_json_encoding *e)
{
    luaL_checkstack(L, 8, "JSON");
    const int from = lua_gettop(L), to = from + 1;
    const lua_Integer n = (lua_Integer)lua_rawlen(L, from);
    if (n == 0 && th_json_is_marked(L, from)) {
        push_mark(L, TH_JSON_MARK_EMPTY, ""); // from mark
        lua_replace(L, from);
        return;
    }
    lua_createtable(L, (int)(n < INT32_MAX ? n : 0), n ? 0 : 4); // from to
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, from, i); // from to item
        copy(L, e);
        lua_rawseti(L, to, i);
    }
    if (n == 0) {
        lua_pushnil(L);
        while (lua_next(L, from)) { // from to key value
            copy(L, e);
            lua_pushvalue(L, -2);
            lua_insert(L, -2); // from to key key value
            lua_rawset(L, to);
        }
    }
    lua_replace(L, from); // to
}

/* --- the whole -------------------------------------------------------------------------------- */

// encoding value → text, or nothing after a refusal
static int encode_protected(lua_State *L)
{
    th_json_encoding *e = lua_touserdata(L, ENCODING);
    th_json_push_array_metatable(L); // encoding value array
    lua_pushvalue(L, ORIGINAL);      // encoding value array root
    uselocale(th_json_c_locale());
    if (!th_json_check(L, e))
        return 0;
    lua_settop(L, ROOT);
    if (e->copy)
        copy(L, e); // encoding value array copy
    th_json_push_encode(L);
    lua_insert(L, -2); // encoding value array encode copy
    lua_call(L, 1, 1); // encoding value array text
    return 1;
}

/* Appends what lua-cjson made to out; out is as it was when that fails. */
static int finish(const th_json_encoding *e, const char *text, size_t len, th_buf *out)
{
    if (e->nsecrets > 0 && !out->sensitive)
        return th_fail(
            e->err, TH_INVALID,
            "this value cannot be written as JSON: it holds a secret, and the place that "
            "it would go to is not wiped afterwards");
    const size_t before = out->len;
    int rc;
    if (e->flags & TH_JSON_PRETTY) {
        th_buf compact = {.sensitive = out->sensitive};
        rc = th_json_write_spliced(&compact, text, len, e->secrets);
        rc = rc ? rc : th_json_write_indented(out, compact.data, compact.len);
        th_buf_close(&compact);
    } else {
        rc = th_json_write_spliced(out, text, len, e->secrets);
    }
    if (rc == 0)
        return 0;
    if (out->data) {
        explicit_bzero(out->data + before, out->len - before);
        out->len = before;
    }
    return th_fail(e->err, TH_INVALID,
                   "this value cannot be written as JSON: there is not enough memory");
}

int th_json_encode(lua_State *L, int idx, unsigned flags, th_buf *out, th_error *err)
{
    th_json_encoding e; /* its levels are set as they are entered */
    e.flags = flags;
    e.err = err;
    e.rc = 0;
    e.copy = false;
    e.secrets = NULL;
    e.nsecrets = e.secrets_cap = 0;
    e.depth = 0;
    idx = lua_absindex(L, idx);
    if (!lua_checkstack(L, 4))
        return th_fail(err, TH_INVALID,
                       "this value cannot be written as JSON: the Lua stack is full");
    locale_t before = uselocale((locale_t)0);
    lua_pushcfunction(L, encode_protected);
    lua_pushlightuserdata(L, &e);
    lua_pushvalue(L, idx);
    int rc = lua_pcall(L, 2, 1, 0); // text | nil | message
    uselocale(before);
    if (rc != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        e.rc = th_fail(err, TH_INVALID, "this value cannot be written as JSON: %s",
                       message ? message : "no reason is known");
    } else if (e.rc == 0) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        e.rc = finish(&e, text, len, out);
    }
    lua_pop(L, 1);
    for (size_t i = 0; i < e.nsecrets; i++)
        th_secret_unref(e.secrets[i]);
    free(e.secrets);
    return e.rc;
}
