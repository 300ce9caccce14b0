/*
 * Provider descriptions for tests: a Lua state that finds the shipped ones, and Lua expressions as
 * test data.
 */
#ifndef TH_TEST_PROVIDER_FIXTURE_H
#define TH_TEST_PROVIDER_FIXTURE_H

#include "provider/provider.h"

/* A state with the standard libraries, `trunkhost.providers.*` as they are compiled in, and the
 * globals `null`, `array(table)` (marks it as a JSON array) and `secret(text)`. Closed with
 * lua_close. */
lua_State *provider_state(void);

/* A state as above in which the allocations after *left reaches 0 fail; while *left is negative
 * none does. */
lua_State *provider_state_failing(long *left);

/* Pushes the description and parses it; fails the test when it has a fault. */
th_provider *provider_shipped(lua_State *L, const char *name);

/* Pushes the value of a Lua expression; fails the test when it has none. */
void provider_eval(lua_State *L, const char *expression);

/* Fails the test unless err has a fault at the field whose rule contains the text. */
void provider_expect_fault(const th_error *err, const char *field, const char *rule);

#endif
