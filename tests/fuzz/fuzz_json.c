/*
 * What must hold for any bytes that are taken for JSON, with jansson as the second opinion:
 * both accept the same texts and read the same values in them, and what was read can be written and
 * read again without a change.
 *
 * With libFuzzer:
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ihost tests/fuzz/fuzz_json.c \
 *     $(find host/json host/base host/lua -name '*.c') \
 *     $(pkg-config --cflags --libs lua5.4 lua5.4-cjson libsodium jansson libutf8proc libuv) -o fuzz_json
 * As a plain program that runs over the files it is given: with -DTH_FUZZ_PLAIN and any compiler.
 */
#include <jansson.h>
#include <lauxlib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lua_State *shared; /* by all inputs, so that what one leaves behind is seen by the next */

static void broken(const char *what, const char *text, size_t len)
{
    fprintf(stderr, "%s:\n", what);
    fwrite(text, 1, len, stderr);
    fputc('\n', stderr);
    abort();
}

/* Whether the Lua value on top is what jansson read. */
static bool same_as_jansson(lua_State *L, const json_t *other)
{
    luaL_checkstack(L, 8, "comparing");
    size_t len;
    const char *text;
    bool same;
    switch (json_typeof(other)) {
    case JSON_NULL:
        return th_json_is_null(L, -1);
    case JSON_TRUE:
    case JSON_FALSE:
        return lua_isboolean(L, -1) && lua_toboolean(L, -1) == json_is_true(other);
    case JSON_INTEGER:
        if (json_integer_value(other) == 0) /* -0 stays a float */
            return lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) == 0;
        return lua_isinteger(L, -1) && lua_tointeger(L, -1) == json_integer_value(other);
    case JSON_REAL:
        return lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) == json_real_value(other);
    case JSON_STRING:
        if (lua_type(L, -1) != LUA_TSTRING)
            return false;
        text = lua_tolstring(L, -1, &len);
        return len == json_string_length(other) && memcmp(text, json_string_value(other), len) == 0;
    case JSON_ARRAY:
        if (!th_json_is_array(L, -1) || lua_rawlen(L, -1) != json_array_size(other))
            return false;
        for (size_t i = 0; i < json_array_size(other); i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            same = same_as_jansson(L, json_array_get(other, i));
            lua_pop(L, 1);
            if (!same)
                return false;
        }
        return true;
    case JSON_OBJECT:
    default:
        if (!lua_istable(L, -1) || th_json_is_array(L, -1))
            return false;
        size_t fields = 0;
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            const json_t *field = json_object_get(other, lua_tostring(L, -2));
            if (!field || !same_as_jansson(L, field)) {
                lua_pop(L, 2);
                return false;
            }
            fields++;
        }
        return fields == json_object_size(other);
    }
}

/* Whether the two tables or scalars at the absolute indices are the same all the way down. */
static bool same(lua_State *L, int a, int b)
{
    luaL_checkstack(L, 8, "comparing");
    if (!lua_istable(L, a) || !lua_istable(L, b))
        return lua_rawequal(L, a, b);
    if (th_json_is_array(L, a) != th_json_is_array(L, b))
        return false;
    const int top = lua_gettop(L);
    size_t fields = 0;
    for (lua_pushnil(L); lua_next(L, a); lua_settop(L, top + 1), fields++) {
        lua_pushvalue(L, top + 1);
        lua_rawget(L, b); // key value value
        if (!same(L, top + 2, top + 3)) {
            lua_settop(L, top);
            return false;
        }
    }
    for (lua_pushnil(L); lua_next(L, b); lua_pop(L, 1))
        fields--;
    return fields == 0;
}

/* The value on top, which came from text, must survive being written and read. */
static void check_round_trip(lua_State *L, const char *text, size_t len)
{
    th_error err = {0};
    th_buf out = {0};
    const int value = lua_gettop(L);
    if (th_json_encode(L, value, len % 2 ? TH_JSON_PRETTY : 0, &out, &err) < 0)
        broken(err.message, text, len);
    if (th_json_decode(L, out.data, out.len, &err) < 0)
        broken(err.message, out.data, out.len);
    if (!same(L, value, value + 1))
        broken("changed by being written", text, len);
    lua_settop(L, value);
    th_buf_close(&out);
    th_error_close(&err);
}

/* Where strings may be broken, everything else is as it was: of what is not broken the same value is
 * read, as of the value on top when there is one. */
static void check_marked(lua_State *L, const char *text, size_t len)
{
    const int strict = lua_gettop(L);
    int rc = th_json_decode_marked(L, text, len, "\xef\xb7\x90", NULL);
    if (lua_gettop(L) != strict + (rc == 0) ||
        (strict && (rc != 0 || !same(L, strict, strict + 1))))
        broken("read otherwise where strings may be broken", text, len);
    lua_settop(L, strict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!shared)
        shared = luaL_newstate();
    lua_State *L = shared;
    const char *text = (const char *)data;
    th_error err = {0};
    json_error_t why;
    json_t *other =
        json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    int rc = th_json_decode(L, text, size, &err);
    if (lua_gettop(L) != (rc == 0))
        broken("the stack is not as it was", text, size);
    check_marked(L, text, size);
    if (rc == 0) {
        /* jansson refuses a key with U+0000 in it */
        if (other ? !same_as_jansson(L, other) : !memmem(text, size, "\\u0000", 6))
            broken(other ? "read otherwise than by jansson" : why.text, text, size);
        check_round_trip(L, text, size);
        lua_settop(L, 0);
    } else {
        if (rc != -TH_MALFORMED || !err.message || !strstr(err.message, " at line "))
            broken("refused without a place", text, size);
        /* jansson takes a raw NUL for the end of the text, and nests deeper */
        if (other && !memchr(text, '\0', size) && !strstr(err.message, "nested deeper"))
            broken(err.message, text, size);
    }
    th_error_close(&err);
    json_decref(other);
    return 0;
}

#ifdef TH_FUZZ_PLAIN
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rbe");
        if (!file) {
            perror(argv[i]);
            return 2;
        }
        th_buf text = {0};
        char block[4096];
        for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
            th_buf_append(&text, block, n);
        fclose(file);
        LLVMFuzzerTestOneInput((const uint8_t *)(text.data ? text.data : ""), text.len);
        th_buf_close(&text);
    }
    printf("%d files hold\n", argc - 1);
    return 0;
}
#endif
