/*
 * The pacer against simulated servers: no limit is ever broken, none of the allowed pace is wasted,
 * and everyone gets their turn.
 */
#include <math.h>
#include <string.h>

#include "paced_job.h"
#include "test.h"

/* --- pace ------------------------------------------------------------------------------------- */

TEST(hundred_requests_at_20_per_2_seconds_take_8_seconds)
{
    for (int fixed = 0; fixed < 2; fixed++) {
        const th_window window = {20, 2};
        struct job job = {.limits = {{.requests = 20, .span = 2 * SECOND, .fixed = fixed}},
                          .nlimits = 1,
                          .latency_min = SECOND / 2000,
                          .latency_max = SECOND / 2000};
        job_open(&job, 100, &window, 1, 32);
        job_run(&job);
        assert_int_equal(job.refused, 0);
        assert_true(job_seconds(&job) >= 8.0);
        assert_true(job_seconds(&job) <= 8.0 * 1.03);
        job_close(&job);
    }
}

static struct {
    unsigned requests;
    double seconds;
    uint64_t until;
} last_pause;

static void paused(void *owner, uint64_t until, const th_window *window)
{
    (void)owner;
    last_pause.requests = window->requests;
    last_pause.seconds = window->seconds;
    last_pause.until = until;
}

TEST(a_pause_for_a_window_names_the_window_and_its_end)
{
    const th_window windows[] = {{3, 5}, {4, 600}};
    struct job job = {.latency_min = 0, .latency_max = 0};
    job_open(&job, 6, windows, 2, 8);
    th_pacer_on_pause(job.pacer, paused, NULL);
    uint64_t begin = th_timers_now(job.timers);
    job_join_all(&job);
    th_timers_advance(job.timers, SECOND);
    assert_int_equal(last_pause.requests, 3);
    assert_true(last_pause.until == begin + 5 * SECOND);
    th_timers_advance(job.timers, 5 * SECOND);
    assert_int_equal(last_pause.requests, 4);
    assert_true(last_pause.seconds == 600);
    assert_true(last_pause.until == begin + 600 * SECOND);
    th_timers_advance(job.timers, 1300 * SECOND);
    job_close(&job);
}

TEST(several_windows_all_hold_at_the_ideal_pace)
{
    for (int fixed = 0; fixed < 2; fixed++) {
        const th_window windows[] = {{100, 60}, {20, 10}};
        struct job job = {.limits = {{.requests = 100, .span = 60 * SECOND, .fixed = fixed},
                                     {.requests = 20, .span = 10 * SECOND, .fixed = fixed}},
                          .nlimits = 2,
                          .latency_min = SECOND / 1000,
                          .latency_max = SECOND / 10};
        job_open(&job, 300, windows, 2, 8);
        job_run(&job);
        assert_int_equal(job.refused, 0);
        assert_true(job_seconds(&job) >= 160.0);
        assert_true(job_seconds(&job) <= 160.0 * 1.03);
        assert_true(job.flying_max <= 8);
        job_close(&job);
    }
}

TEST(no_delay_on_the_line_breaks_a_limit)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        const th_window window = {10, 1};
        struct job job = {.limits = {{.requests = 10, .span = SECOND, .fixed = seed % 2}},
                          .nlimits = 1,
                          .latency_min = 0,
                          .latency_max = seed * SECOND / 20,
                          .random = seed};
        job_open(&job, 200, &window, 1, 1 + (unsigned)seed % 16);
        job_run(&job);
        assert_int_equal(job.refused, 0);
        assert_true(job.flying_max <= 1 + seed % 16);
        job_close(&job);
    }
}

TEST(a_random_delay_of_a_percent_costs_no_more_than_three)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const th_window window = {20, 2};
        struct job job = {.limits = {{.requests = 20, .span = 2 * SECOND, .fixed = seed % 2}},
                          .nlimits = 1,
                          .latency_min = SECOND / 1000,
                          .latency_max = SECOND / 50,
                          .random = seed};
        job_open(&job, 1000, &window, 1, 20);
        job_run(&job);
        assert_int_equal(job.refused, 0);
        assert_true(job_seconds(&job) <= 98.0 * 1.03);
        job_close(&job);
    }
}

TEST(without_windows_only_concurrency_bounds)
{
    struct job job = {.latency_min = SECOND / 10, .latency_max = SECOND / 10};
    job_open(&job, 50, NULL, 0, 5);
    job_run(&job);
    assert_int_equal(job.flying_max, 5);
    assert_true(fabs(job_seconds(&job) - 2.0) < 1e-6); /* ten rounds, two ways of 0.1 s each */
    job_close(&job);
}

TEST(a_million_admissions_stay_cheap)
{
    const th_window windows[] = {{1000, 1}, {50000, 60}, {1000000, 3600}};
    struct job job = {.latency_max = SECOND / 100};
    job_open(&job, 1000000, windows, 3, 64);
    job_run(&job);
    assert_int_equal(job.admitted, 1000000);
    assert_true(job.flying_max <= 64);
    job_close(&job);
}

/* --- order ------------------------------------------------------------------------------------ */

TEST(admission_is_first_come_first_served_and_urgent_first)
{
    struct job job = {.latency_min = 1, .latency_max = 1};
    job_open(&job, 7, NULL, 0, 1);
    for (size_t i = 0; i < 7; i++) {
        bool urgent = i == 3 || i == 5;
        job_join(&job, i, urgent);
    }
    th_timers_advance(job.timers, SECOND);
    const size_t expected[] = {0, 3, 5, 1, 2, 4, 6};
    assert_memory_equal(job.order, expected, sizeof expected);
    job_close(&job);
}

TEST(a_cancelled_ticket_is_never_admitted)
{
    struct job job = {.latency_min = 1, .latency_max = 1};
    job_open(&job, 5, NULL, 0, 1);
    job_join_all(&job);
    th_pacer_leave(&job.requests[1].ticket);
    th_pacer_leave(&job.requests[4].ticket);
    th_pacer_leave(&job.requests[4].ticket); /* twice is fine */
    struct th_pacer_stats stats;
    th_pacer_stats(job.pacer, &stats);
    assert_int_equal(stats.queued, 2);
    assert_int_equal(stats.in_flight, 1);
    assert_string_equal(stats.waiting_for, "concurrency");
    th_timers_advance(job.timers, SECOND);
    assert_int_equal(job.admitted, 3);
    const size_t expected[] = {0, 2, 3};
    assert_memory_equal(job.order, expected, sizeof expected);
    job_close(&job);
}

TEST(the_last_ticket_that_leaves_stops_the_waiting)
{
    const th_window window = {1, 10};
    struct job job = {.latency_min = 1, .latency_max = 1};
    job_open(&job, 2, &window, 1, 4);
    job_join_all(&job);
    th_timers_advance(job.timers, SECOND);
    assert_int_equal(th_timers_count(job.timers), 1);
    th_pacer_leave(&job.requests[1].ticket);
    assert_int_equal(th_timers_count(job.timers), 0);
    job_close(&job);
}

TEST(a_request_that_was_never_sent_gives_its_place_back)
{
    const th_window window = {1, 10};
    struct job job = {.latency_min = 1, .latency_max = 1};
    job_open(&job, 2, &window, 1, 4);
    job_join_all(&job);
    assert_int_equal(job.admitted, 1);
    th_timer_stop(job.timers, &job.requests[0].timer);
    th_pacer_done(&job.requests[0].ticket, NULL);
    assert_int_equal(job.admitted, 2);
    th_timers_advance(job.timers, SECOND);
    job_close(&job);
}

/* An admission that ends at once and brings the next one in: must not recurse. */
static void end_at_once(th_ticket *ticket)
{
    struct request *request = ticket->ctx;
    struct job *job = request->job;

    job->admitted++;
    th_pacer_done(ticket, NULL);
    if (job->admitted < 200000)
        th_pacer_join(job->pacer, ticket, false, end_at_once, request);
}

TEST(admissions_from_inside_an_admission_do_not_recurse)
{
    struct job job = {0};
    job_open(&job, 1, NULL, 0, 1);
    th_pacer_join(job.pacer, &job.requests[0].ticket, false, end_at_once, &job.requests[0]);
    assert_int_equal(job.admitted, 200000);
    job_close(&job);
}

TEST(impossible_windows_are_refused)
{
    th_timers *timers = th_timers_create(NULL);
    const th_window bad[] = {{0, 1}, {2000000, 1}, {1, 0}, {1, -1}, {1, NAN}, {1, 1e9}};
    th_pacer *pacer;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        th_error err = {0};
        assert_int_equal(th_pacer_create(timers, &bad[i], 1, 1, &pacer, &err), -TH_INVALID);
        assert_non_null(strstr(err.message, "rate window 1"));
        assert_null(pacer);
        th_error_close(&err);
    }
    assert_int_equal(th_pacer_create(timers, NULL, 0, 0, &pacer, NULL), -TH_INVALID);
    th_pacer_destroy(NULL);
    th_timers_destroy(timers);
}
