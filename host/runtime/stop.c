#include "call/stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "call/account.h"
#include "runtime/runtime.h"

#define NS_PER_SECOND 1e9

/* --- draining --------------------------------------------------------------------------------- */

static void cut(th_runtime *runtime)
{
    runtime->phase = TH_PHASE_CANCEL;
    th_timer_stop(runtime->timers, &runtime->stop.drain);
    th_watchdog_cancelled(runtime->watchdog);
    th_sched_cancel_all(runtime->sched);
}

static void drain_over(th_timer *timer)
{
    th_runtime *runtime = timer->ctx;
    runtime->stop.cut = true;
    th_log(&runtime->terminal, TH_LOG_WARN, NULL, 0,
           "work in progress did not finish within %g s and is cancelled. The ledger keeps every "
           "password that was sent",
           runtime->stop.drain_seconds);
    cut(runtime);
}

static void start_drain(th_runtime *runtime)
{
    struct th_stop *stop = &runtime->stop;
    if (stop->drain_ends)
        return;
    uint64_t ns = (uint64_t)(stop->drain_seconds * NS_PER_SECOND);
    stop->drain_ends = th_timers_now(runtime->timers) + ns;
    th_timer_start(runtime->timers, &stop->drain, ns, drain_over, runtime);
}

/* Those that wait because the platform says so look again whether they may. */
static void ask_waiting(const th_runtime *runtime)
{
    for (th_account *account = runtime->accounts; account; account = th_account_next(account))
        th_pacer_ask(account->pacer);
}

void th_stop_signal(th_runtime *runtime, int number)
{
    const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";
    runtime->stops_taken++;
    th_session *session = runtime->session;
    if (number == SIGINT && session && runtime->phase == TH_PHASE_RUN &&
        session->interrupt(session))
        return;
    if (runtime->phase == TH_PHASE_RUN) {
        runtime->phase = TH_PHASE_DRAIN;
        start_drain(runtime);
        th_log(&runtime->terminal, TH_LOG_WARN, NULL, 0,
               "%s: starting nothing new. Work in progress has %g s to finish. Send the signal "
               "again to cancel it",
               name, runtime->stop.drain_seconds);
        th_sched_interrupt(runtime->sched, false);
        ask_waiting(runtime);
    } else if (runtime->phase == TH_PHASE_DRAIN) {
        th_log(&runtime->terminal, TH_LOG_WARN, NULL, 0,
               "%s again: cancelling. The ledger keeps every password that was sent", name);
        cut(runtime);
    }
}

/* --- the deadline ----------------------------------------------------------------------------- */

static void deadline_came(th_timer *timer)
{
    th_runtime *runtime = timer->ctx;
    runtime->stop.deadline_passed = true;
    start_drain(runtime);
    th_sched_interrupt(runtime->sched, true);
    ask_waiting(runtime);
}

void th_stop_deadline(lua_State *L, double seconds, const char *text)
{
    th_runtime *runtime = th_runtime_of(L);
    struct th_stop *stop = &runtime->stop;
    th_timer_stop(runtime->timers, &stop->due);
    stop->deadline = 0;
    stop->deadline_passed = false;
    if (runtime->phase == TH_PHASE_RUN && stop->drain_ends) {
        stop->drain_ends = 0;
        th_timer_stop(runtime->timers, &stop->drain);
    }
    th_task_set_timed(L, text != NULL);
    if (!text)
        return;
    uint64_t ns = (uint64_t)(fmin(fmax(seconds, 0), 366 * 86400.0) * NS_PER_SECOND);
    stop->deadline = th_timers_now(runtime->timers) + ns;
    snprintf(stop->deadline_text, sizeof stop->deadline_text, "%s", text);
    th_timer_start(runtime->timers, &stop->due, ns, deadline_came, runtime);
}

bool th_stop_asked(lua_State *L)
{
    const th_runtime *runtime = th_runtime_of(L);
    return runtime->phase != TH_PHASE_RUN || (runtime->stop.deadline_passed && th_task_timed(L));
}

double th_stop_left(lua_State *L)
{
    const th_runtime *runtime = th_runtime_of(L);
    if (!th_stop_asked(L) || !runtime->stop.drain_ends)
        return HUGE_VAL;
    uint64_t now = th_timers_now(runtime->timers);
    uint64_t ends = runtime->stop.drain_ends;
    return ends > now ? (double)(ends - now) / NS_PER_SECOND : 0;
}

void th_stop_close(th_runtime *runtime)
{
    if (!runtime->timers)
        return;
    th_timer_stop(runtime->timers, &runtime->stop.drain);
    th_timer_stop(runtime->timers, &runtime->stop.due);
}

/* --- requests --------------------------------------------------------------------------------- */

void th_stop_note(lua_State *L, struct th_stop_request *request)
{
    request->runtime = th_runtime_of(L);
    request->admitted = th_task_admitted(L);
    request->timed = th_task_timed(L);
    request->begun = request->admitted && (th_task_item(L) == 0 || th_task_acted(L));
}

static bool past_deadline(const struct th_stop_request *request)
{
    return request->runtime->stop.deadline_passed && request->timed;
}

static bool give_back(const struct th_stop_request *request, th_error *err)
{
    const th_runtime *runtime = request->runtime;
    if (runtime->phase != TH_PHASE_RUN)
        th_fail(err, TH_CANCELLED, "the run is stopping; this request was not sent");
    else
        th_fail(err, TH_CANCELLED, "the deadline (%s) has come; this request was not sent",
                runtime->stop.deadline_text);
    return false;
}

bool th_stop_may_begin(const struct th_stop_request *request, bool write, th_error *err)
{
    bool deadline = past_deadline(request);
    bool stopping = request->runtime->phase != TH_PHASE_RUN || deadline;
    bool refused = !request->begun && (request->admitted ? deadline && write : stopping);
    return refused ? give_back(request, err) : true;
}

/* "until 07:00:30": by the clock of this machine. */
static const char *clock_text(double seconds, char text[64])
{
    time_t at = time(NULL) + (time_t)ceil(seconds);
    struct tm tm;
    localtime_r(&at, &tm);
    if (seconds >= 86000) /* a longer one is not known exactly */
        snprintf(text, 64, "a day or more");
    else
        strftime(text, 64, seconds < 600 ? "until %H:%M:%S" : "until %H:%M", &tm);
    return text;
}

static void say(th_buf *text, double seconds, const char *why, const char *word)
{
    char clock[64];
    th_buf_printf(text, "the platform asks us to wait %s (%s)", clock_text(seconds, clock),
                  word[0] ? word : why);
}

static void tell(const struct th_stop_request *request, double seconds, uint64_t until,
                 const char *why, const char *word)
{
    th_buf text = {0};
    th_runtime *runtime = request->runtime;
    if (seconds < TH_LONG_WAIT_SECONDS || !request->told ||
        until <= *request->told + (uint64_t)NS_PER_SECOND)
        return;
    *request->told = until;
    if (runtime->stop.quiet)
        return;
    say(&text, seconds, why, word);
    th_log(&runtime->terminal, TH_LOG_INFO, NULL, 0, "%s%s%s",
           request->account ? request->account : "", request->account ? ": " : "",
           text.data ? text.data : "a long wait");
    th_buf_close(&text);
}

bool th_stop_may_wait(const struct th_stop_request *request, bool begun, uint64_t since,
                      uint64_t until, const char *why, const char *word, th_error *err)
{
    const th_runtime *runtime = request->runtime;
    const struct th_stop *stop = &runtime->stop;
    uint64_t now = th_timers_now(runtime->timers);
    double seconds = until > now ? (double)(until - now) / NS_PER_SECOND : 0;
    double asked = since && now > since ? (double)(now - since) / NS_PER_SECOND : 0;
    double most = request->max_wait > 0 ? request->max_wait : TH_MAX_WAIT_SECONDS;
    bool stopping = runtime->phase != TH_PHASE_RUN || past_deadline(request);
    bool impatient = stop->patience > 0 && stop->patience < most;
    th_buf text = {0};
    if (stopping && !begun)
        return give_back(request, err);
    uint64_t drain = (uint64_t)(stop->drain_seconds * NS_PER_SECOND);
    if (impatient && seconds > stop->patience) {
        say(&text, seconds, why, word);
        th_buf_printf(&text, ", which is longer than this command waits (%g s)", stop->patience);
    } else if (seconds > most) {
        say(&text, seconds, why, word);
        th_buf_printf(&text, ", which is longer than %s allows (%g s)",
                      request->account ? "max_wait of the account" : "max_wait", most);
    } else if (until && asked + seconds > most) {
        say(&text, seconds, why, word);
        th_buf_printf(&text, " and has refused this request for %.0f s already; %s allows %g s",
                      asked, request->account ? "max_wait of the account" : "max_wait", most);
    } else if (stopping && stop->drain_ends && until > stop->drain_ends) {
        say(&text, seconds, why, word);
        th_buf_puts(&text, ", and the run is stopping");
    } else if (stop->deadline && request->timed && until > stop->deadline + (begun ? drain : 0)) {
        say(&text, seconds, why, word);
        th_buf_printf(&text, ", which is past the deadline (%s)", stop->deadline_text);
    } else {
        tell(request, seconds, until, why, word);
        return true;
    }
    th_fail(err, TH_RATE_LIMITED, "%s",
            text.data ? text.data : "the platform asks for a long wait");
    th_error_set_code(err, "long_wait");
    th_buf_close(&text);
    return false;
}
