#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "json/scan.h"

static int open_scan(void **state)
{
    th_json_scan *scan = malloc(sizeof *scan);
    assert_non_null(scan);
    th_json_scan_init(scan);
    *state = scan;
    return 0;
}

static int close_scan(void **state)
{
    th_json_scan_close(*state);
    free(*state);
    return 0;
}

#define SCAN_TEST(name) TEST_WITH(open_scan, close_scan, name, th_json_scan *scan)

static int scan_text(th_json_scan *scan, const char *text)
{
    return th_json_scan_text(scan, text, strlen(text));
}

SCAN_TEST(only_what_lua_cjson_would_spoil_is_rewritten)
{
    assert_int_equal(scan_text(scan, "{\"a\":[1,{}],\"b\":999999999999999,\"c\":1.5,\"d\":\"[]\"}"),
                     0);
    assert_int_equal(scan->nedits, 0);
    assert_true(scan->numbers && scan->arrays);

    assert_int_equal(scan_text(scan, "{\"a\":[ \n],\"b\":-1234567890123456}"), 0);
    assert_int_equal(scan->nedits, 2);
    assert_int_equal(scan->edits[0].kind, TH_JSON_EMPTY_ARRAY);
    assert_int_equal(scan->edits[0].offset, 5);
    assert_int_equal(scan->edits[0].len, 4);
    assert_int_equal(scan->edits[1].kind, TH_JSON_INTEGER);
    assert_int_equal(scan->edits[1].offset, 14);
    assert_int_equal(scan->edits[1].len, 17);
}

SCAN_TEST(a_text_without_numbers_and_arrays_says_so)
{
    assert_int_equal(scan_text(scan, "[1]"), 0);
    assert_int_equal(scan_text(scan, "{\"a\":\"1\",\"b\":null,\"c\":{\"d\":true}}"), 0);
    assert_false(scan->numbers || scan->arrays);
}

SCAN_TEST(the_place_of_an_error_is_a_byte)
{
    assert_int_equal(scan_text(scan, "{\"a\":1,\n\"a\":2}"), -1);
    assert_int_equal(scan->offset, 8);
    size_t line, column;
    const char *text = "\xc3\xa9\n\xe2\x82\xac\xf0\x9f\x98\x80x";
    th_json_position(text, strlen(text), &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 4);
    th_json_position(text, 0, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
}

SCAN_TEST(a_scanner_forgets_a_text_that_failed)
{
    for (int i = 0; i < 100; i++) {
        assert_int_equal(scan_text(scan, "{\"a\":[[[{\"b\":1,\"\\u0063\":2,"), -1);
        assert_int_equal(scan_text(scan, "{\"a\":{\"b\":1,\"c\":[]}}"), 0);
        assert_int_equal(scan->nedits, 1);
    }
}

/* {"k0":{},"k1":{}, …}, with every key escaped when asked for. */
static char *object_of(unsigned fields, const char *prefix)
{
    th_buf text = {0};
    for (unsigned i = 0; i < fields; i++)
        assert_int_equal(th_buf_printf(&text, "%s\"%s%u\":{\"k\":0}", i ? "," : "{", prefix, i), 0);
    th_buf_putc(&text, '}');
    return text.data;
}

static uint64_t probes_for(th_json_scan *scan, unsigned fields, const char *prefix)
{
    char *text = object_of(fields, prefix);
    scan->probes = 0;
    assert_int_equal(scan_text(scan, text), 0);
    free(text);
    return scan->probes;
}

SCAN_TEST(keys_are_compared_in_linear_time)
{
    static const char *const prefixes[] = {"key", "\\u006bey"};
    for (size_t i = 0; i < 2; i++) {
        uint64_t once = probes_for(scan, 100000, prefixes[i]);
        uint64_t twice = probes_for(scan, 200000, prefixes[i]);
        assert_in_range(once, 1, 100000);
        assert_in_range(twice, 1, 200000);
    }
}

SCAN_TEST(one_repeated_key_among_many_is_found)
{
    char *object = object_of(50000, "key");
    size_t len = strlen(object);
    th_buf text = {0};
    th_buf_append(&text, object, len - 1);
    th_buf_puts(&text, ",\"k\\u0065y4711\":1}");
    free(object);
    assert_int_equal(th_json_scan_text(scan, text.data, text.len), -1);
    assert_string_equal(scan->reason, "a key appears twice in one object");
    assert_int_equal(scan->offset, len);
    th_buf_close(&text);
}

SCAN_TEST(the_same_key_in_nested_objects_costs_nothing)
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
    scan->probes = 0;
    assert_int_equal(th_json_scan_text(scan, text.data, text.len), 0);
    assert_int_equal(scan->probes, 0);
    th_buf_close(&text);
}

SCAN_TEST(scratch_memory_of_a_large_text_does_not_stay)
{
    probes_for(scan, 100000, "\\u006bey");
    assert_true(scan->keys_cap >= 100000);
    assert_int_equal(scan_text(scan, "{}"), 0);
    assert_int_equal(scan->keys_cap, 0);
    assert_int_equal(scan->unescaped.cap, 0);
}
