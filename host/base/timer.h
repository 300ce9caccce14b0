/*
 * Timers: a heap over one uv_timer, so that a timer is a plain struct inside its owner, can be
 * stopped at once and needs no asynchronous close. With loop == NULL the clock stands still until
 * th_timers_advance(), which is how pacing is tested without waiting.
 */
#ifndef TH_TIMER_H
#define TH_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct th_timer th_timer;
typedef struct th_timers th_timers;
typedef void (*th_timer_cb)(th_timer *timer);

struct th_timer {
    uint64_t due;   /* ns on the timers' clock */
    uint64_t order; /* of starting: equal dues fire first come, first served */
    size_t slot;    /* place in the heap + 1; 0 when stopped */
    th_timer_cb cb;
    void *ctx; /* the owner's, not touched here */
};

/* With $TRUNKHOST_HASTE=N (1 to 1000) the clock of a build with tests runs N times as fast: what a
 * test waits for comes sooner, and everything keeps its order. Timeouts of transfers are libcurl's
 * and stay as long.
 *
 * loop may be NULL (manual clock, starting at 1 s). Returns NULL when memory runs out. The loop
 * stays alive while a timer runs. */
th_timers *th_timers_create(uv_loop_t *loop);
/* Stops every timer without calling it; NULL is fine. The uv handle closes on the next turn of the
 * loop; the struct frees itself then, so run the loop afterwards. */
void th_timers_destroy(th_timers *timers);

/* Monotonic nanoseconds; never cached. */
uint64_t th_timers_now(const th_timers *timers);

/* Calls cb once, `delay_ns` from now at the earliest, from the loop. Restarts a running timer. The
 * timer is stopped before cb runs, so cb may start it again or free it. Zeroed memory is a stopped
 * timer. Returns 0 or -1 when memory runs out. */
int th_timer_start(th_timers *timers, th_timer *timer, uint64_t delay_ns, th_timer_cb cb,
                   void *ctx);
void th_timer_stop(th_timers *timers, th_timer *timer);
static inline bool th_timer_active(const th_timer *timer)
{
    return timer->slot != 0;
}
/* Timers that are running. */
size_t th_timers_count(const th_timers *timers);

/* Manual clock only: moves time on and runs what became due, in order. */
void th_timers_advance(th_timers *timers, uint64_t ns);

#endif
