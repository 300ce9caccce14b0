#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/*
 * The buffer is compiled into this test with a free() that looks at each block first: what a
 * sensitive buffer gives up can be seen at no other moment.
 */
static bool watching;
static unsigned freed, freed_in_clear;
static const char needle[] = "correct-horse-battery";

static void spy_free(void *block)
{
    if (block && watching) {
        freed++;
        if (memmem(block, malloc_usable_size(block), needle, sizeof needle - 1))
            freed_in_clear++;
    }
    free(block);
}

#define free spy_free
#include "../../host/base/buf.c"
#undef free

static int reset(void **state)
{
    (void)state;
    watching = false;
    freed = freed_in_clear = 0;
    return 0;
}

#define BUF_TEST(name) TEST_BETWEEN(reset, NULL, name)

BUF_TEST(text_is_always_followed_by_a_nul_that_is_not_counted)
{
    th_buf buf = {0};
    assert_int_equal(th_buf_puts(&buf, "abc"), 0);
    assert_int_equal(th_buf_putc(&buf, '\0'), 0);
    assert_int_equal(th_buf_append(&buf, "d", 1), 0);
    assert_int_equal(buf.len, 5);
    assert_memory_equal(buf.data, "abc\0d", 6);
    assert_int_equal(th_buf_append(&buf, NULL, 0), 0);
    assert_int_equal(buf.len, 5);
    th_buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    th_buf_close(&buf);
    assert_null(buf.data);
    th_buf_close(&buf);
}

BUF_TEST(printf_grows_to_what_it_needs)
{
    th_buf buf = {0};
    th_buf_puts(&buf, "x");
    assert_int_equal(th_buf_printf(&buf, "%0500d|%s", 7, "end"), 0);
    assert_int_equal(buf.len, 1 + 500 + 4);
    assert_string_equal(buf.data + 500, "7|end");
    th_buf_close(&buf);
}

BUF_TEST(a_request_that_overflows_leaves_the_buffer_as_it_was)
{
    th_buf buf = {0};
    th_buf_puts(&buf, "kept");
    assert_int_equal(th_buf_reserve(&buf, SIZE_MAX), -1);
    assert_int_equal(th_buf_reserve(&buf, SIZE_MAX - 4), -1);
    assert_string_equal(buf.data, "kept");
    assert_int_equal(buf.len, 4);
    th_buf_close(&buf);
}

BUF_TEST(reserved_room_is_not_moved_by_what_fits_in_it)
{
    th_buf buf = {0};
    assert_int_equal(th_buf_reserve(&buf, 1000), 0);
    const char *block = buf.data;
    for (int i = 0; i < 1000; i++)
        th_buf_putc(&buf, 'x');
    assert_ptr_equal(buf.data, block);
    th_buf_close(&buf);
}

BUF_TEST(a_sensitive_buffer_wipes_each_block_it_outgrows)
{
    watching = true;
    th_buf buf = {.sensitive = true};
    th_buf_puts(&buf, needle);
    for (int i = 0; i < 10000; i++)
        th_buf_puts(&buf, "padding ");
    th_buf_printf(&buf, "%s", needle);
    th_buf_close(&buf);
    assert_in_range(freed, 3, 100);
    assert_int_equal(freed_in_clear, 0);
}

BUF_TEST(a_sensitive_buffer_wipes_what_lies_beyond_its_length)
{
    watching = true;
    th_buf buf = {.sensitive = true};
    th_buf_puts(&buf, needle);
    buf.len = 3; /* a caller took something back */
    th_buf_clear(&buf);
    for (size_t i = 0; i < buf.cap; i++)
        assert_int_equal(buf.data[i], 0);
    th_buf_puts(&buf, needle);
    buf.len = 0;
    th_buf_close(&buf);
    assert_int_equal(freed_in_clear, 0);
}

BUF_TEST(an_ordinary_buffer_is_the_proof_that_the_spy_sees)
{
    watching = true;
    th_buf buf = {0};
    th_buf_puts(&buf, needle);
    th_buf_close(&buf);
    assert_int_equal(freed_in_clear, 1);
}

BUF_TEST(integers_are_written_in_decimal)
{
    th_buf buf = {0};
    const int64_t numbers[] = {0, 7, -1, 10, 100, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(th_buf_put_integer(&buf, numbers[i]), 0);
        assert_int_equal(th_buf_putc(&buf, ' '), 0);
    }
    assert_string_equal(buf.data, "0 7 -1 10 100 9223372036854775807 -9223372036854775808 ");
    th_buf_close(&buf);
}
