/*
 * What many items cost, counted and not timed: instructions of Lua, allocations, and the most
 * memory that was held at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "library.h"
#include "runtime/runtime.h"
#include "scratch_folder.h"
#include "test.h"

enum { COUNT = 100 };                 /* instructions between two looks */
static const long slack = 128L << 10; /* bytes */
static const long most = 12L << 20;   /* bytes; the collector lets some garbage lie */

struct cost {
    long allocations;
    long instructions;
    long held, most; /* bytes */
    long kept;       /* when all has ended and garbage was collected */
};

static void *allocate(void *ctx, void *block, size_t old, size_t size)
{
    struct cost *cost = ctx;
    if (!block)
        old = 0;
    cost->allocations += size > old;
    cost->held += (long)size - (long)old;
    if (cost->held > cost->most)
        cost->most = cost->held;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

/* Coroutines have the hook of the one that makes them. */
static void count_instructions(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct cost *cost = th_runtime_of(L)->options.allocator_ctx;
    cost->instructions += COUNT;
}

/* What the code costs with n items, of which it knows as its argument. */
static struct cost cost_of(const char *code, const char *n)
{
    struct cost cost = {0};
    char *folder = scratch_create(), *ledger = scratch_path(folder, "ledger.db");
    th_runtime_options options = {.ledger = ledger,
                                  .log_level = TH_LOG_ERROR,
                                  .allocator = allocate,
                                  .allocator_ctx = &cost,
                                  .open_library = th_library_open};
    th_runtime *runtime = NULL;
    th_error err = {0};
    assert_int_equal(th_runtime_create(&options, &runtime, &err), 0);
    lua_sethook(runtime->L, count_instructions, LUA_MASKCOUNT, COUNT);
    char *argv[] = {(char *)(uintptr_t)n};
    assert_int_equal(
        th_runtime_run(
            runtime,
            &(th_script){.path = "test", .name = "test", .code = code, .argc = 1, .argv = argv}),
        0);
    for (int i = 0; i < 2; i++) /* the first one runs finalizers */
        lua_gc(runtime->L, LUA_GCCOLLECT);
    cost.kept = cost.held;
    th_runtime_destroy(runtime, NULL);
    assert_int_equal(cost.held, 0);
    free(ledger);
    scratch_destroy(folder);
    return cost;
}

/* b is at most twice a, give or take a half, for when the collector runs differs from run to run;
 * what is not linear comes near to four times. */
static void assert_at_most_doubled(const char *what, long a, long b)
{
    if (b > 2 * a + a / 2)
        fail_msg("%s: %ld for so many items, and %ld for twice as many", what, a, b);
}

/* Twice the items cost twice as much, beside what it costs to begin with, and no more memory. */
static void check_linear(const char *code, const char *n, const char *two_n)
{
    struct cost none = cost_of(code, "0");
    struct cost some = cost_of(code, n);
    struct cost twice = cost_of(code, two_n);
    assert_at_most_doubled("instructions", some.instructions - none.instructions,
                           twice.instructions - none.instructions);
    assert_at_most_doubled("allocations", some.allocations - none.allocations,
                           twice.allocations - none.allocations);
    assert_true(some.instructions - none.instructions > 20000);
    /* The weak table of coroutines keeps the size that it had when most dead ones lay in it, which
     * depends on when the collector ran. One block of 16 bytes for each item would be more. */
    if (twice.kept > some.kept + slack)
        fail_msg("%ld bytes are left of so many items, %ld of twice as many", some.kept,
                 twice.kept);
    if (twice.most > most)
        fail_msg("%ld bytes were held at a time", twice.most);
}

TEST(map_over_an_iterator_is_linear_and_holds_no_more_for_more_items)
{
    check_linear("local trunkhost = require 'trunkhost'\n"
                 "local n, most = 0, tonumber((...))\n"
                 "trunkhost.map(function() if n < most then n = n + 1 return n end end,\n"
                 "  function(i) if i % 10 == 0 then trunkhost.sleep(0) end end,\n"
                 "  { concurrency = 64, results = false })\n",
                 "20000", "40000");
}

TEST(a_queue_between_tasks_is_linear_and_holds_no_more_for_more_items)
{
    check_linear(
        "local trunkhost = require 'trunkhost'\n"
        "local most, queue = tonumber((...)), trunkhost.queue(10)\n"
        "trunkhost.nursery(function(nursery)\n"
        "  nursery:spawn(function() for i = 1, most do queue:put(i) end queue:close() end)\n"
        "  for _ in queue do end\n"
        "end)\n",
        "20000", "40000");
}

TEST(tasks_one_after_the_other_are_linear_and_leave_nothing)
{
    check_linear("local trunkhost = require 'trunkhost'\n"
                 "for i = 1, tonumber((...)) do\n"
                 "  trunkhost.spawn(function() return i end):await()\n"
                 "end\n",
                 "80000", "160000");
}
