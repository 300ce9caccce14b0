/* Texts that are long, wide or deep, and what stays behind when a text was refused. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "json/json.h"

static int open_lua(void **state)
{
    *state = luaL_newstate();
    assert_non_null(*state);
    return 0;
}

static int close_lua(void **state)
{
    lua_close(*state);
    return 0;
}

#define READ_TEST(name) TEST_WITH(open_lua, close_lua, name, lua_State *L)

static void assert_read(lua_State *L, const char *text)
{
    assert_int_equal(th_json_decode(L, text, strlen(text), NULL), 0);
    assert_int_equal(lua_gettop(L), 1);
}

static void assert_refused(lua_State *L, const char *text, const char *reason)
{
    th_error err = {0};
    assert_int_equal(th_json_decode(L, text, strlen(text), &err), -TH_MALFORMED);
    assert_int_equal(lua_gettop(L), 0);
    if (!strstr(err.message, reason))
        fail_msg("%s", err.message);
    th_error_close(&err);
}

/* {"<prefix>0":{"k":0},"<prefix>1":{"k":0}, … */
static void put_object(th_buf *text, unsigned fields, const char *prefix)
{
    for (unsigned i = 0; i < fields; i++)
        assert_int_equal(th_buf_printf(text, "%s\"%s%u\":{\"k\":0}", i ? "," : "{", prefix, i), 0);
}

READ_TEST(a_text_that_was_refused_leaves_nothing_behind)
{
    for (int i = 0; i < 100; i++) {
        assert_refused(L, "{\"a\":[[[{\"b\":1,\"\\u0063\":2,", "before its last bracket");
        assert_read(L, "{\"a\":{\"b\":1,\"c\":[]}}");
        lua_settop(L, 0);
    }
    lua_gc(L, LUA_GCCOLLECT);
    const int before = lua_gc(L, LUA_GCCOUNT);
    th_buf text = {0};
    put_object(&text, 100000, "\\u006bey");
    assert_refused(L, text.data, "before its last bracket");
    th_buf_close(&text);
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCCOLLECT);
    assert_in_range(lua_gc(L, LUA_GCCOUNT), 0, before + 64 + 2048); /* Lua keeps its string table */
}

READ_TEST(a_broken_string_is_read_with_marks_where_that_is_asked_for)
{
    static const struct {
        const char *text, *value;
    } marked[] = {{"\"a\xff"
                   "b\"",
                   "a?b"},
                  {"\"\xc3\"", "?"},
                  {"\"\x01\\n\"", "?\n"},
                  {"\"\\ud83d\\u0041\"", "?A"},
                  {"\"\\udc00\"", "?"},
                  {"\"\xed\xa0\x80\"", "???"}};
    for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++) {
        const char *text = marked[i].text;
        assert_refused(L, text, "");
        assert_int_equal(th_json_decode_marked(L, text, strlen(text), "\xef\xb7\x90", NULL), 0);
        luaL_gsub(L, lua_tostring(L, 1), "\xef\xb7\x90", "?");
        assert_string_equal(lua_tostring(L, -1), marked[i].value);
        lua_settop(L, 0);
    }
    static const char *const no_json[] = {"\xff", "\"\xff", "{\"\xff\":1,\"\xff\":2}",
                                          "\"\\ud83\""};
    for (size_t i = 0; i < sizeof no_json / sizeof no_json[0]; i++)
        assert_int_equal(
            th_json_decode_marked(L, no_json[i], strlen(no_json[i]), "\xef\xb7\x90", NULL),
            -TH_MALFORMED);
}

READ_TEST(every_length_of_objects_and_arrays_is_read)
{
    for (unsigned n = 1; n < 140; n++) {
        th_buf text = {0};
        put_object(&text, n, "key");
        th_buf_puts(&text, ",\"list\":[");
        for (unsigned i = 1; i <= n; i++)
            th_buf_printf(&text, i > 1 ? ",%u" : "%u", i);
        th_buf_puts(&text, "]}");
        assert_read(L, text.data);
        th_buf_close(&text);
        for (unsigned i = 0; i < n; i++) {
            lua_pushfstring(L, "key%d", (int)i);
            assert_int_equal(lua_rawget(L, 1), LUA_TTABLE);
            lua_pop(L, 1);
        }
        lua_getfield(L, 1, "list");
        assert_true(th_json_is_array(L, -1));
        assert_int_equal(lua_rawlen(L, -1), n);
        for (unsigned i = 1; i <= n; i++) {
            lua_rawgeti(L, 2, i);
            assert_int_equal(lua_tointeger(L, -1), i);
            lua_pop(L, 1);
        }
        lua_settop(L, 0);
    }
}

/* The first key that repeats another one is named, wherever the two are. */
READ_TEST(a_repeated_key_is_found_among_any_number_of_others)
{
    for (unsigned n = 1; n < 140; n++) {
        for (unsigned same = 0; same < n; same += 1 + n / 7) {
            th_buf text = {0};
            char again[32];
            put_object(&text, n, "key");
            snprintf(again, sizeof again, ",\n\"k\\u0065y%u\":1", same);
            th_buf_puts(&text, again);
            th_buf_puts(&text, ",\"other\":[],\n\"other\":2}");
            assert_refused(L, text.data, "twice in one object at line 2, column 1");
            th_buf_close(&text);
        }
    }
}

READ_TEST(two_hundred_thousand_keys_are_read_and_one_that_repeats_is_found)
{
    th_buf text = {0};
    put_object(&text, getenv("UNDER_VALGRIND") ? 9000 : 200000, "key");
    const size_t len = text.len;
    th_buf_puts(&text, ",\"k\\u0065y4711\":1}");
    assert_refused(L, text.data, "a key appears twice in one object");
    memcpy(text.data + len, "}", 2);
    assert_read(L, text.data);
    th_buf_close(&text);
}

READ_TEST(the_same_key_may_be_in_nested_objects)
{
    th_buf text = {0};
    for (int i = 0; i < 250; i++)
        th_buf_puts(&text, "{\"id\":");
    th_buf_putc(&text, '[');
    for (int i = 0; i < 10000; i++)
        th_buf_puts(&text, i ? ",{\"id\":1}" : "{\"id\":1}");
    th_buf_putc(&text, ']');
    for (int i = 0; i < 250; i++)
        th_buf_putc(&text, '}');
    assert_read(L, text.data);
    th_buf_close(&text);
}
