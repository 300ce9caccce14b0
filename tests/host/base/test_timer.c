/* Timers: order, stopping, restarting from inside, and a loop that ends when none runs. */
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "test.h"

#define MS UINT64_C(1000000)

enum { LOG_MAX = 64 };

struct log {
    th_timers *timers;
    int ids[LOG_MAX];
    uint64_t at[LOG_MAX];
    size_t n;
};

struct entry {
    th_timer timer; /* first, so that the callback finds its entry */
    struct log *log;
    int id;
    int again; /* times to start itself again */
};

static void note(th_timer *timer)
{
    struct entry *entry = (struct entry *)timer;
    struct log *log = timer->ctx;

    assert_false(th_timer_active(timer));
    assert_true(log->n < LOG_MAX);
    log->ids[log->n] = entry->id;
    log->at[log->n++] = th_timers_now(log->timers);
    if (entry->again > 0) {
        entry->again--;
        assert_int_equal(th_timer_start(log->timers, timer, 5 * MS, note, log), 0);
    }
}

TEST(due_timers_fire_in_order_of_time_then_of_starting)
{
    struct log log = {.timers = th_timers_create(NULL)};
    struct entry entries[] = {{.id = 1}, {.id = 2}, {.id = 3}, {.id = 4}, {.id = 5}};
    const uint64_t delays[] = {30 * MS, 10 * MS, 20 * MS, 10 * MS, 0};
    uint64_t start = th_timers_now(log.timers);

    for (size_t i = 0; i < 5; i++)
        th_timer_start(log.timers, &entries[i].timer, delays[i], note, &log);
    assert_int_equal(log.n, 0);
    th_timers_advance(log.timers, 20 * MS - 1);
    assert_int_equal(log.n, 3);
    th_timers_advance(log.timers, 100 * MS);
    const int expected[] = {5, 2, 4, 3, 1};
    assert_int_equal(log.n, 5);
    assert_memory_equal(log.ids, expected, sizeof expected);
    assert_true(log.at[4] == start + 30 * MS);
    assert_true(th_timers_now(log.timers) == start + 120 * MS - 1);
    assert_int_equal(th_timers_count(log.timers), 0);
    th_timers_destroy(log.timers);
}

TEST(a_stopped_timer_never_fires)
{
    struct log log = {.timers = th_timers_create(NULL)};
    enum { MANY = 500 };
    struct entry *entries = calloc(MANY, sizeof *entries);

    for (int i = 0; i < MANY; i++) {
        entries[i].id = i;
        th_timer_start(log.timers, &entries[i].timer, (uint64_t)((i * 7919) % MANY) * MS, note,
                       &log);
    }
    for (int i = 0; i < MANY; i++) {
        if (i % 25 != 0) {
            th_timer_stop(log.timers, &entries[i].timer);
            th_timer_stop(log.timers, &entries[i].timer); /* twice is fine */
        }
    }
    assert_int_equal(th_timers_count(log.timers), MANY / 25);
    th_timers_advance(log.timers, MANY * MS);
    assert_int_equal(log.n, MANY / 25);
    for (size_t i = 0; i < log.n; i++) {
        assert_int_equal(log.ids[i] % 25, 0);
        assert_true(i == 0 || log.at[i - 1] <= log.at[i]);
    }
    free(entries);
    th_timers_destroy(log.timers);
}

TEST(a_running_timer_can_be_started_again_with_another_delay)
{
    struct log log = {.timers = th_timers_create(NULL)};
    struct entry entry = {.id = 1}, other = {.id = 2};

    th_timer_start(log.timers, &entry.timer, 10 * MS, note, &log);
    th_timer_start(log.timers, &other.timer, 20 * MS, note, &log);
    th_timer_start(log.timers, &entry.timer, 30 * MS, note, &log);
    th_timers_advance(log.timers, 25 * MS);
    assert_int_equal(log.n, 1);
    assert_int_equal(log.ids[0], 2);
    th_timer_start(log.timers, &entry.timer, 1 * MS, note, &log);
    th_timers_advance(log.timers, 1 * MS);
    assert_int_equal(log.n, 2);
    th_timers_destroy(log.timers);
}

TEST(a_callback_may_start_its_own_timer_again)
{
    struct log log = {.timers = th_timers_create(NULL)};
    struct entry entry = {.id = 1, .again = 3};

    th_timer_start(log.timers, &entry.timer, 5 * MS, note, &log);
    th_timers_advance(log.timers, 100 * MS);
    assert_int_equal(log.n, 4);
    assert_true(log.at[3] - log.at[0] == 15 * MS);
    th_timers_destroy(log.timers);
}

struct freed {
    th_timer timer;
    int *count;
};

static void free_itself(th_timer *timer)
{
    struct freed *freed = timer->ctx;

    (*freed->count)++;
    free(freed);
}

TEST(a_callback_may_free_its_timer)
{
    th_timers *timers = th_timers_create(NULL);
    int count = 0;

    for (int i = 0; i < 100; i++) {
        struct freed *freed = calloc(1, sizeof *freed);
        freed->count = &count;
        th_timer_start(timers, &freed->timer, (uint64_t)(100 - i) * MS, free_itself, freed);
    }
    th_timers_advance(timers, 200 * MS);
    assert_int_equal(count, 100);
    th_timers_destroy(timers);
}

TEST(the_loop_runs_timers_never_too_early_and_then_ends)
{
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct log log = {.timers = th_timers_create(&loop)};
    struct entry entries[] = {{.id = 1, .again = 2}, {.id = 2}, {.id = 3}, {.id = 4}};
    uint64_t start = th_timers_now(log.timers);

    th_timer_start(log.timers, &entries[0].timer, 60 * MS + 1, note, &log);
    th_timer_start(log.timers, &entries[1].timer, 30 * MS, note, &log);
    th_timer_start(log.timers, &entries[2].timer, 3600000 * MS, note, &log);
    th_timer_start(log.timers, &entries[3].timer, 0, note, &log);
    th_timer_stop(log.timers, &entries[2].timer);
    uv_run(&loop, UV_RUN_DEFAULT);

    assert_int_equal(log.n, 5);
    const int expected[] = {4, 2, 1, 1, 1};
    assert_memory_equal(log.ids, expected, sizeof expected);
    assert_true(log.at[1] >= start + 30 * MS);
    assert_true(log.at[2] >= start + 60 * MS + 1);
    assert_true(log.at[3] >= log.at[2] + 5 * MS);
    th_timers_destroy(log.timers);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

TEST(timers_that_still_run_are_stopped_at_the_end)
{
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct log log = {.timers = th_timers_create(&loop)};
    struct entry entry = {.id = 1};

    th_timer_start(log.timers, &entry.timer, 1, note, &log);
    th_timers_destroy(log.timers);
    assert_false(th_timer_active(&entry.timer));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(log.n, 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    th_timers_destroy(NULL);
}

static void end_loop(th_timer *timer)
{
    uv_stop(timer->ctx);
}

/* 50 s of the timers' clock in 50 ms of the world's; without haste ctest would lose patience. */
TEST(a_test_can_hurry_the_clock)
{
    uv_loop_t loop;
    th_timer timer = {0};
    uv_loop_init(&loop);
    setenv("TRUNKHOST_HASTE", "1000", 1);
    th_timers *timers = th_timers_create(&loop);
    unsetenv("TRUNKHOST_HASTE");
    uint64_t start = th_timers_now(timers), wanted = UINT64_C(50000) * MS;
    assert_int_equal(th_timer_start(timers, &timer, wanted, end_loop, &loop), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_false(th_timer_active(&timer));
    assert_true(th_timers_now(timers) - start >= wanted);
    th_timers_destroy(timers);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}
