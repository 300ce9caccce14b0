/*
 * Tasks: the script and everything that it spawns are coroutines that wait on transfers, timers,
 * the ledger and each other. One scheduler per runtime; nothing here knows what is waited for.
 *
 * The life of a wait, in a C function that Lua calls:
 *
 *     th_task_may_wait(L, "update a trunk");      // raises, before anything starts, where Lua cannot yield
 *     struct op *op = …;
 *     th_task_attach(L, &ops, op);                // from now on the task owns op
 *     … start it; op keeps th_task_waker(L) …
 *     return th_task_park(L, ctx, continuation);  // never returns by itself
 *
 * th_task_wake(sched, waker) makes the task ready; the continuation then runs, reads the result
 * from th_task_op(L) and calls th_task_release(L). When the task is cancelled instead,
 * ops->cancel(op) must make sure that no wake-up follows, and ops->release(op) frees it. An
 * operation that is still attached when an error leaves the continuation is released at the next
 * attach or with the task.
 *
 * A coroutine that waits is anchored in exactly one place: its task's registry reference.
 */
#ifndef TH_TASK_H
#define TH_TASK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/timer.h"
#include "lua/pulse.h"

typedef struct th_sched th_sched;
typedef struct th_task th_task;

/* Names one wait of one task; stale ones are recognised and ignored. */
typedef struct th_waker {
    uint32_t slot;
    uint64_t generation;
} th_waker;

struct th_wait_ops {
    const char *name;          /* "request", "sleep": for people */
    void (*cancel)(void *op);  /* only while parked; afterwards the op must not wake anybody */
    void (*release)(void *op); /* exactly once per attached op */
    void (*describe)(const void *op, th_buf *out); /* may be NULL */
    /* The run is stopping: ends the wait now if nothing irrevocable is under way, and says whether
     * it did. The continuation then runs and finds out with th_task_admit. NULL: never. */
    bool (*interrupt)(void *op);
    /* An error from outside waits for this task (see nursery.c): makes the wait end soon. NULL: the
     * wait ends at once, by that error. */
    void (*hurry)(void *op);
    bool request;  /* `interrupt` also where an admitted task's item has changed nothing yet */
    bool internal; /* waits for other tasks only: cannot wake by an outside event */
};

/* Whoever runs the scheduler, and what it is told. */
struct th_sched_owner {
    void *ctx;
    /* A task has become ready, wherever that happened. */
    void (*ready)(void *ctx);
    /* A task has ended for want of memory. */
    void (*no_memory)(void *ctx);
    /* Nobody can catch the error on top of L's stack (which stays there); what says whose it is. */
    void (*lost)(void *ctx, lua_State *L, const char *what);
};

/* From here on th_sched_of finds it, in L and all its coroutines. NULL: not enough memory. */
th_sched *th_sched_create(lua_State *L, th_timers *timers, const struct th_sched_owner *owner);
/* What the scheduler needs in Lua's registry. Raises when memory runs out. */
void th_sched_open(lua_State *L);
/* Cancels and releases whatever is left. Call before lua_close; afterwards nothing can be spawned
 * or waited for, but what lua_close still runs may ask. */
void th_sched_end(th_sched *sched);
/* Frees it, after th_sched_end and lua_close. */
void th_sched_free(th_sched *sched);
th_sched *th_sched_of(lua_State *L);
/* Its owner's ctx. */
void *th_sched_owner(const th_sched *sched);
/* What runs now, for the watchdog. */
th_pulse *th_sched_pulse(th_sched *sched);

/* Runs every task that is ready now (those that become ready meanwhile run in the next call).
 * Returns true when more are ready. */
bool th_sched_run(th_sched *sched);
/* Tasks that have not ended. */
size_t th_sched_live(const th_sched *sched);
/* True when live tasks exist, none is ready, and all wait for each other. */
bool th_sched_deadlocked(const th_sched *sched);
/* Cancels every task that has not ended. */
void th_sched_cancel_all(th_sched *sched);
/* One line per waiting task: who it is, where it was spawned, what it waits for. */
void th_sched_describe(const th_sched *sched, th_buf *out);

/* What ended the run: an error that no task can catch any more. Pushes its value and returns its
 * traceback (owned by the scheduler), or returns NULL and pushes nothing. */
bool th_sched_has_uncaught(const th_sched *sched);
const char *th_sched_uncaught(th_sched *sched, lua_State *L);
/* The line of the script that memory ran out at first; "" when it is not known. */
const char *th_sched_memory_place(const th_sched *sched);
/* It was told, and the run goes on. */
void th_sched_forget_uncaught(th_sched *sched);
/* Ends the run with the error on top of L's stack (popped), which no task has raised. Never raises
 * itself. */
void th_sched_fail(th_sched *sched, lua_State *L, const char *traceback);
/* Around a function of the script that the loop calls outside of any task. */
void th_sched_callback(th_sched *sched, bool inside);
/* After the last task has ended: makes failures that nobody looked at uncaught. */
void th_sched_settle(th_sched *sched);

/*
 * Makes a task of the function and its nargs arguments on top of L's stack (they are popped).
 * `name` is for people, may be NULL. The new task is a child of the running one and starts in a
 * later turn. Raises a Lua error only when memory runs out; then there is no task.
 */
th_task *th_task_spawn(lua_State *L, int nargs, const char *name);
/* The same, and pushes the handle: a userdata with await, cancel, done. */
th_task *th_task_spawn_handle(lua_State *L, int nargs);
/* The task of a handle at that place; raises an error for anything else. */
th_task *th_task_check(lua_State *L, int arg);
/* The running task, NULL outside of one. */
th_task *th_task_current(lua_State *L);
/* Appends " (task 3, spawned at rotate.lua:12)" for the running one; nothing for the script itself. */
void th_task_describe_running(const th_sched *sched, th_buf *out);
/* Whether the running task is to be cancelled at its next wait. */
bool th_task_cancelling(const th_sched *sched);
/* From a debug hook of the running code: the task yields, as if it waited, and is cancelled there. Does
 * nothing and returns false where it is not to be cancelled, or cannot yield. */
bool th_task_break_off(th_sched *sched, lua_State *L);
/* Cancels the task and its children: a parked one at once, the running one at its next wait. */
void th_task_cancel(th_task *task);
bool th_task_done(const th_task *task);

/* Raises "cannot <what> inside …" where the running code cannot yield, with the reason. */
void th_task_may_wait(lua_State *L, const char *what);
void th_task_attach(lua_State *L, const struct th_wait_ops *ops, void *op);
void *th_task_op(lua_State *L);
void th_task_release(lua_State *L);
/* The waker for the next park of the running task. */
th_waker th_task_waker(lua_State *L);
int th_task_park(lua_State *L, lua_KContext ctx, lua_KFunction k);
/* Ignored when that wait is over. Safe before the park, never resumes anything by itself. */
void th_task_wake(th_sched *sched, th_waker waker);

/* --- admit.c: a stop, and who may still finish ------------------------------------------------- */

/* The run is stopping: what was not admitted begins nothing new. Ends the waits (see `interrupt`) of
 * tasks that were not admitted, and requests of those whose item has changed nothing. */
void th_sched_drain(th_sched *sched);
/* The same for tasks with a deadline: it has come. `text` as people wrote it, borrowed; NULL: there
 * is none any more. */
void th_sched_set_deadline(th_sched *sched, const char *text);
/* Whether something was refused or ended early because the run is stopping. */
bool th_sched_turned_away(const th_sched *sched);
void th_sched_turn_away(th_sched *sched);
/* Whether the running task is to come to its end: the run is stopping, or its deadline has come. */
bool th_task_stopping(lua_State *L);
/* Raises a `cancelled` error where the running task is to come to its end and was not admitted. */
void th_task_admit(lua_State *L, const char *what);
/* Work that was admitted before a stop was asked for may finish: marks the running task (and what
 * it spawns) as such. */
void th_task_set_admitted(lua_State *L, bool admitted);
bool th_task_admitted(lua_State *L);
/* The running task, and what it spawns from then on, has the run's deadline. */
void th_task_set_timed(lua_State *L, bool timed);
bool th_task_timed(lua_State *L);

/* The item of a job that the running task works on, as the ledger numbers it; 0: none. Tasks that
 * it spawns from then on work on the same one. */
void th_task_set_item(lua_State *L, int64_t item);
int64_t th_task_item(lua_State *L);
/* The item may have changed something, from here on and for all tasks that work on it. */
void th_task_set_acted(lua_State *L);
bool th_task_acted(lua_State *L);

/* Lua functions: spawn, sleep, join, nursery, waiter, timeout; and
 * coroutine.resume/wrap/yield/close that let a host wait pass through a script's own coroutines.
 * Fields are set in the table at the top of the stack.
 */
void th_task_open(lua_State *L);
void th_nursery_open(lua_State *L);
void th_waiter_open(lua_State *L);
void th_coroutine_open(lua_State *L);

#endif
