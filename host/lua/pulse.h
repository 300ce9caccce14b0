/*
 * Where the main thread is, for the watchdog: written at each turn and each switch between
 * coroutines, so it has to cost next to nothing. Only the main thread writes, also its signal
 * handler.
 */
#ifndef TH_PULSE_H
#define TH_PULSE_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct th_pulse {
    _Atomic(lua_State *) running; /* whose code runs now; NULL: the host has control */
    atomic_uint turns;            /* of the scheduler */
    atomic_bool armed;            /* the watchdog wants to hear from whatever code runs */
    void (*hook)(lua_State *L); /* the watchdog's: called before code of L runs while it is armed */
    void *watchdog;             /* NULL: nobody watches, or does any more */
} th_pulse;

static inline void th_pulse_turn(th_pulse *pulse)
{
    unsigned turns = atomic_load_explicit(&pulse->turns, memory_order_relaxed);
    atomic_store_explicit(&pulse->turns, turns + 1, memory_order_relaxed);
}

/* From here on code of L runs; NULL: none. Returns whose it was before. */
static inline lua_State *th_pulse_enter(th_pulse *pulse, lua_State *L)
{
    lua_State *before = atomic_load_explicit(&pulse->running, memory_order_relaxed);
    atomic_store_explicit(&pulse->running, L, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&pulse->armed, memory_order_relaxed)) {
        if (L)
            pulse->hook(L);
        else
            atomic_store_explicit(&pulse->armed, false, memory_order_relaxed);
    }
    return before;
}

#endif
