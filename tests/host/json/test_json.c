#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/secret.h"
#include "test.h"
#include "json/json.h"

/* --- for the Lua code of the tests ------------------------------------------------------------ */

/* decode(text) → value, or nil and the message */
static int lua_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    th_error err = {0};
    int rc = th_json_decode(L, text, len, &err);
    assert_int_equal(lua_gettop(L), rc == 0 ? 2 : 1);
    if (rc == 0)
        return 1;
    assert_int_equal(rc, -TH_MALFORMED);
    lua_pushnil(L);
    lua_pushstring(L, err.message);
    th_error_close(&err);
    return 2;
}

/* encode(value, flags) → text, or nil and the message */
static int lua_encode(lua_State *L)
{
    th_error err = {0};
    th_buf out = {.sensitive = true};
    lua_settop(L, 2);
    th_buf_puts(&out, "kept:");
    int rc = th_json_encode(L, 1, (unsigned)lua_tointeger(L, 2), &out, &err);
    assert_int_equal(lua_gettop(L), 2);
    assert_memory_equal(out.data, "kept:", 5);
    if (rc == 0) {
        lua_pushlstring(L, out.data + 5, out.len - 5);
    } else {
        assert_int_equal(rc, -TH_INVALID);
        assert_int_equal(out.len, 5);
        lua_pushnil(L);
        lua_pushstring(L, err.message);
    }
    th_error_close(&err);
    th_buf_close(&out);
    return rc == 0 ? 1 : 2;
}

static int lua_array(lua_State *L)
{
    th_json_mark_array(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int lua_is_array(lua_State *L)
{
    lua_pushboolean(L, th_json_is_array(L, 1));
    return 1;
}

static int lua_secret(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    th_secret *secret;
    assert_int_equal(th_secret_copy(text, len, &secret, NULL), 0);
    th_secret_push(L, secret);
    th_secret_unref(secret);
    return 1;
}

static int open_lua(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_register(L, "decode", lua_decode);
    lua_register(L, "encode", lua_encode);
    lua_register(L, "array", lua_array);
    lua_register(L, "is_array", lua_is_array);
    lua_register(L, "secret", lua_secret);
    th_json_push_null(L);
    lua_setglobal(L, "null");
    const struct {
        const char *name;
        int value;
    } flags[] = {
        {"SECRETS", TH_JSON_SECRETS}, {"REDACT", TH_JSON_REDACT}, {"PRETTY", TH_JSON_PRETTY}};
    for (size_t i = 0; i < 3; i++) {
        lua_pushinteger(L, flags[i].value);
        lua_setglobal(L, flags[i].name);
    }
    *state = L;
    return 0;
}

static int close_lua(void **state)
{
    lua_close(*state);
    return th_secret_count() == 0 ? 0 : -1;
}

#define JSON_TEST(name) TEST_WITH(open_lua, close_lua, name, lua_State *L)

static void run(lua_State *L, const char *code)
{
    static const char helpers[] =
        "local function same(a, b)\n"
        "  if a ~= b or math.type(a) ~= math.type(b) then\n"
        "    error(('%s is not %s'):format(a, b), 2) end end\n"
        "local function refused(part, value, why)\n"
        "  if value ~= nil then error('accepted: ' .. tostring(value), 2) end\n"
        "  if not why:find(part, 1, true) then error(why, 2) end end\n";
    lua_pushstring(L, helpers);
    lua_pushstring(L, code);
    lua_concat(L, 2);
    if (luaL_dostring(L, lua_tostring(L, -1)) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_settop(L, 0);
}

/* --- the traps of lua-cjson ------------------------------------------------------------------- */

JSON_TEST(j1_integers_decode_as_integers)
{
    run(L, "same(decode '42', 42)\n"
           "same('/sip-trunks/' .. decode('{\"id\":42}').id, '/sip-trunks/42')\n"
           "local t = decode '{\"a\":[1,{\"b\":-7}],\"c\":{\"d\":0}}'\n"
           "same(t.a[1], 1) same(t.a[2].b, -7) same(t.c.d, 0)\n"
           "same(decode '3.0', 3) same(decode '1e3', 1000)\n"
           "same(decode '2.5', 2.5) same(decode '[0.1]'[1], 0.1)");
}

JSON_TEST(j2_no_digit_of_an_integer_is_lost)
{
    run(L, "for _, text in ipairs { '123456789012345', '99999999999999', '100000000000000',\n"
           "    '999999999999999', '-999999999999999', '1234567890123456',\n"
           "    '9007199254740991', '9007199254740992', '9007199254740993',\n"
           "    '-9007199254740993', '9223372036854775807', '-9223372036854775808' } do\n"
           "  local value = decode(text)\n"
           "  same(math.type(value), 'integer')\n"
           "  same(tostring(value), text)\n"
           "  same(encode(value), text)\n"
           "  same(encode(decode('{\"a\":[' .. text .. ',1]}')), '{\"a\":[' .. text .. ',1]}')\n"
           "end");
}

JSON_TEST(j2_an_integer_beyond_64_bits_is_an_error)
{
    run(L, "refused('does not fit in 64 bits', decode '9223372036854775808')\n"
           "refused('line 1, column 2', decode '[-9223372036854775809]')\n"
           "refused('does not fit', decode('1' .. ('0'):rep(400)))");
}

JSON_TEST(j2_fractions_are_written_so_that_they_read_the_same)
{
    run(L, "for _, x in ipairs { 0.1, 1/3, 2/3, 1e300, 5e-324, 2.2250738585072014e-308, -1.5,\n"
           "    1.7976931348623157e308, 123456.789, 1e15 + 0.5, 2^53 + 2, 2^63, -2^63 } do\n"
           "  same(decode(encode(x)) + 0.0, x)\n"
           "end\n"
           "same(encode(0.1), '0.1') same(encode(2.0), '2')\n"
           "same(encode(1/3), '0.3333333333333333')\n"
           "same(encode(2^53), '9007199254740992')");
}

JSON_TEST(j2_minus_zero_keeps_its_sign)
{
    assert_int_equal(th_json_decode(L, "-0.0", 4, NULL), 0);
    assert_true(!lua_isinteger(L, -1) && lua_tonumber(L, -1) == 0 && signbit(lua_tonumber(L, -1)));
    lua_settop(L, 0);
    run(L, "same(encode(-0.0), '-0') same(decode '0', 0) same(decode '0.0', 0)");
}

JSON_TEST(j3_empty_arrays_and_objects_stay_what_they_are)
{
    run(L, "for _, text in ipairs { '[]', '{}', '[[]]', '[{}]', '{\"a\":[]}', '{\"a\":{}}',\n"
           "    '[[],{},[[]],[[],[]]]', '{\"a\":{\"b\":[{}]}}', '[1,[]]' } do\n"
           "  same(encode(decode(text)), text)\n"
           "end\n"
           "same(encode(decode ' [ \\n ] '), '[]')\n"
           "same(next(decode '[]'), nil) same(#decode '[[],[]]', 2)\n"
           "same(encode {}, '{}') same(encode(array {}), '[]')\n"
           "same(encode { ips = array {} }, '{\"ips\":[]}')");
}

JSON_TEST(j3_a_decoded_array_that_is_emptied_stays_an_array)
{
    run(L, "local t = decode '{\"ips\":[\"192.0.2.1\"]}'\n"
           "t.ips[1] = nil\n"
           "same(encode(t), '{\"ips\":[]}')\n"
           "t.ips[1] = 'a' t.ips[2] = 'b'\n"
           "same(encode(t), '{\"ips\":[\"a\",\"b\"]}')");
}

JSON_TEST(j3_arrays_are_told_from_objects)
{
    run(L, "assert(is_array(array {}) and is_array { 1, 2 } and is_array(decode '[]'))\n"
           "assert(is_array(decode '[[1]]'[1]) and not is_array(decode '{}'))\n"
           "assert(not is_array {} and not is_array { a = 1 } and not is_array { 1, a = 1 })\n"
           "assert(not is_array { 1, nil, 3 } and not is_array 'x' and not is_array(null))\n"
           "assert(not is_array(setmetatable({}, {})))");
}

JSON_TEST(j4_what_is_not_json_is_refused)
{
    run(L, "for _, text in ipairs { 'NaN', 'nan', '-NaN', 'Infinity', '-Infinity', 'inf', "
           "'0x10', '-0x1',\n"
           "    '01', '-01', '00', '+1', '.5', '1.', '1.e2', '1e', '1e+', '-', '1_000', "
           "'1,5', '0b1',\n"
           "    'True', 'nul', 'truee', 'undefined', \"'a'\", '{a:1}', '[1,]', '[,1]', '[,]', "
           "'[1 2]',\n"
           "    '[1}', '{\"a\":1,}', '{,}', '{\"a\"}', '{\"a\":}', '{\"a\" 1}', '{1:2}', "
           "'{\"a\":1]',\n"
           "    '[', '{', '[1', '{\"a\":1', '\"', '\"a', ']', '}', '1 1', '{} {}', '[]]', '// "
           "x', '[1]/**/',\n"
           "    '\"\\\\x41\"', '\"\\\\\\'\"', '\"\\\\u12\"', '\"\\\\u12g4\"', "
           "'\"\\\\U00000041\"', '\"\\\\',\n"
           "    '\"\\1\"', '\"\\n\"', '\"\\t\"', '\"\\0\"', '1\\0', '\\0', '\\v1', '1\\f',\n"
           "    '', ' ', '\\239\\187\\191{}', '\\254\\255\\0[', '1e400', '-1e400' } do\n"
           "  refused('this is not valid JSON', decode(text))\n"
           "end");
}

JSON_TEST(j4_text_that_is_not_utf8_is_refused_in_both_directions)
{
    run(L,
        "for _, bad in ipairs { '\\xff', '\\xfe', '\\x80', '\\xc3', '\\xc0\\x80', '\\xc1\\xbf',\n"
        "    '\\xe0\\x80\\x80', '\\xed\\xa0\\x80', '\\xed\\xbf\\xbf', '\\xf0\\x80\\x80\\x80',\n"
        "    '\\xf4\\x90\\x80\\x80', '\\xf5\\x80\\x80\\x80', '\\xe2\\x82', 'abcdefgh\\xff' } do\n"
        "  refused('not valid UTF-8', decode('[\"' .. bad .. '\"]'))\n"
        "  refused('not valid UTF-8', decode('{\"' .. bad .. '\":1}'))\n"
        "  refused('a[1] cannot be written as JSON', encode { a = { bad } })\n"
        "  refused('keys is not valid UTF-8', encode { [bad] = 1 })\n"
        "end\n"
        "for _, good in ipairs { '\\u{e9}', '\\u{7ff}', '\\u{800}', '\\u{d7ff}', '\\u{e000}',\n"
        "    '\\u{ffff}', '\\u{10000}', '\\u{10ffff}' } do\n"
        "  same(decode('\"' .. good .. '\"'), good)\n"
        "  same(encode(good), '\"' .. good .. '\"')\n"
        "end");
}

JSON_TEST(j4_a_key_must_not_appear_twice)
{
    run(L,
        "refused('twice in one object at line 1, column 8', decode '{\"a\":1,\"a\":2}')\n"
        "refused('twice', decode '{\"a\":1,\"\\\\u0061\":2}')\n"
        "refused('twice', decode '{\"\\\\u00e9\":1,\"\\u{e9}\":2}')\n"
        "refused('twice', decode '{\"\\\\ud83d\\\\ude00\":1,\"\\u{1f600}\":2}')\n"
        "refused('twice', decode '{\"a/b\":1,\"c\":2,\"a\\\\/b\":3}')\n"
        "refused('twice', decode '{\"\\\\n\":1,\"\\\\u000a\":3}')\n"
        "refused('twice', decode '{\"\":1,\"\":3}')\n"
        "refused('twice', decode '[{\"x\":{\"b\":1},\"y\":[{\"b\":1}],\"x\":0}]')\n"
        "local t = decode '{\"a\":{\"a\":{\"a\":1},\"b\":{\"a\":2}},\"b\":[{\"a\":3},{\"a\":4}]}'\n"
        "same(t.a.a.a, 1) same(t.a.b.a, 2) same(t.b[2].a, 4)\n"
        "same(decode '{\"\\\\u0000a\":1,\"\\\\u0000b\":2,\"\":3}'['\\0b'], 2)");
}

JSON_TEST(j4_slashes_are_not_escaped)
{
    run(L, "same(encode 'https://a/b', '\"https://a/b\"')\n"
           "same(encode { ['a/b'] = '\\\\/' }, '{\"a/b\":\"\\\\\\\\/\"}')\n"
           "same(decode(encode '\\\\/\\\\\\\\/'), '\\\\/\\\\\\\\/')");
}

/* --- reading ---------------------------------------------------------------------------------- */

JSON_TEST(scalars_and_null_are_texts_too)
{
    run(L, "same(decode 'true', true) same(decode ' false ', false) same(decode '\"\"', '')\n"
           "same(decode 'null', null) same(decode '{\"a\":null}'.a, null)\n"
           "same(encode(null), 'null') same(encode { null, null }, '[null,null]')");
    th_json_push_null(L);
    lua_pushnil(L);
    assert_true(th_json_is_null(L, 1));
    assert_false(th_json_is_null(L, 2));
    assert_false(th_json_is_null(L, 3));
    lua_settop(L, 0);
}

JSON_TEST(escapes_are_read_and_written)
{
    run(L, "same(decode '\"\\\\\"\\\\\\\\\\\\/\\\\b\\\\f\\\\n\\\\r\\\\t\"', "
           "'\"\\\\/\\b\\f\\n\\r\\t')\n"
           "same(decode '\"\\\\u0041\\\\u00E9\\\\u20aC\"', 'A\\u{e9}\\u{20ac}')\n"
           "same(decode '\"\\\\ud83d\\\\ude00\"', '\\u{1f600}')\n"
           "same(decode '\"a\\\\u0000b\"', 'a\\0b') same(#decode '\"\\\\u0000\"', 1)\n"
           "for byte = 0, 127 do\n"
           "  local text = 'x' .. string.char(byte) .. 'y'\n"
           "  same(decode(encode(text)), text)\n"
           "  same(decode(encode { [text] = text })[text], text)\n"
           "end");
}

JSON_TEST(half_a_surrogate_pair_is_refused)
{
    run(L, "for _, bad in ipairs { '\\\\ud83d', '\\\\ude00', '\\\\ud83dx', '\\\\ud83d\\\\u0041',\n"
           "    '\\\\ud83d\\\\ud83d', '\\\\ude00\\\\ud83d', '\\\\ud83d\\\\n', '\\\\udfff' } do\n"
           "  refused('half of a surrogate pair', decode('\"' .. bad .. '\"'))\n"
           "  refused('half of a surrogate pair', decode('{\"' .. bad .. '\":1}'))\n"
           "end");
}

JSON_TEST(an_error_tells_line_and_column)
{
    run(L, "refused('line 3, column 8', decode '{\\n  \"a\": 1,\\n  \"b\": x\\n}')\n"
           "refused('line 2, column 6', decode '[\\n\"\\u{e9}\\u{1f600}\" 1]')\n"
           "refused('line 1, column 1', decode '')\n"
           "refused('line 1, column 8', decode '[1, 2, ]')\n"
           "refused('line 2, column 1', decode '[1,\\r\\n')\n"
           "refused('a comma must not stand before }', decode '{\"a\":1,}')\n"
           "refused('a colon was expected', decode '{\"a\" 1}')");
}

JSON_TEST(a_text_needs_no_nul_at_its_end)
{
    const char *const texts[] = {"[12",
                                 "[1,2]",
                                 "\"a\\",
                                 "\"\\ud83d\\u",
                                 "-",
                                 "1e",
                                 "{\"a\":tru",
                                 "12345678901234567",
                                 "\"\xf0\x9f\x98",
                                 "nul",
                                 "[]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        /* a block of its own, so that a sanitizer sees each byte that is read too many */
        size_t len = strlen(texts[i]);
        char *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, texts[i], len);
        th_error err = {0};
        th_json_decode(L, exact, len, &err);
        th_error_close(&err);
        free(exact);
        lua_settop(L, 0);
    }
}

JSON_TEST(the_largest_double_is_read_and_the_next_one_refused)
{
    run(L, "same(decode '1.7976931348623157e308', 1.7976931348623157e308)\n"
           "same(decode '179769313486231570e291', 1.7976931348623157e308)\n"
           "same(decode '0.00017976931348623157e312', 1.7976931348623157e308)\n"
           "same(decode '1.7976931348623158e308', 1.7976931348623157e308)\n"
           "refused('too large for a double', decode '1.797693134862315808e308')\n"
           "refused('too large for a double', decode '-2e308')\n"
           "refused('too large for a double', decode '1e99999999999999999999999')\n"
           "same(decode '0e99999999999999999999999', 0)\n"
           "same(decode('0.' .. ('0'):rep(400) .. '1e401'), 1)\n"
           "same(decode '1e-99999999999999999999999', 0)\n"
           "refused('too large', decode('1' .. ('0'):rep(400) .. '.0'))");
}

JSON_TEST(a_mark_of_our_own_cannot_come_from_outside)
{
    run(L, "same(decode '[\"\\\\u00ff42\",12345678901234567]'[1], '\\u{ff}42')\n"
           "refused('UTF-8', decode '[\"\\xff42\"]')\n"
           "refused('UTF-8', encode({ '\\xffS0', secret 'x' }, SECRETS))");
}

/* --- writing ---------------------------------------------------------------------------------- */

JSON_TEST(a_refusal_names_the_place)
{
    run(L, "refused('a.b[2] cannot be written as JSON: it is a function',\n"
           "        encode { a = { b = { 1, print } } })\n"
           "refused('the value cannot', encode(print))\n"
           "refused('[\"x y\"][1].z9 cannot', encode { ['x y'] = { { z9 = io.stdout } } })\n"
           "refused('a coroutine', encode(coroutine.create(print)))\n"
           "refused('it is nil', encode(nil))\n"
           "refused('NaN', encode { 0/0 }) refused('infinite', encode { -1/0 })\n"
           "refused('[3][1] cannot', encode { 1, 2, { 1/0 }, 4 })");
}

JSON_TEST(tables_that_are_neither_list_nor_object_are_refused)
{
    run(L, "refused('a cannot be written as JSON: it mixes', encode { a = { 1, 2, x = 3 } })\n"
           "refused('without a gap', encode { a = { 1, nil, 3 } })\n"
           "refused('without a gap', encode { [5] = 'x' })\n"
           "refused('without a gap', encode { [0] = 'x', 'y' })\n"
           "refused('without a gap', encode { [2^53] = 'x' })\n"
           "refused('without a gap', encode(array { 1, nil, 3 }))\n"
           "refused('marked as an array', encode(array { x = 1 }))\n"
           "refused('neither a string nor a whole number', encode { [true] = 1 })\n"
           "refused('neither a string nor a whole number', encode { [1.5] = 1 })\n"
           "local hash = {} for i = 10, 1, -1 do hash[i] = i end\n"
           "same(encode(hash), '[1,2,3,4,5,6,7,8,9,10]')");
}

JSON_TEST(depth_is_bounded_in_both_directions)
{
    run(L, "local function nested(n) return ('['):rep(n) .. (']'):rep(n) end\n"
           "same(encode(decode(nested(256))), nested(256))\n"
           "refused('nested deeper than 256', decode(nested(257)))\n"
           "refused('nested deeper than 256', decode(('['):rep(1000000)))\n"
           "refused('nested deeper than 256', decode(('{\"a\":'):rep(1000000)))\n"
           "local t = {} for _ = 1, 255 do t = { a = t } end\n"
           "same(encode(t), ('{\"a\":'):rep(255) .. '{}' .. ('}'):rep(255))\n"
           "same(encode(decode(encode(t))), encode(t))\n"
           "refused('nested deeper', encode { t })\n"
           "local cycle = {} cycle.again = { cycle }\n"
           "refused('does a table contain itself?', encode(cycle))\n"
           "local shared = { 1 }\n"
           "same(encode { shared, shared }, '[[1],[1]]')");
}

JSON_TEST(a_secret_needs_leave_to_be_written)
{
    run(L, "local s = secret 'p\"a\\\\s\\n\\1/\\u{e9}'\n"
           "refused('a.pw cannot be written as JSON: it is a secret; call its method reveal()',\n"
           "        encode { a = { pw = s } })\n"
           "same(encode({ pw = s }, SECRETS), "
           "'{\"pw\":\"p\\\\\"a\\\\\\\\s\\\\u000a\\\\u0001/\\u{e9}\"}')\n"
           "same(decode(encode(s, SECRETS)), s:reveal())\n"
           "same(encode({ s, { s } }, REDACT), '[\"[secret]\",[\"[secret]\"]]')\n"
           "same(encode({ s }, REDACT | SECRETS), '[\"[secret]\"]')\n"
           "local many, expect = {}, {}\n"
           "for i = 1, 100 do many[i] = secret('no' .. i) expect[i] = '\"no' .. i .. '\"' end\n"
           "same(encode(many, SECRETS), '[' .. table.concat(expect, ',') .. ']')\n"
           "refused('not valid UTF-8', encode({ secret '\\xff' }, SECRETS))\n"
           "same(encode({ secret '\\xff' }, REDACT), '[\"[secret]\"]')\n"
           "refused('it is a userdata', encode({ io.stdout }, SECRETS))");
}

JSON_TEST(a_secret_goes_only_where_it_is_wiped)
{
    lua_pushcfunction(L, lua_secret);
    lua_pushliteral(L, "hunter22");
    lua_call(L, 1, 1);
    th_buf out = {0};
    th_error err = {0};
    assert_int_equal(th_json_encode(L, 1, TH_JSON_SECRETS, &out, &err), -TH_INVALID);
    assert_non_null(strstr(err.message, "not wiped"));
    assert_null(strstr(err.message, "hunter22"));
    assert_int_equal(out.len, 0);
    th_buf_close(&out);
    th_error_close(&err);
    lua_settop(L, 0);
}

/* A secret of 1,200 bytes that became a string, or was put together in the Lua heap, would show. */
JSON_TEST(a_secret_never_becomes_a_lua_string)
{
    run(L, "pw = secret(('hunter'):rep(200))");
    lua_getglobal(L, "pw"); // pw
    th_buf out = {.sensitive = true};
    assert_int_equal(th_json_encode(L, 1, TH_JSON_SECRETS, &out, NULL), 0);
    assert_int_equal(out.len, 1202);
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCSTOP);
    int before = lua_gc(L, LUA_GCCOUNT);
    for (int i = 0; i < 100; i++) {
        th_buf_clear(&out);
        assert_int_equal(th_json_encode(L, 1, TH_JSON_SECRETS, &out, NULL), 0);
    }
    int after = lua_gc(L, LUA_GCCOUNT);
    lua_gc(L, LUA_GCRESTART);
    assert_in_range(after - before, 0, 60); /* KiB; 117 if each had become a string */
    th_buf_close(&out);
    lua_settop(L, 0);
}

JSON_TEST(pretty_text_is_indented)
{
    run(L,
        "same(encode({ a = { 1, { b = array {} }, 'x:{[,' } }, PRETTY),\n"
        "  '{\\n  \"a\": [\\n    1,\\n    {\\n      \"b\": []\\n    },\\n    \"x:{[,\"\\n  "
        "]\\n}')\n"
        "same(encode({}, PRETTY), '{}') same(encode('\\\\\"', PRETTY), '\"\\\\\\\\\\\\\"\"')\n"
        "same(encode({ pw = secret '\"{' }, PRETTY | SECRETS), '{\\n  \"pw\": \"\\\\\"{\"\\n}')");
}

JSON_TEST(encoding_changes_nothing_in_the_value)
{
    run(L, "local s = secret 'x'\n"
           "local list = array {}\n"
           "local t = { pw = s, big = 2^60 // 1 | 0, list = list, f = 0.1, n = null }\n"
           "encode(t, SECRETS)\n"
           "assert(rawequal(t.pw, s) and rawequal(t.list, list) and t.f == 0.1)\n"
           "same(t.big, 1 << 60) same(next(list), nil)");
}

JSON_TEST(metamethods_of_a_value_are_not_called)
{
    run(L,
        "local function never() error 'called' end\n"
        "local t = setmetatable({ a = 1 }, { __index = never, __pairs = never, __len = never })\n"
        "same(encode(t), '{\"a\":1}')");
}

JSON_TEST(a_finalizer_may_use_json_while_json_is_at_work)
{
    run(L, "collectgarbage('generational') collectgarbage('incremental', 1, 1000)\n"
           "local other = '[[],12345678901234567,{\"k\":[]}]'\n"
           "local function litter()\n"
           "  setmetatable({}, { __gc = function()\n"
           "    assert(encode(decode(other)) == other) assert(not decode '[1') end })\n"
           "end\n"
           "local text = '[' .. ('{\"a\":[],\"b\":76543210987654321},'):rep(50) .. '1]'\n"
           "for _ = 1, 200 do\n"
           "  for _ = 1, 20 do litter() end\n"
           "  local value = decode(text)\n"
           "  same(#value, 51) assert(is_array(value[50].a)) same(value[50].b, 76543210987654321)\n"
           "  same(#encode(value), #text)\n"
           "end");
}

/* Makes a locale with a decimal comma current; it is compiled when none is installed. */
static bool comma_locale(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1",
             folder, folder);
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        return true;
    if (system(command) != 0)
        return false;
    setenv("LOCPATH", folder, 1);
    bool ok = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    unsetenv("LOCPATH");
    return ok;
}

JSON_TEST(a_decimal_comma_of_the_locale_changes_nothing)
{
    char folder[] = "/tmp/test_json_XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    bool found = comma_locale(folder);
    if (found)
        run(L, "assert(tostring(0.5) == '0,5')\n"
               "same(encode { 1/3, 0.5 }, '[0.3333333333333333,0.5]')\n"
               "same(decode(encode(0.5)), 1/2) same(decode '1.5e0', 3/2)\n"
               "same(decode '[1,5]'[1], 1)\n"
               "assert(tostring(0.5) == '0,5')");
    setlocale(LC_NUMERIC, "C");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    if (!found)
        skip(); /* the sources of locales are not installed */
}

JSON_TEST(what_a_script_does_to_its_own_cjson_does_not_matter)
{
    run(L, "local ok, cjson = pcall(require, 'cjson')\n"
           "if not ok then return end\n"
           "cjson.encode_sparse_array(true) cjson.decode_max_depth(1)\n"
           "cjson.encode_number_precision(3) cjson.encode_invalid_numbers(true)\n"
           "same(encode(decode '[[123456,2.25]]'), '[[123456,2.25]]')\n"
           "refused('NaN', encode(0/0)) same(null, cjson.null)");
}

/* Fails after so many bytes of growth; negative: never. */
static void *limited(void *ud, void *block, size_t old, size_t size)
{
    long *left = ud;
    if (size == 0) {
        free(block);
        return NULL;
    }
    size_t grown = size - (block && old < size ? old : 0);
    if (*left >= 0 && (!block || size > old)) {
        if ((size_t)*left < grown)
            return NULL;
        *left -= (long)grown;
    }
    return realloc(block, size);
}

static int round_trip(lua_State *L)
{
    static const char text[] = "{\"a\":[],\"b\":12345678901234567,\"c\":[0.1,{\"d\":null}]}";
    th_error err = {0};
    th_buf *out = lua_touserdata(L, 1);
    th_json_decode(L, text, sizeof text - 1, &err); // out value
    th_secret *secret;
    th_secret_copy("hunter22", 8, &secret, NULL);
    th_secret **anchor = lua_touserdata(L, 2);
    *anchor = secret;
    th_secret_push(L, secret); // out value secret
    lua_setfield(L, -2, "pw");
    int top = lua_gettop(L), before = (int)out->len;
    if (th_json_encode(L, -1, TH_JSON_SECRETS, out, &err) < 0) {
        bool ok = lua_gettop(L) == top && (int)out->len == before && err.kind == TH_INVALID;
        th_error_close(&err);
        return ok ? luaL_error(L, "refused") : 0;
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* The number of limits that ended in an orderly failure before the first success; -1: not orderly.
 */
static int sweep_memory(void)
{
    for (int failures = 0; failures < 10000; failures++) {
        long left = -1;
        lua_State *L = lua_newstate(limited, &left);
        th_buf out = {.sensitive = true};
        th_secret *secret = NULL;
        lua_pushcfunction(L, round_trip);
        lua_pushlightuserdata(L, &out);
        lua_pushlightuserdata(L, &secret);
        left = failures * 16L;
        int rc = lua_pcall(L, 2, 1, 0);
        left = -1;
        bool done = rc == LUA_OK && lua_toboolean(L, -1);
        bool orderly = done || rc != LUA_OK;
        th_secret_unref(secret);
        lua_close(L);
        orderly = orderly && th_secret_count() == 0 && out.len == (done ? 67 : 0);
        th_buf_close(&out);
        if (done || !orderly)
            return orderly ? failures : -1;
    }
    return -1;
}

/*
 * In a process of its own that ends by SIGKILL: lua-cjson leaks its working buffer when Lua runs
 * out of memory, and no checker for leaks may come to see it.
 */
JSON_TEST(running_out_of_memory_fails_in_order_at_every_allocation)
{
    int ends[2], failures = -1;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        failures = sweep_memory();
        ssize_t n = write(ends[1], &failures, sizeof failures);
        execl("/bin/true", "true", (char *)NULL);
        _exit(n == sizeof failures ? 0 : 1);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], &failures, sizeof failures);
    close(ends[0]);
    waitpid(child, NULL, 0);
    assert_int_equal(n, sizeof failures);
    assert_in_range(failures, 20, 10000);
}

/* --- size ------------------------------------------------------------------------------------- */

JSON_TEST(ten_megabytes_go_through_both_ways)
{
    run(L, "local item = '{\"id\":1234567,\"ips\":[],\"n\":12345678901234567,\"s\":\"abcdefgh\"}'\n"
           "local n = os.getenv 'UNDER_VALGRIND' and 9000 or 170000\n"
           "local text = '[' .. (item .. ','):rep(n) .. item .. ']'\n"
           "assert(n == 9000 or #text > 10 * 1000 * 1000)\n"
           "local value = decode(text)\n"
           "same(#value, n + 1) same(value[n + 1].id, 1234567)\n"
           "assert(is_array(value[n // 2].ips)) same(value[3].n, 12345678901234567)\n"
           "same(#encode(value), #text)");
}
