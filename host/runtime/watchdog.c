#include "runtime/watchdog.h"

#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "lua/place.h"
#include "runtime/exit.h"
#include "runtime/watchdog_impl.h"

/* Milliseconds. */
enum {
    TICK = 250,
    PATIENCE = 1000, /* so long the loop may stand */
    SOON = 100,      /* after a signal: a loop that turns has seen it by then */
    NO_ANSWER = 500, /* the hook of code that is busy runs at once, so this one stands in a call */
    STUCK = 2000,    /* … and does not get out of it when it is to be cancelled */
};

/* Milliseconds; more between two looks was spent stopped or asleep, with the rest of the process.
 */
static const uint64_t longest_gap = 500;

/* When it is said again, in seconds; then at each multiple of the last. */
static const unsigned again[] = {1, 10, 60, 600};

/* --- on the main thread ----------------------------------------------------------------------- */

/* The caller's place and what it has called, as far as that can be told without touching anything:
 * the interrupted code may be anywhere. Only where a C function is what runs the frames below it
 * are complete. */
static void note_place(th_watchdog *watchdog, lua_State *L)
{
    lua_Debug ar;
    char *text = watchdog->place;
    text[0] = '\0';
    if (!lua_getstack(L, 0, &ar) || !lua_getinfo(L, "Sn", &ar) || ar.what[0] != 'C')
        return;
    const char *name = ar.name ? ar.name : "a C function";
    size_t used = strlen(name);
    if (used + 4 >= sizeof watchdog->place)
        return;
    memcpy(text, name, used);
    memcpy(text + used, " at ", 5);
    if (!th_place_of_script(L, text + used + 4, sizeof watchdog->place - used - 4))
        text[used] = '\0';
}

/* SIGURG, which only the watchdog's thread sends like this. */
static void on_urgent(int number, siginfo_t *info, void *context)
{
    int problem = errno;
    (void)number;
    (void)context;
    if (info->si_code != SI_QUEUE || info->si_pid != getpid())
        return;
    th_watchdog *watchdog = info->si_value.sival_ptr;
    lua_State *L = atomic_load_explicit(&watchdog->pulse->running, memory_order_relaxed);
    if (!L)
        return;
    if (atomic_exchange(&watchdog->asks_place, false)) {
        note_place(watchdog, L);
        atomic_store(&watchdog->place_noted, true);
        uv_async_send(&watchdog->wake); /* async-signal-safe */
    } else {
        atomic_store_explicit(&watchdog->pulse->armed, true, memory_order_relaxed);
        th_watchdog_hook(L);
    }
    errno = problem;
}

/* --- on the watchdog's thread ----------------------------------------------------------------- */

static void interrupt_main(th_watchdog *watchdog)
{
    union sigval value = {.sival_ptr = watchdog};
    pthread_sigqueue(watchdog->main, SIGURG, value);
}

static uint64_t ms_since(uint64_t ns)
{
    return (uv_hrtime() - ns) / 1000000;
}

static void arm(th_watchdog *watchdog, bool report)
{
    if (report)
        atomic_store(&watchdog->report, true);
    if (!atomic_load(&watchdog->pending)) {
        watchdog->armed_at = uv_hrtime();
        watchdog->told_standing = false;
        atomic_store(&watchdog->stood_ms, (unsigned)watchdog->stood);
        atomic_store(&watchdog->pending, true);
    }
    interrupt_main(watchdog);
}

/* Not th_log: the main thread may be inside of that. One write is one line. */
static void say(th_watchdog *watchdog, const char *text)
{
    th_buf line = {0};
    if (th_log_line(watchdog->stop->terminal, TH_LOG_WARN, text, &line) &&
        write(STDERR_FILENO, line.data, line.len) < 0)
        watchdog->told_standing = true; /* nobody reads it: no reason to try again */
    th_buf_close(&line);
}

static void say_standing(th_watchdog *watchdog)
{
    th_buf text = {0};
    th_buf_printf(&text, "the script has been blocked for %.1f s", (double)watchdog->stood / 1000);
    if (watchdog->place[0])
        th_buf_printf(&text, " in %s", watchdog->place);
    th_buf_puts(&text, ", a call that stops everything else");
    if (watchdog->said_stuck)
        th_buf_puts(&text, ". It cannot be cancelled; SIGINT or SIGTERM once more ends the process "
                           "at once. The ledger keeps every password that was sent");
    if (text.data)
        say(watchdog, text.data);
    th_buf_close(&text);
    watchdog->told_standing = true;
}

/* Whether the main thread is in the script's code, and was there all the time since the last look.
 */
static bool stands_still(th_watchdog *watchdog)
{
    const th_pulse *pulse = watchdog->pulse;
    unsigned turns = atomic_load_explicit(&pulse->turns, memory_order_relaxed);
    bool same = turns == watchdog->turns &&
                atomic_load_explicit(&pulse->running, memory_order_relaxed) != NULL;
    watchdog->turns = turns;
    return same;
}

static void loop_turns(th_watchdog *watchdog)
{
    watchdog->stood = 0;
    watchdog->told = 0;
    watchdog->next_interrupt = PATIENCE;
    watchdog->said_stuck = false;
    atomic_store(&watchdog->pending, false);
}

static uint64_t next_report(unsigned told)
{
    unsigned last = sizeof again / sizeof again[0] - 1;
    return 1000ull * (told <= last ? again[told] : again[last] * (told - last + 1));
}

/* Whether the run is cancelled, or would be if the loop turned. At a prompt many signals may have
 * come before, each for something that has ended since. */
static bool is_cancelled(th_watchdog *watchdog)
{
    return atomic_load(&watchdog->stop->cancelled) ||
           (watchdog->stops_here >= 2 && watchdog->turns == watchdog->turns_at_signal);
}

static void look_at_unanswered(th_watchdog *watchdog)
{
    uint64_t waited = ms_since(watchdog->armed_at);
    bool stuck = is_cancelled(watchdog) && waited >= STUCK && !watchdog->said_stuck;
    if (waited < NO_ANSWER || (watchdog->told_standing && !stuck))
        return;
    watchdog->said_stuck |= stuck;
    atomic_store(&watchdog->asks_place, true);
    interrupt_main(watchdog);
}

static void on_tick(uv_timer_t *timer)
{
    th_watchdog *watchdog = timer->data;
    uint64_t gap = ms_since(watchdog->ticked);
    watchdog->ticked = uv_hrtime();
    if (!stands_still(watchdog)) {
        loop_turns(watchdog);
        return;
    }
    watchdog->stood += gap < longest_gap ? gap : longest_gap;
    bool report = !watchdog->patient && watchdog->stood >= next_report(watchdog->told);
    if (report)
        watchdog->told++;
    bool stopping =
        atomic_load(&watchdog->stops) > 0 && watchdog->stood >= watchdog->next_interrupt;
    if (stopping)
        watchdog->next_interrupt = watchdog->stood + PATIENCE;
    if (atomic_load(&watchdog->pending))
        look_at_unanswered(watchdog);
    if (report || stopping) {
        atomic_store(&watchdog->stalled, true);
        arm(watchdog, report);
    }
}

static void on_wake(uv_async_t *async)
{
    th_watchdog *watchdog = async->data;
    if (atomic_exchange(&watchdog->place_noted, false))
        say_standing(watchdog);
    if (!atomic_load(&watchdog->quit))
        return;
    uv_close((uv_handle_t *)&watchdog->wake, NULL);
    uv_close((uv_handle_t *)&watchdog->tick, NULL);
    uv_close((uv_handle_t *)&watchdog->soon, NULL);
    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&watchdog->signals[i], NULL);
}

/* A loop that turns has handled the signal by now. */
static void on_soon(uv_timer_t *timer)
{
    th_watchdog *watchdog = timer->data;
    const th_pulse *pulse = watchdog->pulse;
    if (atomic_load_explicit(&pulse->turns, memory_order_relaxed) == watchdog->turns_at_signal &&
        atomic_load_explicit(&pulse->running, memory_order_relaxed))
        arm(watchdog, watchdog->asked);
    watchdog->asked = false;
}

static void on_signal(uv_signal_t *handle, int number)
{
    th_watchdog *watchdog = handle->data;
    unsigned turns = atomic_load_explicit(&watchdog->pulse->turns, memory_order_relaxed);
    if (turns != watchdog->turns_at_signal)
        watchdog->stops_here = 0;
    watchdog->turns_at_signal = turns;
    if (number == SIGUSR1) {
        watchdog->asked = true;
    } else {
        watchdog->stops_here++;
        atomic_store(&watchdog->last_stop, number);
        atomic_fetch_add(&watchdog->stops, 1);
    }
    if (number != SIGUSR1 && watchdog->said_stuck) {
        say(watchdog, "again: ending at once. The next run looks up what was in progress");
        _exit(TH_EXIT_HALTED);
    }
    uv_timer_start(&watchdog->soon, on_soon, SOON, 0);
}

static void *watch(void *ctx)
{
    th_watchdog *watchdog = ctx;
    uv_run(&watchdog->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void open_handles(th_watchdog *watchdog)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    uv_loop_t *loop = &watchdog->loop;
    uv_async_init(loop, &watchdog->wake, on_wake);
    uv_timer_init(loop, &watchdog->tick);
    uv_timer_init(loop, &watchdog->soon);
    watchdog->wake.data = watchdog->tick.data = watchdog->soon.data = watchdog;
    uv_timer_start(&watchdog->tick, on_tick, TICK, TICK);
    for (int i = 0; i < 3; i++) {
        uv_signal_init(loop, &watchdog->signals[i]);
        watchdog->signals[i].data = watchdog;
        uv_signal_start(&watchdog->signals[i], on_signal, numbers[i]);
    }
}

/* Signals are for the main thread; this one is told through libuv. */
static int start_thread(th_watchdog *watchdog)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int th_watchdog_create(th_stop *stop, bool patient, th_watchdog **out, th_error *err)
{
    th_watchdog *watchdog = calloc(1, sizeof *watchdog);
    int rc = watchdog ? uv_loop_init(&watchdog->loop) : UV_ENOMEM;
    if (rc != 0) {
        free(watchdog);
        return th_fail(err, TH_INVALID, "cannot start the watchdog: %s", uv_strerror(rc));
    }
    watchdog->stop = stop;
    watchdog->patient = patient;
    watchdog->pulse = th_sched_pulse(stop->sched);
    watchdog->pulse->hook = th_watchdog_hook;
    watchdog->pulse->watchdog = watchdog;
    watchdog->main = pthread_self();
    watchdog->ticked = uv_hrtime();
    loop_turns(watchdog);
    open_handles(watchdog);
    struct sigaction action = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGURG, &action, &watchdog->before);
    rc = start_thread(watchdog);
    if (rc != 0) {
        atomic_store(&watchdog->quit, true);
        on_wake(&watchdog->wake);
        uv_run(&watchdog->loop, UV_RUN_DEFAULT);
        uv_loop_close(&watchdog->loop);
        sigaction(SIGURG, &watchdog->before, NULL);
        watchdog->pulse->watchdog = NULL;
        free(watchdog);
        return th_fail(err, TH_INVALID, "cannot start the watchdog: %s", strerror(rc));
    }
    *out = watchdog;
    return 0;
}

void th_watchdog_destroy(th_watchdog *watchdog)
{
    if (!watchdog)
        return;
    atomic_store(&watchdog->quit, true);
    uv_async_send(&watchdog->wake);
    pthread_join(watchdog->thread, NULL);
    uv_loop_close(&watchdog->loop);
    sigaction(SIGURG, &watchdog->before, NULL);
    watchdog->pulse->watchdog = NULL;
    free(watchdog);
}
