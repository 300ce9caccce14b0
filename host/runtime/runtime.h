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
#include "ledger/ledger.h"
#include "ledger/lock.h"
#include "ledger/view.h"
#include "lua/memory.h"
#include "runtime/exit.h"
#include "runtime/guest.h"
#include "runtime/report.h"
#include "runtime/script.h"
#include "runtime/stop.h"
#include "runtime/terminal.h"
#include "runtime/watchdog.h"
#include "sandbox/sandbox.h"
#include "task/task.h"
#include "wire/proxy.h"

typedef struct th_runtime th_runtime;

typedef struct th_runtime_options {
    const char *config; /* NULL: looked for in the usual places */
    const char *ledger; /* NULL: the default path */
    bool dry_run;
    bool sandbox;
    const char *sandbox_spec; /* "" or NULL: defaults */
    enum th_log_level log_level;
    bool log_json;
    double drain_seconds; /* what is under way has so long after a stop; 0: TH_DRAIN_SECONDS */
    size_t max_memory;    /* bytes that the Lua state may take; 0: no limit */
    lua_Alloc allocator;  /* where its memory comes from; NULL: the C library */
    void *allocator_ctx;
    /* Makes what scripts find by require. Leaves the stack as it was; may raise. */
    void (*open_library)(lua_State *L);
} th_runtime_options;

struct th_runtime {
    th_runtime_options options; /* strings borrowed from the command line */
    uv_loop_t loop;
    lua_State *L;
    th_memory memory; /* of L */
    th_sched *sched;
    th_watchdog *watchdog;
    th_timers *timers;
    th_terminal terminal;

    th_ledger *ledger;    /* NULL until the first secret or record */
    char *ledger_path;    /* owned */
    char *ledger_folder;  /* owned: the temporary folder of a sandbox run, removed at the end */
    char run[40];         /* "20261120T031502Z-4f2a91": sorts by time */
    bool run_recorded;    /* its row is in the ledger, or on its way there */
    th_error run_error;   /* why it could not be recorded */
    char *resumed_from;   /* owned: the run that this one continues, or NULL */
    char *undoes;         /* owned: the run that this one takes back, or NULL */
    th_ledger_view *view; /* what is read of the ledger; NULL until then */
    th_lock **locks;      /* owned: of the accounts that this run may change */
    size_t nlocks;
    const char *script;   /* borrowed */
    const char *named;    /* the same, as it was named on the command line; borrowed */
    const char *code;     /* borrowed: the text of -e, or NULL */
    char script_hash[65]; /* "" until asked for */
    char *arguments;      /* owned, a JSON array */

    th_sandbox *sandbox;   /* owned; NULL without --sandbox */
    char *sandbox_storage; /* owned */
    char *sandbox_limits;  /* owned; NULL: the documented ones */
    th_guests guests;
    th_secret *proxy_secrets[TH_PROXY_SECRETS]; /* what no output may hold; references */
    size_t nproxy_secrets;

    uv_signal_t signals[3];
    int open_signals;
    th_stop stop;
    bool warns;      /* warn("@on") */
    th_buf warning;  /* its pieces so far */
    bool turning;    /* inside uv_run */
    bool ended;      /* the script is over: what lua_close runs finds nothing to work with */
    bool exiting;    /* os.exit was called */
    int exit_status; /* asked for by the script or a job */
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

/* --- ledger.c --------------------------------------------------------------------------------- */

/* The ledger, opened (and the run recorded in it) at first use. */
int th_runtime_ledger(th_runtime *runtime, th_ledger **out, th_error *err);
/* What is on disk there, to be looked at. */
int th_runtime_view(th_runtime *runtime, th_ledger_view **out, th_error *err);
/* Makes this process the one that changes the account, until its end. TH_CONFLICT with code
 * "locked" when there is another; see lock.h. */
int th_runtime_lock(th_runtime *runtime, const char *account, th_error *err);
void th_runtime_unlock(th_runtime *runtime, const char *account);
/* SHA-256 of the script's text, in hexadecimal; "" when it cannot be read any more. */
const char *th_runtime_script_hash(th_runtime *runtime);

/* For th_runtime_create and th_runtime_destroy. */
int th_runtime_choose_ledger(th_runtime *runtime, th_error *err);
/* Writes and closes everything; non-zero, and said, when something could not be written. */
int th_runtime_close_ledger(th_runtime *runtime);
/* Removes a sandbox's ledger, forgets where it was. */
void th_runtime_forget_ledger(th_runtime *runtime);

#endif
