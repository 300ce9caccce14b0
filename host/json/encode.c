/*
 * Encoding. A value is checked and copied, with marks in place of what lua-cjson would spoil (a long
 * integer, a fraction, an empty array, a secret); lua-cjson writes the copy, and the marks are
 * replaced in its text (json/write.c). So a secret's bytes never become a Lua string.
 */
#include "json/encode.h"

#include <stdlib.h>
#include <string.h>

#include "json/state.h"
#include "json/write.h"

// encoding value → text, or nothing after a refusal
static int encode_protected(lua_State *L)
{
    th_json_encoding *e = lua_touserdata(L, ENCODING);
    th_json_push_array_metatable(L);
    lua_insert(L, ARRAY); // encoding array value
    uselocale(th_json_c_locale());
    if (!th_json_prepare(L, e))
        return 0;
    th_json_push_encode(L);
    lua_insert(L, ROOT); // encoding array encode copy
    lua_call(L, 1, 1);   // encoding array text
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
    th_json_encoding e = {.flags = flags, .err = err};
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
