/* What the watchdog's thread (watchdog.c) and its hook on the main thread (watchdog_hook.c) share;
 * nobody else includes this. */
#ifndef TH_WATCHDOG_IMPL_H
#define TH_WATCHDOG_IMPL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <uv.h>

#include "lua/pulse.h"
#include "runtime/stop.h"
#include "runtime/watchdog.h"

struct th_watchdog {
    th_stop *stop;
    th_pulse *pulse;
    pthread_t main, thread;
    struct sigaction before;

    /* The thread's own. Times in milliseconds where nothing else is said. */
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick, soon;
    uv_signal_t signals[3];
    uint64_t ticked; /* nanoseconds */
    unsigned turns;  /* at the last tick */
    unsigned turns_at_signal;
    bool patient;
    bool asked;     /* SIGUSR1 */
    uint64_t stood; /* so long the loop has not turned */
    uint64_t next_interrupt;
    unsigned told;     /* how often that was said */
    uint64_t armed_at; /* nanoseconds */
    bool told_standing, said_stuck;
    unsigned stops_here; /* of `stops`, those that came since the loop has turned last */

    /* From the thread to the hook. */
    atomic_bool pending; /* the hook has not answered; cleared by it */
    atomic_bool report;  /* it shall name the line */
    atomic_bool stalled; /* so long that a run which is to stop may interrupt it */
    atomic_uint stood_ms;
    atomic_uint stops; /* SIGINT and SIGTERM so far */
    atomic_int last_stop;
    atomic_bool quit;

    /* Between the thread and the main thread's signal handler. */
    atomic_bool asks_place, place_noted;
    char place[200];

    /* The hook's own. */
    unsigned raised; /* interrupts since code of the script was left last */
    unsigned spared; /* instructions of the library that were let pass */
};

/* Makes the state call the hook at its next instruction. */
void th_watchdog_hook(lua_State *L);

#endif
