#include "runtime/stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

#define NS_PER_SECOND 1e9

/* --- draining --------------------------------------------------------------------------------- */

static void cut(th_stop *stop)
{
    stop->phase = TH_PHASE_CANCEL;
    th_timer_stop(stop->timers, &stop->drain);
    atomic_store(&stop->cancelled, true);
    th_sched_drain(stop->sched);
    th_sched_cancel_all(stop->sched);
}

static void drain_over(th_timer *timer)
{
    th_stop *stop = timer->ctx;
    stop->cut = true;
    th_log(stop->terminal, TH_LOG_WARN, NULL, 0,
           "work in progress did not finish within %g s and is cancelled. The ledger keeps every "
           "password that was sent",
           stop->drain_seconds);
    cut(stop);
}

static void start_drain(th_stop *stop)
{
    if (stop->drain_ends)
        return;
    uint64_t ns = (uint64_t)(stop->drain_seconds * NS_PER_SECOND);
    stop->drain_ends = th_timers_now(stop->timers) + ns;
    th_timer_start(stop->timers, &stop->drain, ns, drain_over, stop);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void act(th_stop *stop, int number)
{
    const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";
    th_session *session = stop->session;
    stop->taken++;
    if (number == SIGINT && session && stop->phase == TH_PHASE_RUN && session->interrupt(session))
        return;
    if (stop->phase == TH_PHASE_RUN) {
        stop->phase = TH_PHASE_DRAIN;
        start_drain(stop);
        th_log(stop->terminal, TH_LOG_WARN, NULL, 0,
               "%s: starting nothing new. Work in progress has %g s to finish. Send the signal "
               "again to cancel it",
               name, stop->drain_seconds);
        th_sched_drain(stop->sched);
        th_guests_stopping(stop->guests);
    } else if (stop->phase == TH_PHASE_DRAIN) {
        th_log(stop->terminal, TH_LOG_WARN, NULL, 0,
               "%s again: cancelling. The ledger keeps every password that was sent", name);
        cut(stop);
    }
}

void th_stop_signal(th_stop *stop, int number)
{
    if (++stop->heard > stop->taken)
        act(stop, number);
}

void th_stop_take(th_stop *stop, unsigned signals, int number)
{
    while (stop->taken < signals)
        act(stop, number);
}

/* --- the deadline ----------------------------------------------------------------------------- */

static void deadline_came(th_timer *timer)
{
    th_stop *stop = timer->ctx;
    stop->deadline_passed = true;
    start_drain(stop);
    th_sched_set_deadline(stop->sched, stop->deadline_text);
    th_guests_stopping(stop->guests);
}

void th_stop_deadline(th_stop *stop, lua_State *L, double seconds, const char *text)
{
    th_timer_stop(stop->timers, &stop->due);
    stop->deadline = 0;
    stop->deadline_passed = false;
    th_sched_set_deadline(stop->sched, NULL);
    if (stop->phase == TH_PHASE_RUN && stop->drain_ends) {
        stop->drain_ends = 0;
        th_timer_stop(stop->timers, &stop->drain);
    }
    th_task_set_timed(L, text != NULL);
    if (!text)
        return;
    uint64_t ns = (uint64_t)(fmin(fmax(seconds, 0), 366 * 86400.0) * NS_PER_SECOND);
    stop->deadline = th_timers_now(stop->timers) + ns;
    snprintf(stop->deadline_text, sizeof stop->deadline_text, "%s", text);
    th_timer_start(stop->timers, &stop->due, ns, deadline_came, stop);
}

double th_stop_left(const th_stop *stop, lua_State *L)
{
    if (!th_task_stopping(L) || !stop->drain_ends)
        return HUGE_VAL;
    uint64_t now = th_timers_now(stop->timers);
    return stop->drain_ends > now ? (double)(stop->drain_ends - now) / NS_PER_SECOND : 0;
}

void th_stop_close(th_stop *stop)
{
    stop->phase = TH_PHASE_CANCEL;
    if (!stop->timers)
        return;
    th_timer_stop(stop->timers, &stop->drain);
    th_timer_stop(stop->timers, &stop->due);
}
