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
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"
#include "runtime/guest.h"
#include "runtime/terminal.h"
#include "task/task.h"

enum { TH_DRAIN_SECONDS = 60 };

enum th_phase { TH_PHASE_RUN, TH_PHASE_DRAIN, TH_PHASE_CANCEL };

/* Somebody types at a prompt (-i): Ctrl-C is for what was typed, and an error that no task awaits
 * is told and ends nothing. */
typedef struct th_session {
    /* SIGINT: whether that was all, or the run is to stop after all. */
    bool (*interrupt)(struct th_session *session);
} th_session;

typedef struct th_stop {
    /* Borrowed from the run. */
    th_sched *sched;
    th_timers *timers;
    th_terminal *terminal;
    th_guests *guests;
    th_session *session; /* NULL: nobody types */

    enum th_phase phase;
    atomic_bool cancelled; /* everything was; also read by the watchdog's thread */
    unsigned heard;        /* SIGINT and SIGTERM that the loop has delivered */
    unsigned taken;        /* … that were acted upon, some before the loop could */
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
} th_stop;

/* The loop has delivered SIGINT or SIGTERM. */
void th_stop_signal(th_stop *stop, int number);
/* Acts upon so many signals in all, the last of them `number`: the watchdog has counted them, and
 * the loop, which does not turn, has not. */
void th_stop_take(th_stop *stop, unsigned signals, int number);
/* The deadline of the running task and of what it spawns from now on, so many seconds from now;
 * `text` as people wrote it. NULL: there is none any more. */
void th_stop_deadline(th_stop *stop, lua_State *L, double seconds, const char *text);
/* Seconds that are left for the running task to end in; HUGE_VAL while it may go on. */
double th_stop_left(const th_stop *stop, lua_State *L);
/* The script has ended: a signal has nothing left to stop. */
void th_stop_close(th_stop *stop);

#endif
