#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/secret.h"
#include "test.h"

static th_secret *drawn(size_t length)
{
    th_secret *secret = NULL;
    assert_int_equal(th_secret_random(length, NULL, &secret, NULL), 0);
    return secret;
}

static th_secret *copied(const char *text)
{
    th_secret *secret = NULL;
    assert_int_equal(th_secret_copy(text, strlen(text), &secret, NULL), 0);
    return secret;
}

static int nothing_is_left(void **state)
{
    (void)state;
    return th_secret_count() == 0 ? 0 : -1;
}

#define SECRET_TEST(name) TEST_BETWEEN(NULL, nothing_is_left, name)

SECRET_TEST(a_drawn_secret_has_its_length_and_only_letters_and_digits)
{
    for (size_t length = 1; length <= TH_SECRET_MAX; length = length * 3 / 2 + 1) {
        th_secret *secret = drawn(length);
        size_t len;
        const char *bytes = th_secret_bytes(secret, &len);
        assert_int_equal(len, length);
        for (size_t i = 0; i < len; i++)
            assert_non_null(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                                   bytes[i], 62));
        th_secret_unref(secret);
    }
}

/* A remainder of random bytes without rejection would favour 8 of 62 characters by a quarter; the
 * bounds lie eight standard deviations out. */
SECRET_TEST(every_character_is_equally_likely)
{
    unsigned count[256] = {0};
    enum { DRAWS = 64 };
    for (int i = 0; i < DRAWS; i++) {
        th_secret *secret = drawn(TH_SECRET_MAX);
        size_t len;
        const char *bytes = th_secret_bytes(secret, &len);
        for (size_t k = 0; k < len; k++)
            count[(unsigned char)bytes[k]]++;
        th_secret_unref(secret);
    }
    for (int c = 'a'; c <= 'z'; c++)
        assert_in_range(count[c], 4228 - 520, 4228 + 520);
}

SECRET_TEST(a_repeated_character_of_the_alphabet_counts_once)
{
    th_secret *secret = NULL;
    assert_int_equal(th_secret_random(4096, "aaaaaaaaaaaaaaaab", &secret, NULL), 0);
    size_t len, b = 0;
    const char *bytes = th_secret_bytes(secret, &len);
    for (size_t i = 0; i < len; i++)
        b += bytes[i] == 'b';
    assert_in_range(b, 2048 - 256, 2048 + 256);
    th_secret_unref(secret);
}

static void check_refused(size_t length, const char *alphabet, const char *part)
{
    th_error err = {0};
    th_secret *secret = NULL;
    assert_int_equal(th_secret_random(length, alphabet, &secret, &err), -TH_INVALID);
    assert_null(secret);
    if (!strstr(err.message, part))
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    th_error_close(&err);
}

SECRET_TEST(wrong_lengths_and_alphabets_are_refused_with_the_reason)
{
    check_refused(0, NULL, "length of 1 to 4096");
    check_refused(TH_SECRET_MAX + 1, NULL, "not 4097");
    check_refused(8, "", "at least 2 different");
    check_refused(8, "aaaa", "at least 2 different");
    check_refused(8, "ab c", "visible ASCII");
    check_refused(8, "ab\xc3\xa4", "visible ASCII");
    check_refused(8, "ab\n", "visible ASCII");

    th_error err = {0};
    th_secret *secret = NULL;
    assert_int_equal(th_secret_copy("", 0, &secret, &err), -TH_INVALID);
    assert_string_equal(err.message, "a secret must not be empty");
    char big[TH_SECRET_MAX + 1] = {0};
    assert_int_equal(th_secret_copy(big, sizeof big, &secret, &err), -TH_INVALID);
    assert_non_null(strstr(err.message, "at most 4096 bytes"));
    th_error_close(&err);
}

SECRET_TEST(equality_looks_at_all_bytes_and_the_length)
{
    th_secret *a = copied("hunter22"), *b = copied("hunter22"), *c = copied("hunter23"),
              *d = copied("hunter2");
    assert_true(th_secret_equal(a, b));
    assert_false(th_secret_equal(a, c));
    assert_false(th_secret_equal(a, d));
    th_secret_unref(a);
    th_secret_unref(b);
    th_secret_unref(c);
    th_secret_unref(d);
    th_secret_unref(NULL);
}

SECRET_TEST(the_last_reference_wipes_the_bytes)
{
    th_secret *neighbour = drawn(8); /* keeps the arena mapped */
    th_secret *secret = copied("correct-horse-battery-staple");
    size_t len;
    const volatile char *bytes = th_secret_bytes(secret, &len);
    th_secret_ref(secret);
    th_secret_unref(secret);
    assert_int_equal(bytes[0], 'c');
    th_secret_unref(secret);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], 0);
    th_secret_unref(neighbour);
}

/* Whether the mapping that holds the address is kept out of core dumps; -1 when the kernel does not
 * say. */
static int not_dumped(const void *address)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    assert_non_null(file);
    char line[512];
    bool inside = false;
    int answer = -1;
    while (fgets(line, sizeof line, file)) {
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            inside = (uintptr_t)address >= from && (uintptr_t)address < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            answer = strstr(line, " dd") != NULL;
    }
    fclose(file);
    return answer;
}

SECRET_TEST(secrets_stay_out_of_core_dumps)
{
    const size_t lengths[] = {32, TH_SECRET_MAX};
    for (size_t i = 0; i < 2; i++) {
        th_secret *secret = drawn(lengths[i]);
        size_t len;
        int answer = not_dumped(th_secret_bytes(secret, &len));
        th_secret_unref(secret);
        if (answer < 0)
            skip();
        assert_int_equal(answer, 1);
    }
}

SECRET_TEST(ten_thousand_secrets_live_side_by_side_and_all_go)
{
    enum { MANY = 10000 };
    th_secret **all = calloc(MANY, sizeof *all);
    assert_non_null(all);
    for (unsigned i = 0; i < MANY; i++) {
        char text[300];
        snprintf(text, sizeof text, "%0*u", i % 7 ? 12 : 280, i);
        all[i] = copied(text);
        if (i % 3 == 0) { /* slots come back while others are taken */
            th_secret_unref(all[i / 2]);
            all[i / 2] = NULL;
            all[i / 2] = copied("again");
        }
    }
    for (unsigned i = MANY * 2 / 3; i < MANY; i++) {
        size_t len;
        const char *bytes = th_secret_bytes(all[i], &len);
        char text[301] = {0};
        memcpy(text, bytes, len);
        assert_int_equal(strtoul(text, NULL, 10), i);
    }
    assert_int_equal(th_secret_count(), MANY);
    for (unsigned i = 0; i < MANY; i++)
        th_secret_unref(all[i]);
    free(all);
    assert_int_equal(th_secret_count(), 0);
}

SECRET_TEST(a_small_limit_of_locked_memory_does_not_stop_the_work)
{
    struct rlimit before, none = {0, 0};
    getrlimit(RLIMIT_MEMLOCK, &before);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    th_secret *all[200];
    for (size_t i = 0; i < 200; i++)
        all[i] = drawn(i % 10 ? 32 : 1000);
    for (size_t i = 0; i < 200; i++)
        th_secret_unref(all[i]);
    setrlimit(RLIMIT_MEMLOCK, &before);
}

static void *churn(void *arg)
{
    th_secret *shared = arg;
    for (int i = 0; i < 2000; i++) {
        th_secret *mine = drawn(i % 50 ? 24 : 600);
        th_secret_ref(shared);
        th_secret_unref(mine);
        th_secret_unref(shared);
    }
    th_secret_unref(shared);
    return NULL;
}

SECRET_TEST(references_may_be_released_on_another_thread)
{
    th_secret *shared = copied("shared");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, th_secret_ref(shared)), 0);
    th_secret_unref(shared);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(th_secret_count(), 0);
}

/* --- as a Lua value --------------------------------------------------------------------------- */

/* A state with the global `s` = "hunter22", `same` equal to it, `other`, and a stranger `file`. */
static int open_lua(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    const char *const names[] = {"s", "same", "other"};
    const char *const texts[] = {"hunter22", "hunter22", "x"};
    for (int i = 0; i < 3; i++) {
        th_secret *secret = copied(texts[i]);
        th_secret_push(L, secret); // secret
        th_secret_unref(secret);
        lua_setglobal(L, names[i]);
    }
    *state = L;
    return 0;
}

static int close_lua(void **state)
{
    lua_close(*state);
    return nothing_is_left(state);
}

#define LUA_TEST(name) TEST_WITH(open_lua, close_lua, name, lua_State *L)

static void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_settop(L, 0);
}

LUA_TEST(it_prints_as_secret_everywhere)
{
    run(L, "assert(tostring(s) == '[secret]')\n"
           "assert(string.format('%s', s) == '[secret]')\n"
           "local ok, why = pcall(function() return s < s end)\n"
           "assert(why:find('[secret]', 1, true) and not why:find('0x'), why)\n"
           "ok, why = pcall(function() return s + 1 end)\n"
           "assert(not ok and why:find('[secret]', 1, true), why)");
}

LUA_TEST(only_reveal_gives_the_text)
{
    run(L, "assert(s:reveal() == 'hunter22' and s:length() == 8)\n"
           "local ok, why = pcall(function() return 'pw: ' .. s end)\n"
           "assert(not ok and why:find('reveal()', 1, true), why)\n"
           "ok, why = pcall(function() return s .. 'x' end)\n"
           "assert(not ok and why:find('reveal()', 1, true), why)\n"
           "ok, why = pcall(function() return #s end)\n"
           "assert(not ok and why:find('length()', 1, true), why)\n"
           "assert(not pcall(function() s.x = 1 end))\n"
           "assert(not pcall(next, s))\n"
           "assert(s.bytes == nil and not pcall(s.reveal, io.stdout))");
}

LUA_TEST(equal_bytes_compare_equal)
{
    run(L, "assert(s == same and s ~= other and s ~= 'hunter22' and s ~= io.stdout)");
}

LUA_TEST(its_metatable_is_out_of_reach)
{
    run(L, "assert(getmetatable(s) == false)\n"
           "assert(not pcall(setmetatable, s, {}))");
}

LUA_TEST(closing_releases_it_at_once)
{
    th_secret *secret = copied("scoped");
    th_secret_push(L, secret); // secret
    lua_setglobal(L, "scoped");
    th_secret_unref(secret);
    size_t before = th_secret_count();
    run(L, "do local x <close> = scoped end\n"
           "local ok, why = pcall(scoped.reveal, scoped)\n"
           "assert(not ok and why:find('closed'), why)\n"
           "assert(tostring(scoped) == '[secret]' and scoped ~= s)\n"
           "do local x <close> = scoped end");
    assert_int_equal(th_secret_count(), before - 1);
}

LUA_TEST(collecting_releases_it)
{
    run(L, "s, same, other = nil, nil, nil collectgarbage() collectgarbage()");
    assert_int_equal(th_secret_count(), 0);
}

LUA_TEST(a_value_of_another_kind_is_no_secret)
{
    lua_getglobal(L, "s"); // s
    assert_non_null(th_secret_test(L, -1));
    luaL_newmetatable(L, "stranger");
    lua_newuserdatauv(L, 8, 0);
    lua_pushvalue(L, -2);
    lua_setmetatable(L, -2); // s metatable stranger
    assert_null(th_secret_test(L, -1));
    lua_pushlightuserdata(L, NULL);
    assert_null(th_secret_test(L, -1));
    lua_pushliteral(L, "hunter22");
    assert_null(th_secret_test(L, -1));
    assert_null(th_secret_test(L, 99));
    assert_int_equal(lua_gettop(L), 5);
}
