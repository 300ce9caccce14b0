/*
 * The runtime: one libuv loop, one Lua state, one scheduler. It runs a script to its end, drains
 * what is in flight, and closes everything in the order that each part needs.
 *
 *   first SIGINT or SIGTERM   nothing new is admitted; what is in flight ends and is recorded
 *   second                    everything is cancelled; so it is when draining takes too long, see stop.h
 */
#ifndef TH_RUNTIME_H
#define TH_RUNTIME_H

#include <lua.h>
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "base/timer.h"
#include "runtime/exit.h"
#include "runtime/guest.h"
#include "runtime/record.h"
#include "runtime/report.h"
#include "runtime/script.h"
#include "runtime/stop.h"
#include "runtime/terminal.h"
#include "sandbox/sandbox.h"
#include "task/task.h"

typedef struct th_runtime th_runtime;

typedef struct th_runtime_options {
    const char *config; /* NULL: looked for in the usual places */
    const char *ledger; /* NULL: the default path */
    bool dry_run;
    bool sandbox;
    const char *sandbox_spec; /* "" or NULL: defaults */
    enum th_log_level log_level;
    bool log_json;
    bool patient;         /* a command: nobody is told that it is busy for long */
    double drain_seconds; /* what is under way has so long after a stop; 0: TH_DRAIN_SECONDS */
    size_t max_memory;    /* bytes that the Lua state may take; 0: no limit */
    lua_Alloc allocator;  /* where its memory comes from; NULL: the C library */
    void *allocator_ctx;
    /* Makes what scripts find by require. Leaves the stack as it was; may raise. */
    void (*open_library)(lua_State *L);
} th_runtime_options;

/* The parts of a run. Each owns its state and says in its own header what it offers; hand on the part
 * and not the run where the part is all that is needed. */
struct th_runtime {
    th_runtime_options options; /* strings borrowed from the command line */
    uv_loop_t loop;
    bool turning; /* inside uv_run */
    bool ended;   /* the script is over: what lua_close runs finds nothing to work with */
    lua_State *L;
    th_sched *sched;
    th_timers *timers;
    th_terminal terminal;
    th_stop stop;
    th_script script;
    th_record record;
    th_guests guests;
    th_verdict verdict;
    th_sandbox *sandbox;  /* NULL without --sandbox */
    char *sandbox_limits; /* owned; NULL: the documented ones */
};

/* Everything but the script. On failure err says what to do and nothing is left to destroy. */
int th_runtime_create(const th_runtime_options *options, th_runtime **out, th_error *err);
/* Closes guests, ledger, loop and state; returns non-zero when the ledger could not be written.
 * *stuck (may be NULL) becomes true when a call that the script has started on a thread of libuv
 * does not end: the process can then only be left by _exit. */
int th_runtime_destroy(th_runtime *runtime, bool *stuck);

/* Runs the script as the main task, to the end of all tasks. Reports on standard error what it
 * cannot load, and an uncaught error. Returns the exit status. */
int th_runtime_run(th_runtime *runtime, const th_script *script);

th_runtime *th_runtime_of(lua_State *L);

#endif
