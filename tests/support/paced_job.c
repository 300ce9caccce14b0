#include "paced_job.h"

#include "test.h"

#include <math.h>
#include <stdlib.h>

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

    while (used < limit->ncounted && limit->counted[limit->ncounted - 1 - used] >= since)
        used++;
    return used;
}

static uint64_t limit_reset(const struct limit *limit, uint64_t now)
{
    if (limit->fixed)
        return (now / limit->span + 1) * limit->span;
    size_t used = limit_used(limit, now);
    return used ? limit->counted[limit->ncounted - used] + limit->span : now;
}

bool job_server_counts(struct job *job, uint64_t now)
{
    for (size_t i = 0; i < job->nlimits; i++)
        if (limit_used(&job->limits[i], now) >= job->limits[i].requests)
            return false;
    for (size_t i = 0; i < job->nlimits; i++)
        job->limits[i].counted[job->limits[i].ncounted++] = now;
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
    bool accepted = job_server_counts(job, now);

    request->reply = (th_pace_reply){.status = accepted ? 200 : 429,
                                     .retry_after = -1,
                                     .limit = -1,
                                     .remaining = -1,
                                     .reset = -1};
    if (!accepted)
        job->refused++;
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

    if (job->admitted < sizeof job->order / sizeof job->order[0])
        job->order[job->admitted] = (size_t)(request - job->requests);
    job->admitted++;
    job->flying++;
    job->flying_max = job->flying > job->flying_max ? job->flying : job->flying_max;
    th_timer_start(job->timers, &request->timer, draw(job, job->latency_min, job->latency_max),
                   request_arrived, request);
}

void job_open(struct job *job, size_t n, const th_window *windows, size_t nwindows,
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
    for (size_t i = 0; i < job->nlimits; i++)
        job->limits[i].counted = calloc(n + 1000, sizeof(uint64_t));
    for (size_t i = 0; i < n; i++)
        job->requests[i].job = job;
    job->started = th_timers_now(job->timers);
}

void job_join(struct job *job, size_t request, bool urgent)
{
    th_pacer_join(job->pacer, &job->requests[request].ticket, urgent, admitted,
                  &job->requests[request]);
}

void job_join_all(struct job *job)
{
    for (size_t i = 0; i < job->n; i++)
        job_join(job, i, false);
}

double job_seconds(const struct job *job)
{
    return (double)(job->last_end - job->started) / 1e9;
}

void job_close(struct job *job)
{
    th_pacer_destroy(job->pacer);
    assert_int_equal(th_timers_count(job->timers), 0);
    th_timers_destroy(job->timers);
    for (size_t i = 0; i < job->nlimits; i++)
        free(job->limits[i].counted);
    free(job->requests);
}

void job_run(struct job *job)
{
    job_join_all(job);
    for (int i = 0; i < 100000 && job->ended < job->n; i++)
        th_timers_advance(job->timers, SECOND);
    assert_int_equal(job->ended, job->n);
}

void job_answer(struct job *job, size_t i, th_pace_reply reply)
{
    assert_true(job->requests[i].ticket.admitted);
    th_timer_stop(job->timers, &job->requests[i].timer);
    job->flying--;
    th_pacer_done(&job->requests[i].ticket, &reply);
}

double job_wait_seconds(const struct job *job, const char *reason)
{
    struct th_pacer_stats stats;

    th_pacer_stats(job->pacer, &stats);
    assert_string_equal(stats.waiting_for, reason);
    return stats.wait_seconds;
}
