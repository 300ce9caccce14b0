/*
 * Requests through a pacer to a simulated server that enforces limits, on a clock that only moves
 * when it is told to.
 */
#ifndef TEST_PACED_JOB_H
#define TEST_PACED_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/pacer.h"

#define SECOND UINT64_C(1000000000)

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

/* Makes clock, pacer and n requests. limits, latencies and headers of job are set before. */
void job_open(struct job *job, size_t n, const th_window *windows, size_t nwindows,
              unsigned concurrency);
/* Fails the test when a timer still runs. */
void job_close(struct job *job);
void job_join(struct job *job, size_t request, bool urgent);
void job_join_all(struct job *job);
/* Joins all and moves the clock until all have their reply. */
void job_run(struct job *job);
/* From the beginning to the last reply. */
double job_seconds(const struct job *job);
/* Somebody else's request: counts at the server without passing the pacer. False when it is
 * refused. */
bool job_server_counts(struct job *job, uint64_t now);
/* Gives request i, which is in flight, this reply now instead of the one that is on its way. */
void job_answer(struct job *job, size_t i, th_pace_reply reply);
/* What the pacer says of its waiting; fails the test when the reason is another. */
double job_wait_seconds(const struct job *job, const char *reason);

#endif
