/*
 * The pacer: one per account. It decides when a request may be handed to libcurl, so that no
 * platform limit is broken and none of the allowed pace is wasted. It knows nothing of HTTP but
 * what the reply says about limits.
 *
 * Rule per window of N requests in P seconds: a place in the window is taken when a request is
 * admitted and is free again P after its reply arrived (or its failure was known). The server
 * counted it at some instant between those two, so the rule holds whatever the delay on the line,
 * for sliding and for fixed windows.
 *
 * What replies say comes on top:
 *   Retry-After        nothing is admitted until then
 *   429 without it     nothing for 1 s, doubling to 60 s, up to a quarter more at random so that
 *                      several programs do not come back together; a success ends it
 *   what remains       while the server counts requests that are not ours (another program uses the
 *                      same account, or the limit is none of our windows): no more than it says
 *                      remain, until its reset. A server that counts only ours never slows us down:
 *                      its reset, often in whole seconds, is not looked at, because our own windows
 *                      know better.
 */
#ifndef TH_PACER_H
#define TH_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/timer.h"

typedef struct th_pacer th_pacer;
typedef struct th_ticket th_ticket;

typedef struct th_window {
    unsigned requests; /* 1 … 1,000,000 */
    double seconds;    /* > 0, at most a day */
} th_window;

/* A place in the queue, embedded in what waits. All members are the pacer's. */
struct th_ticket {
    th_ticket *next, *prev;
    th_pacer *pacer; /* NULL while neither queued nor admitted */
    void (*admit)(th_ticket *ticket);
    /* The platform's word holds the queue back for longer than before, see th_pacer_held. The owner
     * may set it once th_pacer_join has returned; in it, this ticket may leave. NULL: nobody asks. */
    void (*held)(th_ticket *ticket);
    void *ctx; /* the owner's */
    bool admitted;
    bool urgent;
    uint64_t admitted_at; /* ns */
};

/* What a reply said about limits. -1 = the header was not there. */
typedef struct th_pace_reply {
    int status;         /* HTTP status; 0 when there was no reply */
    double retry_after; /* seconds from now */
    double limit;       /* X-RateLimit-Limit */
    double remaining;   /* X-RateLimit-Remaining */
    double reset;       /* seconds from now until the window opens again */
    char word[72];      /* the header that named the wait, as it came: "Retry-After: 120"; "" */
    /* reply_headers.c measures times of day, in seconds since 1970 (0 = not said), against the date. */
    double retry_at, reset_at;
    char date[40]; /* as it came */
} th_pace_reply;

struct th_pacer_stats {
    size_t queued, in_flight;
    uint64_t admitted, limited; /* limited: replies with 429 */
    double wait_seconds;     /* until the next admission is possible; 0 = nothing queued, or when it
                                depends on a reply rather than on time */
    const char *waiting_for; /* static text: "rate window", "Retry-After", "back-off" (a 429 that
                                names no time), "the platform's count", "concurrency", "" */
};

/* windows may be empty: then only concurrency bounds. Windows are copied. concurrency ≥ 1. Fails
 * with TH_INVALID (a window out of range, or memory). The timers outlive the pacer. */
int th_pacer_create(th_timers *timers, const th_window *windows, size_t nwindows,
                    unsigned concurrency, th_pacer **out, th_error *err);
/* No ticket may be queued or admitted any more. NULL is fine. */
void th_pacer_destroy(th_pacer *pacer);

/* Makes the random part of back-off repeatable (tests); without it each pacer draws its own seed.
 */
void th_pacer_seed(th_pacer *pacer, uint64_t seed);

/* paused(owner, until, window) is called whenever the queue has to wait for that one of our own
 * windows, until then on the timers' clock; possibly again and again with the same instant, and from
 * inside the functions below. It may call none of them. */
void th_pacer_on_pause(th_pacer *pacer,
                       void (*paused)(void *owner, uint64_t until, const th_window *window),
                       void *owner);

/* Queues the ticket; admit(ticket) is called once it may be sent, from inside this call when that
 * is now, else from the loop. admit may call every function here but destroy; admissions that
 * follow from such a call come after it has returned, so that nothing recurses. First come, first
 * served; `urgent` (a request that repeats a refused one) goes before all that are not. */
void th_pacer_join(th_pacer *pacer, th_ticket *ticket, bool urgent,
                   void (*admit)(th_ticket *ticket), void *ctx);
/* Takes a ticket that is still queued out of the queue (a cancelled task). */
void th_pacer_leave(th_ticket *ticket);
/* The request of an admitted ticket has ended (reply == NULL: it was never sent, and its place in
 * the windows is given back). Admits others as a consequence. The ticket can be used again. */
void th_pacer_done(th_ticket *ticket, const th_pace_reply *reply);

/* Whether the platform's word (not our own windows) holds everybody back now. *until: on the timers'
 * clock; a wait of a day or more counts as a day. why: as `waiting_for`. word: the header that named
 * it, or "". Both point into the pacer. */
bool th_pacer_held(const th_pacer *pacer, uint64_t *until, const char **why, const char **word);
/* Calls `held` of every ticket in the queue, where the platform's word holds them back. */
void th_pacer_ask(th_pacer *pacer);

void th_pacer_stats(const th_pacer *pacer, struct th_pacer_stats *out);

#endif
