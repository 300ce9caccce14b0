#include "call/stop_request.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "runtime/runtime.h"

#define NS_PER_SECOND 1e9

void th_stop_note(lua_State *L, struct th_stop_request *request)
{
    request->stop = &th_runtime_of(L)->stop;
    request->admitted = th_task_admitted(L);
    request->timed = th_task_timed(L);
    request->begun = request->admitted && (th_task_item(L) == 0 || th_task_acted(L));
}

static bool past_deadline(const struct th_stop_request *request)
{
    return request->stop->deadline_passed && request->timed;
}

static bool give_back(const struct th_stop_request *request, th_error *err)
{
    const th_stop *stop = request->stop;
    if (stop->phase != TH_PHASE_RUN)
        th_fail(err, TH_CANCELLED, "the run is stopping; this request was not sent");
    else
        th_fail(err, TH_CANCELLED, "the deadline (%s) has come; this request was not sent",
                stop->deadline_text);
    return false;
}

bool th_stop_may_begin(const struct th_stop_request *request, bool write, th_error *err)
{
    bool deadline = past_deadline(request);
    bool stopping = request->stop->phase != TH_PHASE_RUN || deadline;
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

void th_stop_tell_pause(const th_stop *stop, const char *name, uint64_t *told, uint64_t until,
                        const th_window *window)
{
    char clock[64];
    uint64_t now = th_timers_now(stop->timers);
    double seconds = until > now ? (double)(until - now) / NS_PER_SECOND : 0;
    int least = *told ? TH_LONG_PAUSE_SECONDS : TH_LONG_WAIT_SECONDS;
    if (seconds < least || until <= *told + (uint64_t)NS_PER_SECOND)
        return;
    *told = until;
    if (!stop->quiet)
        th_log(stop->terminal, TH_LOG_INFO, NULL, 0,
               "%s: waiting %s for its own rate limit (%u request%s in %g s)", name,
               clock_text(seconds, clock), window->requests, window->requests == 1 ? "" : "s",
               window->seconds);
}

static void tell(const struct th_stop_request *request, double seconds, uint64_t until,
                 const char *why, const char *word)
{
    th_buf text = {0};
    if (seconds < TH_LONG_WAIT_SECONDS || !request->told ||
        until <= *request->told + (uint64_t)NS_PER_SECOND)
        return;
    *request->told = until;
    if (request->stop->quiet)
        return;
    say(&text, seconds, why, word);
    th_log(request->stop->terminal, TH_LOG_INFO, NULL, 0, "%s%s%s",
           request->account ? request->account : "", request->account ? ": " : "",
           text.data ? text.data : "a long wait");
    th_buf_close(&text);
}

bool th_stop_may_wait(const struct th_stop_request *request, bool begun, uint64_t since,
                      uint64_t until, const char *why, const char *word, th_error *err)
{
    const th_stop *stop = request->stop;
    uint64_t now = th_timers_now(stop->timers);
    double seconds = until > now ? (double)(until - now) / NS_PER_SECOND : 0;
    double asked = since && now > since ? (double)(now - since) / NS_PER_SECOND : 0;
    double most = request->max_wait > 0 ? request->max_wait : TH_MAX_WAIT_SECONDS;
    bool stopping = stop->phase != TH_PHASE_RUN || past_deadline(request);
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
