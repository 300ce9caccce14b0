/*
 * cmocka, and tests that need no list: each stands in its file as
 *
 *     TEST(what_it_promises)
 *     {
 *         …
 *     }
 *
 * and enters itself before main (test_main.c) runs, which takes them in the order of the file.
 */
#ifndef TH_TEST_H
#define TH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Called by the macros. */
void test_enter(struct CMUnitTest test, int line);
void test_enter_group(CMFixtureFunction set_up, CMFixtureFunction tear_down);

#define TEST_ENTRY(name, set_up, tear_down)                                                        \
    __attribute__((constructor)) static void test_enter_##name(void)                               \
    {                                                                                              \
        test_enter((struct CMUnitTest){#name, test_run_##name, set_up, tear_down, NULL},           \
                   __LINE__);                                                                      \
    }

#define TEST(name) TEST_BETWEEN(NULL, NULL, name)

/* A test between two fixtures of cmocka, either of which may be NULL. */
#define TEST_BETWEEN(set_up, tear_down, name)                                                      \
    static void name(void);                                                                        \
    static void test_run_##name(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        name();                                                                                    \
    }                                                                                              \
    TEST_ENTRY(name, set_up, tear_down)                                                            \
    static void name(void)

/* The same for a test that takes what its fixture has made: `parameter` is `*state`. */
#define TEST_WITH(set_up, tear_down, name, parameter)                                              \
    static void name(parameter);                                                                   \
    static void test_run_##name(void **state)                                                      \
    {                                                                                              \
        name(*state);                                                                              \
    }                                                                                              \
    TEST_ENTRY(name, set_up, tear_down)                                                            \
    static void name(__attribute__((unused)) parameter) // NOLINT(bugprone-macro-parentheses)

/* A variable that is given to this function at the end of its block. */
#define LEFT_BY(function) __attribute__((cleanup(function)))

/* Fixtures around all tests of the file. */
#define TEST_GROUP(set_up, tear_down)                                                              \
    __attribute__((constructor)) static void enter_group(void)                                     \
    {                                                                                              \
        test_enter_group(set_up, tear_down);                                                       \
    }

#endif
