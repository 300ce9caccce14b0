/*
 * The pacer against simulated servers, on a clock that only moves when it is told to: no limit is
 * ever broken, and none of the allowed pace is wasted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pacer.h"

#define SECOND UINT64_C(1000000000)

/* --- a simulated server ----------------------------------------------------------------------- */

struct limit {
    unsigned requests;
    uint64_t span;
    bool fixed;        /* windows that begin at multiples of span, else sliding */
    uint64_t *counted; /* instants of the requests that were let through */
    size_t ncounted;
};

struct job; /* all requests of one test */

struct request {
    th_ticket ticket;
    th_timer timer;
    struct job *job;
    th_pace_reply reply;
};

struct job {
    th_timers *timers;
    th_pacer *pacer;
    struct limit limits[3];
    size_t nlimits;
    uint64_t latency_min, latency_max; /* of each way */
    bool headers;                      /* replies speak of limits[0], its reset in whole seconds */
    uint64_t random;

    struct request *requests;
    size_t n, admitted, ended, refused;
    size_t flying, flying_max;
    uint64_t started, last_end;
    size_t order[64]; /* the first admissions, by request */
};

static uint64_t draw(struct job *job, uint64_t min, uint64_t max)
{
    job->random = job->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return min + (job->random >> 33) % (max - min + 1);
}

static size_t limit_used(const struct limit *limit, uint64_t now)
{
    uint64_t since = limit->fixed ? now / limit->span * limit->span
                                  : (now >= limit->span ? now - limit->span + 1 : 0);
    size_t used = 0;

    while (used < limit->ncounted && limit->counted[limit->ncounted - 1 - used] >= since) {
        used++;
    }
    return used;
}

static uint64_t limit_reset(const struct limit *limit, uint64_t now)
{
    if (limit->fixed) {
        return (now / limit->span + 1) * limit->span;
    }
    size_t used = limit_used(limit, now);
    return used ? limit->counted[limit->ncounted - used] + limit->span : now;
}

/* Counts one request; false when a limit forbids it. */
static bool server_counts(struct job *job, uint64_t now)
{
    for (size_t i = 0; i < job->nlimits; i++) {
        if (limit_used(&job->limits[i], now) >= job->limits[i].requests) {
            return false;
        }
    }
    for (size_t i = 0; i < job->nlimits; i++) {
        job->limits[i].counted[job->limits[i].ncounted++] = now;
    }
    return true;
}

static void reply_came(th_timer *timer)
{
    struct request *request = timer->ctx;
    struct job *job = request->job;

    job->flying--;
    job->ended++;
    job->last_end = th_timers_now(job->timers);
    th_pacer_done(&request->ticket, &request->reply);
}

static void request_arrived(th_timer *timer)
{
    struct request *request = timer->ctx;
    struct job *job = request->job;
    uint64_t now = th_timers_now(job->timers);
    bool accepted = server_counts(job, now);

    request->reply = (th_pace_reply){.status = accepted ? 200 : 429,
                                     .retry_after = -1,
                                     .limit = -1,
                                     .remaining = -1,
                                     .reset = -1};
    if (!accepted) {
        job->refused++;
    }
    if (job->headers) {
        struct limit *limit = &job->limits[0];
        request->reply.limit = limit->requests;
        request->reply.remaining = (double)(limit->requests - limit_used(limit, now));
        request->reply.reset = ceil((double)(limit_reset(limit, now) - now) / 1e9);
    }
    th_timer_start(job->timers, &request->timer, draw(job, job->latency_min, job->latency_max),
                   reply_came, request);
}

static void admitted(th_ticket *ticket)
{
    struct request *request = ticket->ctx;
    struct job *job = request->job;

    if (job->admitted < sizeof job->order / sizeof job->order[0]) {
        job->order[job->admitted] = (size_t)(request - job->requests);
    }
    job->admitted++;
    job->flying++;
    job->flying_max = job->flying > job->flying_max ? job->flying : job->flying_max;
    th_timer_start(job->timers, &request->timer, draw(job, job->latency_min, job->latency_max),
                   request_arrived, request);
}

static void job_open(struct job *job, size_t n, const th_window *windows, size_t nwindows,
                     unsigned concurrency)
{
    job->timers = th_timers_create(NULL);
    th_error err = {0};
    assert_int_equal(
        th_pacer_create(job->timers, windows, nwindows, concurrency, &job->pacer, &err), 0);
    th_pacer_seed(job->pacer, 42);
    job->random = job->random ? job->random : 1;
    job->n = n;
    job->requests = calloc(n, sizeof *job->requests);
    for (size_t i = 0; i < job->nlimits; i++) {
        job->limits[i].counted = calloc(n + 1000, sizeof(uint64_t));
    }
    for (size_t i = 0; i < n; i++) {
        job->requests[i].job = job;
    }
    job->started = th_timers_now(job->timers);
}

static void job_join_all(struct job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        th_pacer_join(job->pacer, &job->requests[i].ticket, false, admitted, &job->requests[i]);
    }
}

static double job_seconds(const struct job *job)
{
    return (double)(job->last_end - job->started) / 1e9;
}

static void job_close(struct job *job)
{
    th_pacer_destroy(job->pacer);
    assert_int_equal(th_timers_count(job->timers), 0);
    th_timers_destroy(job->timers);
    for (size_t i = 0; i < job->nlimits; i++) {
        free(job->limits[i].counted);
    }
    free(job->requests);
}

static void job_run(struct job *job)
{
    job_join_all(job);
    for (int i = 0; i < 100000 && job->ended < job->n; i++) {
        th_timers_advance(job->timers, SECOND);
    }
    assert_int_equal(job->ended, job->n);
}

/* --- pace ------------------------------------------------------------------------------------- */

static void hundred_requests_at_20_per_2_seconds_take_8_seconds(void **state)
{
    (void)state;
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

static void several_windows_all_hold_at_the_ideal_pace(void **state)
{
    (void)state;
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

static void no_delay_on_the_line_breaks_a_limit(void **state)
{
    (void)state;
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

static void a_random_delay_of_a_percent_costs_no_more_than_three(void **state)
{
    (void)state;
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

static void without_windows_only_concurrency_bounds(void **state)
{
    (void)state;
    struct job job = {.latency_min = SECOND / 10, .latency_max = SECOND / 10};
    job_open(&job, 50, NULL, 0, 5);
    job_run(&job);
    assert_int_equal(job.flying_max, 5);
    assert_true(fabs(job_seconds(&job) - 2.0) < 1e-6); /* ten rounds, two ways of 0.1 s each */
    job_close(&job);
}

static void a_million_admissions_stay_cheap(void **state)
{
    (void)state;
    const th_window windows[] = {{1000, 1}, {50000, 60}, {1000000, 3600}};
    struct job job = {.latency_max = SECOND / 100};
    job_open(&job, 1000000, windows, 3, 64);
    job_run(&job);
    assert_int_equal(job.admitted, 1000000);
    assert_true(job.flying_max <= 64);
    job_close(&job);
}

/* --- order ------------------------------------------------------------------------------------ */

static void admission_is_first_come_first_served_and_urgent_first(void **state)
{
    (void)state;
    struct job job = {.latency_min = 1, .latency_max = 1};
    job_open(&job, 7, NULL, 0, 1);
    for (size_t i = 0; i < 7; i++) {
        bool urgent = i == 3 || i == 5;
        th_pacer_join(job.pacer, &job.requests[i].ticket, urgent, admitted, &job.requests[i]);
    }
    th_timers_advance(job.timers, SECOND);
    const size_t expected[] = {0, 3, 5, 1, 2, 4, 6};
    assert_memory_equal(job.order, expected, sizeof expected);
    job_close(&job);
}

static void a_cancelled_ticket_is_never_admitted(void **state)
{
    (void)state;
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

static void the_last_ticket_that_leaves_stops_the_waiting(void **state)
{
    (void)state;
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

static void a_request_that_was_never_sent_gives_its_place_back(void **state)
{
    (void)state;
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
    if (job->admitted < 200000) {
        th_pacer_join(job->pacer, ticket, false, end_at_once, request);
    }
}

static void admissions_from_inside_an_admission_do_not_recurse(void **state)
{
    (void)state;
    struct job job = {0};
    job_open(&job, 1, NULL, 0, 1);
    th_pacer_join(job.pacer, &job.requests[0].ticket, false, end_at_once, &job.requests[0]);
    assert_int_equal(job.admitted, 200000);
    job_close(&job);
}

/* --- what replies say ------------------------------------------------------------------------- */

/* Lets request i through by hand: its reply is given at once. */
static void answer(struct job *job, size_t i, th_pace_reply reply)
{
    assert_true(job->requests[i].ticket.admitted);
    th_timer_stop(job->timers, &job->requests[i].timer);
    job->flying--;
    th_pacer_done(&job->requests[i].ticket, &reply);
}

static double wait_seconds(const struct job *job, const char *reason)
{
    struct th_pacer_stats stats;

    th_pacer_stats(job->pacer, &stats);
    assert_string_equal(stats.waiting_for, reason);
    return stats.wait_seconds;
}

#define SAID_NOTHING(code)                                                                         \
    ((th_pace_reply){                                                                              \
        .status = (code), .retry_after = -1, .limit = -1, .remaining = -1, .reset = -1})

static void retry_after_holds_everything_back(void **state)
{
    (void)state;
    const int statuses[] = {429, 503};
    for (size_t i = 0; i < 2; i++) {
        struct job job = {.latency_min = 1, .latency_max = 1};
        job_open(&job, 3, NULL, 0, 1);
        job_join_all(&job);
        th_pace_reply reply = SAID_NOTHING(statuses[i]);
        reply.retry_after = 7.5;
        answer(&job, 0, reply);
        assert_int_equal(job.admitted, 1);
        assert_true(fabs(wait_seconds(&job, "Retry-After") - 7.5) < 1e-6);
        th_timers_advance(job.timers, 75 * SECOND / 10 - 1);
        assert_int_equal(job.admitted, 1);
        th_timers_advance(job.timers, 1);
        assert_int_equal(job.admitted, 2);
        th_timers_advance(job.timers, SECOND);
        assert_int_equal(job.ended, 2);
        job_close(&job);
    }
}

static void a_429_without_a_time_backs_off_longer_and_longer(void **state)
{
    (void)state;
    struct job job = {.latency_min = 1000 * SECOND, .latency_max = 1000 * SECOND};
    job_open(&job, 12, NULL, 0, 1);
    job_join_all(&job);
    double base = 1;
    for (size_t i = 0; i < 9; i++) {
        answer(&job, i, SAID_NOTHING(429));
        double wait = wait_seconds(&job, "back-off");
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
    answer(&job, 9, SAID_NOTHING(200)); /* a success ends it */
    answer(&job, 10, SAID_NOTHING(429));
    assert_true(wait_seconds(&job, "back-off") <= 1.25 + 1e-6);
    th_timers_advance(job.timers, 5000 * SECOND);
    job_close(&job);
}

static void refusals_of_one_burst_are_one_step_of_back_off(void **state)
{
    (void)state;
    struct job job = {.latency_min = SECOND, .latency_max = SECOND};
    job_open(&job, 9, NULL, 0, 8);
    job_join_all(&job);
    th_timers_advance(job.timers, 1000);
    for (size_t i = 0; i < 8; i++) {
        answer(&job, i, SAID_NOTHING(429));
    }
    assert_true(wait_seconds(&job, "back-off") <= 1.25);
    th_timers_advance(job.timers, 10 * SECOND);
    job_close(&job);
}

static void the_same_seed_backs_off_the_same_and_another_differently(void **state)
{
    (void)state;
    double waits[3];
    for (size_t i = 0; i < 3; i++) {
        struct job job = {.latency_min = 1, .latency_max = 1};
        job_open(&job, 2, NULL, 0, 1);
        th_pacer_seed(job.pacer, i == 2 ? 8 : 7);
        job_join_all(&job);
        answer(&job, 0, SAID_NOTHING(429));
        waits[i] = wait_seconds(&job, "back-off");
        th_timers_advance(job.timers, 2 * SECOND);
        job_close(&job);
    }
    assert_true(waits[0] == waits[1]);
    assert_true(waits[0] != waits[2]);
}

static void resets_in_whole_seconds_do_not_slow_down_what_we_know_better(void **state)
{
    (void)state;
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

static void what_left_our_window_while_a_reply_travelled_is_nobody_elses(void **state)
{
    (void)state;
    const th_window window = {3, 10};
    struct job job = {.latency_min = 1000 * SECOND, .latency_max = 1000 * SECOND};
    job_open(&job, 5, &window, 1, 5);
    for (size_t i = 0; i < 2; i++) {
        th_pacer_join(job.pacer, &job.requests[i].ticket, false, admitted, &job.requests[i]);
        answer(&job, i, SAID_NOTHING(200));
    }
    th_timers_advance(job.timers, 95 * SECOND / 10);
    th_pacer_join(job.pacer, &job.requests[2].ticket, false, admitted, &job.requests[2]);
    th_timers_advance(job.timers, 1 * SECOND); /* the first two are 10 s old now */
    th_pacer_join(job.pacer, &job.requests[3].ticket, false, admitted, &job.requests[3]);
    th_pace_reply reply = SAID_NOTHING(200); /* counted a second ago: all three of then */
    reply.limit = 3, reply.remaining = 0, reply.reset = 30;
    answer(&job, 2, reply);
    th_pacer_join(job.pacer, &job.requests[4].ticket, false, admitted, &job.requests[4]);
    assert_true(job.requests[4].ticket.admitted);
    th_timers_advance(job.timers, 3000 * SECOND);
    job_close(&job);
}

static void requests_of_another_program_shrink_our_share_until_the_reset(void **state)
{
    (void)state;
    const th_window window = {100, 60};
    struct job job = {.limits = {{.requests = 100, .span = 60 * SECOND, .fixed = true}},
                      .nlimits = 1,
                      .latency_min = SECOND / 100,
                      .latency_max = SECOND / 20,
                      .headers = true};
    job_open(&job, 150, &window, 1, 8);
    for (int i = 0; i < 70; i++) {
        server_counts(&job, th_timers_now(job.timers)); /* somebody else, before we start */
    }
    job_join_all(&job);
    th_timers_advance(job.timers, 58 * SECOND);
    assert_int_equal(job.ended, 30);
    assert_true(wait_seconds(&job, "the platform's count") > 0);
    th_timers_advance(job.timers, 60 * SECOND);
    assert_int_equal(job.ended, 130);
    th_timers_advance(job.timers, 60 * SECOND);
    assert_int_equal(job.ended, 150);
    assert_int_equal(job.refused, 0);
    job_close(&job);
}

static void a_limit_that_nobody_told_us_is_kept_by_what_remains(void **state)
{
    (void)state;
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

static void a_reply_of_an_older_period_does_not_undo_a_newer_one(void **state)
{
    (void)state;
    struct job job = {.latency_min = 100 * SECOND, .latency_max = 100 * SECOND};
    job_open(&job, 10, NULL, 0, 4);
    job_join_all(&job);
    th_pace_reply fresh = SAID_NOTHING(200), old = SAID_NOTHING(200);
    fresh.limit = old.limit = 50;
    fresh.remaining = 49, fresh.reset = 30;
    old.remaining = 0, old.reset = 10;
    answer(&job, 1, fresh);
    answer(&job, 0, old);
    assert_int_equal(job.admitted, 6);
    fresh.remaining = 3;
    answer(&job, 2, fresh); /* three others are in flight: nothing remains for more */
    assert_int_equal(job.admitted, 6);
    assert_true(fabs(wait_seconds(&job, "the platform's count") - 30) < 1e-3);
    answer(&job, 3, SAID_NOTHING(0)); /* lost, perhaps counted */
    assert_int_equal(job.admitted, 6);
    th_timers_advance(job.timers, 30 * SECOND);
    assert_int_equal(job.admitted, 8);
    th_timers_advance(job.timers, 1000 * SECOND);
    job_close(&job);
}

static void senseless_figures_do_no_harm(void **state)
{
    (void)state;
    const double values[] = {NAN, INFINITY, -INFINITY, -5, 0, 1e300};
    const size_t n = sizeof values / sizeof values[0];
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            const th_window window = {5, 1};
            struct job job = {.latency_min = 1, .latency_max = 1};
            job_open(&job, 2, &window, 1, 1);
            job_join_all(&job);
            answer(&job, 0,
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

static void impossible_windows_are_refused(void **state)
{
    (void)state;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundred_requests_at_20_per_2_seconds_take_8_seconds),
        cmocka_unit_test(several_windows_all_hold_at_the_ideal_pace),
        cmocka_unit_test(no_delay_on_the_line_breaks_a_limit),
        cmocka_unit_test(a_random_delay_of_a_percent_costs_no_more_than_three),
        cmocka_unit_test(without_windows_only_concurrency_bounds),
        cmocka_unit_test(a_million_admissions_stay_cheap),
        cmocka_unit_test(admission_is_first_come_first_served_and_urgent_first),
        cmocka_unit_test(a_cancelled_ticket_is_never_admitted),
        cmocka_unit_test(the_last_ticket_that_leaves_stops_the_waiting),
        cmocka_unit_test(a_request_that_was_never_sent_gives_its_place_back),
        cmocka_unit_test(admissions_from_inside_an_admission_do_not_recurse),
        cmocka_unit_test(retry_after_holds_everything_back),
        cmocka_unit_test(a_429_without_a_time_backs_off_longer_and_longer),
        cmocka_unit_test(refusals_of_one_burst_are_one_step_of_back_off),
        cmocka_unit_test(the_same_seed_backs_off_the_same_and_another_differently),
        cmocka_unit_test(resets_in_whole_seconds_do_not_slow_down_what_we_know_better),
        cmocka_unit_test(what_left_our_window_while_a_reply_travelled_is_nobody_elses),
        cmocka_unit_test(requests_of_another_program_shrink_our_share_until_the_reset),
        cmocka_unit_test(a_limit_that_nobody_told_us_is_kept_by_what_remains),
        cmocka_unit_test(a_reply_of_an_older_period_does_not_undo_a_newer_one),
        cmocka_unit_test(senseless_figures_do_no_harm),
        cmocka_unit_test(impossible_windows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
