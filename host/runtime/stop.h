/*
 * How a run ends before its time: by a signal or at a job's deadline.
 *
 *   running   first SIGINT or SIGTERM → draining. A job's deadline: the same for the job's own tasks.
 *   draining  nothing new is begun. A request that has to wait for its turn, and whose item has
 *             changed nothing yet, is given back: it ends as `cancelled`, and the item was not tried.
 *             What has begun may end, for as long as --drain says
 *   cut       second signal, or that time is over: everything is cancelled
 */
#ifndef TH_STOP_H
#define TH_STOP_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/timer.h"
#include "wire/pacer.h"

struct th_runtime;

enum { TH_DRAIN_SECONDS = 60, TH_MAX_WAIT_SECONDS = 900, TH_LONG_WAIT_SECONDS = 10 };

struct th_stop {
    double drain_seconds;
    th_timer drain;
    uint64_t drain_ends; /* on the timers' clock; 0: not draining */
    th_timer due;        /* of the deadline */
    uint64_t deadline;   /* on the timers' clock; 0: none */
    char deadline_text[32];
    bool deadline_passed;
    bool cut;        /* the time to drain was over */
    bool quiet;      /* long waits are not told */
    double patience; /* of the whole run, shorter than max_wait of an account; 0: none */
};

/* SIGINT or SIGTERM. */
void th_stop_signal(struct th_runtime *runtime, int number);
/* The deadline of the running task and of what it spawns from now on, so many seconds from now;
 * `text` as people wrote it. NULL: there is none any more. */
void th_stop_deadline(lua_State *L, double seconds, const char *text);
/* Whether the running task is to come to its end: after a signal, or after its deadline. */
bool th_stop_asked(lua_State *L);
/* Seconds that are left to end in; HUGE_VAL while nothing was asked. */
double th_stop_left(lua_State *L);
void th_stop_close(struct th_runtime *runtime);

/* What a request that may have to wait knows of its task; filled where the task runs. */
struct th_stop_request {
    struct th_runtime *runtime;
    const char *account; /* borrowed; NULL: of no account */
    double max_wait;     /* seconds; 0: the default */
    uint64_t *told; /* until when a wait was told already; one for all that wait for the same */
    bool admitted, timed;
    bool begun; /* its item has changed something: this is a part of ending it */
};

/* Takes note of the running task. */
void th_stop_note(lua_State *L, struct th_stop_request *request);
/* Whether it may be begun; err (may be NULL) says why not: `cancelled`. While the run is stopping only
 * what has begun, or can go at once; after the deadline no first write. */
bool th_stop_may_begin(const struct th_stop_request *request, bool write, th_error *err);
/* Whether it may wait for its turn (until == 0), or until then because the platform says so; err says
 * why not: `cancelled` where the run is stopping, else `rate_limited` with code "long_wait". Tells of
 * a long wait. `since`: when the platform first refused this very request for its rate (0: it has
 * not), from where on max_wait counts. */
bool th_stop_may_wait(const struct th_stop_request *request, bool begun, uint64_t since,
                      uint64_t until, const char *why, const char *word, th_error *err);

#endif
