/* The limit of the Lua state's memory: how it is written, and who may go beyond it. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/memory.h"
#include "test.h"

#define MIB ((size_t)1 << 20)

TEST(sizes_are_written_with_a_unit_or_in_bytes)
{
    static const struct {
        const char *text;
        size_t bytes;
    } sizes[] = {
        {"512M", 512 * MIB}, {"2g", 2048 * MIB}, {"4096K", 4 * MIB}, {"1048576", MIB}, {"1M", MIB}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t bytes = 0;
        assert_int_equal(th_memory_parse(sizes[i].text, &bytes, NULL), 0);
        assert_int_equal(bytes, sizes[i].bytes);
    }
}

TEST(what_is_no_size_or_too_small_is_refused_with_a_hint)
{
    static const char *const texts[] = {
        "", "M", "12X", "1.5G", "-1M", "512MB", " 5M", "999999999999999G", "0", "1048575", "64K"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t bytes = 0;
        th_error err = {0};
        assert_int_equal(th_memory_parse(texts[i], &bytes, &err), -TH_INVALID);
        assert_non_null(strstr(err.message, texts[i]));
        assert_true(strstr(err.message, "512M") || strstr(err.message, "1M at least"));
        th_error_close(&err);
    }
}

TEST(sizes_are_shown_in_the_largest_unit_that_fits)
{
    char text[32];
    assert_string_equal(th_memory_text(512 * MIB, text), "512 MiB");
    assert_string_equal(th_memory_text(2048 * MIB, text), "2 GiB");
    assert_string_equal(th_memory_text(MIB + 1024, text), "1025 KiB");
    assert_string_equal(th_memory_text(MIB + 1, text), "1048577 bytes");
}

TEST(beyond_the_limit_only_the_reserve_is_given_and_only_when_it_is_open)
{
    th_memory memory;
    lua_Alloc allocate = th_memory_init(&memory, 4 * MIB, NULL, NULL);
    char *most = allocate(&memory, NULL, 0, 4 * MIB);
    assert_non_null(most);
    assert_null(allocate(&memory, NULL, 0, 1));
    th_memory_open_reserve(&memory);
    char *more = allocate(&memory, NULL, 0, MIB);
    assert_non_null(more);
    assert_null(allocate(&memory, NULL, 0, 1));
    th_memory_open_reserve(&memory); /* another task has failed */
    char *again = allocate(&memory, NULL, 0, MIB);
    assert_non_null(again);
    allocate(&memory, again, MIB, 0);
    allocate(&memory, more, MIB, 0);
    /* Enough was given back: the limit holds as before. */
    most = allocate(&memory, most, 4 * MIB, 2 * MIB);
    assert_null(allocate(&memory, NULL, 0, 2 * MIB + 1));
    allocate(&memory, most, 2 * MIB, 0);
    assert_int_equal(memory.used, 0);
}

TEST(the_reserve_ends)
{
    th_memory memory;
    void *blocks[200] = {NULL};
    size_t count = 0;
    lua_Alloc allocate = th_memory_init(&memory, 4 * MIB, NULL, NULL);
    while (count < 200 && (blocks[count] = allocate(&memory, NULL, 0, MIB))) {
        count++;
        th_memory_open_reserve(&memory);
    }
    assert_in_range(count, 5, 199);
    while (count > 0)
        allocate(&memory, blocks[--count], MIB, 0);
}

TEST(what_the_host_does_by_itself_may_use_a_step_of_it)
{
    th_memory memory;
    th_pulse pulse = {0};
    lua_Alloc allocate = th_memory_init(&memory, 4 * MIB, NULL, NULL);
    memory.pulse = &pulse;
    void *most = allocate(&memory, NULL, 0, 4 * MIB);
    void *host = allocate(&memory, NULL, 0, 1000);
    assert_non_null(host);
    lua_State *L = luaL_newstate();
    th_pulse_enter(&pulse, L);
    assert_null(allocate(&memory, NULL, 0, 1000));
    lua_close(L);
    allocate(&memory, host, 1000, 0);
    allocate(&memory, most, 4 * MIB, 0);
}
