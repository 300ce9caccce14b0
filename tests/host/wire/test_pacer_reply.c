/* The pacer and what replies say about limits. */
#include <math.h>
#include <string.h>

#include "paced_job.h"
#include "test.h"

#define SAID_NOTHING(code)                                                                         \
    ((th_pace_reply){                                                                              \
        .status = (code), .retry_after = -1, .limit = -1, .remaining = -1, .reset = -1})

TEST(retry_after_holds_everything_back)
{
    const int statuses[] = {429, 503};
    for (size_t i = 0; i < 2; i++) {
        struct job job = {.latency_min = 1, .latency_max = 1};
        job_open(&job, 3, NULL, 0, 1);
        job_join_all(&job);
        th_pace_reply reply = SAID_NOTHING(statuses[i]);
        reply.retry_after = 7.5;
        job_answer(&job, 0, reply);
        assert_int_equal(job.admitted, 1);
        assert_true(fabs(job_wait_seconds(&job, "Retry-After") - 7.5) < 1e-6);
        th_timers_advance(job.timers, 75 * SECOND / 10 - 1);
        assert_int_equal(job.admitted, 1);
        th_timers_advance(job.timers, 1);
        assert_int_equal(job.admitted, 2);
        th_timers_advance(job.timers, SECOND);
        assert_int_equal(job.ended, 2);
        job_close(&job);
    }
}

/* Leaves when it is told of a hold. */
static unsigned told;
static void leave(th_ticket *ticket)
{
    told++;
    th_pacer_leave(ticket);
}

TEST(whoever_waits_is_told_when_the_platform_holds_back_and_may_leave)
{
    struct job job = {.latency_min = 1, .latency_max = 1};
    uint64_t until;
    const char *why, *word;
    th_pace_reply asked = SAID_NOTHING(429);
    told = 0;
    asked.retry_after = 7;
    strcpy(asked.word, "Retry-After: 7");
    job_open(&job, 5, NULL, 0, 2);
    job_join_all(&job);
    for (size_t i = 2; i < 5; i++)
        job.requests[i].ticket.held = i == 3 ? NULL : leave;
    assert_false(th_pacer_held(job.pacer, &until, &why, &word));
    job_answer(&job, 0, asked);
    assert_int_equal(told, 2);
    assert_true(th_pacer_held(job.pacer, &until, &why, &word));
    assert_true(until == th_timers_now(job.timers) + 7 * SECOND);
    assert_string_equal(word, "Retry-After: 7");
    asked.retry_after = 3; /* sooner: nothing new */
    job_answer(&job, 1, asked);
    assert_int_equal(told, 2);
    th_timers_advance(job.timers, 7 * SECOND + SECOND);
    assert_int_equal(job.admitted, 3);
    assert_false(th_pacer_held(job.pacer, &until, &why, &word));
    job_close(&job);
}

TEST(a_429_without_a_time_backs_off_longer_and_longer)
{
    struct job job = {.latency_min = 1000 * SECOND, .latency_max = 1000 * SECOND};
    job_open(&job, 12, NULL, 0, 1);
    job_join_all(&job);
    double base = 1;
    for (size_t i = 0; i < 9; i++) {
        job_answer(&job, i, SAID_NOTHING(429));
        double wait = job_wait_seconds(&job, "back-off");
        assert_true(wait >= base && wait <= base * 1.25 + 1e-6);
        base = fmin(base * 2, 60);
        th_timers_advance(job.timers, (uint64_t)(wait * 1e9) - 1000);
        assert_false(job.requests[i + 1].ticket.admitted);
        th_timers_advance(job.timers, 2000);
        assert_true(job.requests[i + 1].ticket.admitted);
    }
    struct th_pacer_stats stats;
    th_pacer_stats(job.pacer, &stats);
    assert_int_equal(stats.limited, 9);
    job_answer(&job, 9, SAID_NOTHING(200)); /* a success ends it */
    job_answer(&job, 10, SAID_NOTHING(429));
    assert_true(job_wait_seconds(&job, "back-off") <= 1.25 + 1e-6);
    th_timers_advance(job.timers, 5000 * SECOND);
    job_close(&job);
}

TEST(refusals_of_one_burst_are_one_step_of_back_off)
{
    struct job job = {.latency_min = SECOND, .latency_max = SECOND};
    job_open(&job, 9, NULL, 0, 8);
    job_join_all(&job);
    th_timers_advance(job.timers, 1000);
    for (size_t i = 0; i < 8; i++)
        job_answer(&job, i, SAID_NOTHING(429));
    assert_true(job_wait_seconds(&job, "back-off") <= 1.25);
    th_timers_advance(job.timers, 10 * SECOND);
    job_close(&job);
}

TEST(the_same_seed_backs_off_the_same_and_another_differently)
{
    double waits[3];
    for (size_t i = 0; i < 3; i++) {
        struct job job = {.latency_min = 1, .latency_max = 1};
        job_open(&job, 2, NULL, 0, 1);
        th_pacer_seed(job.pacer, i == 2 ? 8 : 7);
        job_join_all(&job);
        job_answer(&job, 0, SAID_NOTHING(429));
        waits[i] = job_wait_seconds(&job, "back-off");
        th_timers_advance(job.timers, 2 * SECOND);
        job_close(&job);
    }
    assert_true(waits[0] == waits[1]);
    assert_true(waits[0] != waits[2]);
}

TEST(resets_in_whole_seconds_do_not_slow_down_what_we_know_better)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const th_window window = {20, 1.5};
        struct job with = {.limits = {{.requests = 20, .span = 3 * SECOND / 2, .fixed = seed % 2}},
                           .nlimits = 1,
                           .latency_min = SECOND / 2000,
                           .latency_max = seed * SECOND / 40,
                           .random = seed};
        struct job without = with;
        with.headers = true;
        job_open(&with, 400, &window, 1, 20);
        job_open(&without, 400, &window, 1, 20);
        job_run(&with);
        job_run(&without);
        assert_int_equal(with.refused, 0);
        assert_true(job_seconds(&with) == job_seconds(&without));
        job_close(&with);
        job_close(&without);
    }
}

TEST(what_left_our_window_while_a_reply_travelled_is_nobody_elses)
{
    const th_window window = {3, 10};
    struct job job = {.latency_min = 1000 * SECOND, .latency_max = 1000 * SECOND};
    job_open(&job, 5, &window, 1, 5);
    for (size_t i = 0; i < 2; i++) {
        job_join(&job, i, false);
        job_answer(&job, i, SAID_NOTHING(200));
    }
    th_timers_advance(job.timers, 95 * SECOND / 10);
    job_join(&job, 2, false);
    th_timers_advance(job.timers, 1 * SECOND); /* the first two are 10 s old now */
    job_join(&job, 3, false);
    th_pace_reply reply = SAID_NOTHING(200); /* counted a second ago: all three of then */
    reply.limit = 3, reply.remaining = 0, reply.reset = 30;
    job_answer(&job, 2, reply);
    job_join(&job, 4, false);
    assert_true(job.requests[4].ticket.admitted);
    th_timers_advance(job.timers, 3000 * SECOND);
    job_close(&job);
}

TEST(requests_of_another_program_shrink_our_share_until_the_reset)
{
    const th_window window = {100, 60};
    struct job job = {.limits = {{.requests = 100, .span = 60 * SECOND, .fixed = true}},
                      .nlimits = 1,
                      .latency_min = SECOND / 100,
                      .latency_max = SECOND / 20,
                      .headers = true};
    job_open(&job, 150, &window, 1, 8);
    for (int i = 0; i < 70; i++)
        job_server_counts(&job, th_timers_now(job.timers)); /* somebody else, before we start */
    job_join_all(&job);
    th_timers_advance(job.timers, 58 * SECOND);
    assert_int_equal(job.ended, 30);
    assert_true(job_wait_seconds(&job, "the platform's count") > 0);
    th_timers_advance(job.timers, 60 * SECOND);
    assert_int_equal(job.ended, 130);
    th_timers_advance(job.timers, 60 * SECOND);
    assert_int_equal(job.ended, 150);
    assert_int_equal(job.refused, 0);
    job_close(&job);
}

TEST(a_limit_that_nobody_told_us_is_kept_by_what_remains)
{
    for (int with_window = 0; with_window < 2; with_window++) {
        const th_window window = {1000, 60};
        struct job job = {.limits = {{.requests = 50, .span = 10 * SECOND, .fixed = true}},
                          .nlimits = 1,
                          .latency_min = SECOND / 100,
                          .latency_max = SECOND / 10,
                          .headers = true};
        job_open(&job, 200, &window, (size_t)with_window, 6);
        job_run(&job);
        assert_int_equal(job.refused, 0);
        assert_true(job_seconds(&job) <= 31.5);
        job_close(&job);
    }
}

TEST(a_reply_of_an_older_period_does_not_undo_a_newer_one)
{
    struct job job = {.latency_min = 100 * SECOND, .latency_max = 100 * SECOND};
    job_open(&job, 10, NULL, 0, 4);
    job_join_all(&job);
    th_pace_reply fresh = SAID_NOTHING(200), old = SAID_NOTHING(200);
    fresh.limit = old.limit = 50;
    fresh.remaining = 49, fresh.reset = 30;
    old.remaining = 0, old.reset = 10;
    job_answer(&job, 1, fresh);
    job_answer(&job, 0, old);
    assert_int_equal(job.admitted, 6);
    fresh.remaining = 3;
    job_answer(&job, 2, fresh); /* three others are in flight: nothing remains for more */
    assert_int_equal(job.admitted, 6);
    assert_true(fabs(job_wait_seconds(&job, "the platform's count") - 30) < 1e-3);
    job_answer(&job, 3, SAID_NOTHING(0)); /* lost, perhaps counted */
    assert_int_equal(job.admitted, 6);
    th_timers_advance(job.timers, 30 * SECOND);
    assert_int_equal(job.admitted, 8);
    th_timers_advance(job.timers, 1000 * SECOND);
    job_close(&job);
}

TEST(senseless_figures_do_no_harm)
{
    const double values[] = {NAN, INFINITY, -INFINITY, -5, 0, 1e300};
    const size_t n = sizeof values / sizeof values[0];
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            const th_window window = {5, 1};
            struct job job = {.latency_min = 1, .latency_max = 1};
            job_open(&job, 2, &window, 1, 1);
            job_join_all(&job);
            job_answer(&job, 0,
                       (th_pace_reply){.status = 429,
                                       .retry_after = values[a],
                                       .limit = values[b],
                                       .remaining = values[a],
                                       .reset = values[b]});
            th_timers_advance(job.timers, 2 * 86400 * SECOND);
            assert_int_equal(job.ended, 1);
            job_close(&job);
        }
    }
}
