/*
 * Inside the pacer: what pacer.c (queue and admission) and pacer_reply.c (what replies say about
 * limits) share. Nobody else includes it.
 */
#ifndef TH_PACER_IMPL_H
#define TH_PACER_IMPL_H

#include "wire/pacer.h"

#define NS_PER_SECOND    1e9
#define MAX_WAIT_SECONDS 86400.0

struct window {
    uint64_t requests;
    uint64_t span; /* ns */
    uint64_t head; /* the oldest end that still holds a place, counted like tail */
};

struct queue {
    th_ticket *first, *last;
};

struct th_pacer {
    th_timers *timers;
    th_timer timer; /* runs while the head of the queue waits for an instant */
    struct window *windows;
    size_t nwindows;
    unsigned concurrency;

    /* When requests ended, one ring for all windows: the i-th end ever is ends[i & mask]. It keeps
     * twice the widest window, so that ends are still known for a while after their place became
     * free. */
    uint64_t *ends;
    uint64_t mask;
    uint64_t tail;

    void (*paused)(void *owner, uint64_t until, const th_window *window); /* may be NULL */
    void *owner;

    struct queue urgent, ordinary;
    size_t queued, in_flight;
    bool pumping;

    uint64_t hold_until; /* Retry-After or back-off */
    const char *hold_why;
    char hold_word[sizeof((th_pace_reply *)0)->word];
    unsigned backoff_step;
    uint64_t backoff_at; /* when the last step was taken; replies to older requests do not count */
    uint64_t random;

    /* The server's own count, while it has to be believed: fewer than `remaining` may be in flight
     * until `period_end`. Every reply of the period was counted before the smallest figure seen in
     * it, so only what is in flight can be missing from that figure. */
    uint64_t period_end;
    double remaining;
    char period_word[sizeof((th_pace_reply *)0)->word];

    uint64_t admitted, limited;
};

/* Seconds, at most a day, as whole nanoseconds, rounded up; 0 for what is no positive number. */
uint64_t th_pacer_ns(double seconds);

/* A request that was sent has ended: takes note of the instant and of what the reply says. */
void th_pacer_learn(th_pacer *pacer, const th_ticket *ticket, const th_pace_reply *reply);

#endif
