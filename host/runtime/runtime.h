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
#include "call/stop.h"
#include "ledger/ledger.h"
#include "ledger/lock.h"
#include "ledger/view.h"
#include "lua/memory.h"
#include "runtime/report.h"
#include "runtime/script.h"
#include "runtime/terminal.h"
#include "runtime/watchdog.h"
#include "sandbox/sandbox.h"
#include "task/task.h"
#include "wire/proxy.h"
#include "wire/transfer.h"

enum th_exit {
    TH_EXIT_OK = 0,
    TH_EXIT_FAILED = 1,
    TH_EXIT_ERROR = 2,
    TH_EXIT_HALTED = 3,
    TH_EXIT_LOCKED = 75, /* another run holds the lock of an account */
};

enum th_phase { TH_PHASE_RUN, TH_PHASE_DRAIN, TH_PHASE_CANCEL };

typedef struct th_account th_account;
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
} th_runtime_options;

/* Somebody types at a prompt (-i): Ctrl-C is for what was typed, and an error that no task awaits
 * is told and ends nothing. */
typedef struct th_session {
    /* SIGINT: whether that was all, or the run is to stop after all. */
    bool (*interrupt)(struct th_session *session);
} th_session;

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

    th_sandbox *sandbox;                        /* owned; NULL without --sandbox */
    char *sandbox_storage;                      /* owned */
    char *sandbox_limits;                       /* owned; NULL: the documented ones */
    th_account *accounts;                       /* owned list */
    th_client *web;                             /* of trunkhost.http; NULL until used */
    th_secret *proxy_secrets[TH_PROXY_SECRETS]; /* what no output may hold; references */
    size_t nproxy_secrets;

    uv_signal_t signals[3];
    int open_signals;
    /* What a binding keeps on the loop by itself; NULL: nothing was loaded that does. */
    bool (*loop_waits)(struct th_runtime *runtime); /* something there may still call the script */
    bool (*loop_close)(struct th_runtime *runtime); /* false: something does not end */
    bool loop_closing;                              /* nothing of the script is called any more */

    unsigned children; /* processes that were started and have not ended */

    th_session *session; /* borrowed; NULL: nobody types */
    enum th_phase phase;
    struct th_stop stop;
    unsigned stops_heard; /* SIGINT and SIGTERM that the loop has delivered */
    unsigned stops_taken; /* … that were acted upon, some before the loop could */
    bool warns;           /* warn("@on") */
    th_buf warning;       /* its pieces so far */
    bool turning;         /* inside uv_run */
    bool ended;           /* the script is over: what lua_close runs finds nothing to work with */
    bool turned_away;     /* something was refused or ended early because the run is stopping */
    bool exiting;         /* os.exit was called */
    int exit_status;      /* asked for by the script or a job */
};

/* Everything but the script. On failure err says what to do and nothing is left to destroy. */
int th_runtime_create(const th_runtime_options *options, th_runtime **out, th_error *err);
/* Closes accounts, ledger, loop and state; returns non-zero when the ledger could not be written.
 * *stuck (may be NULL) becomes true when a call that the script has started on a thread of libuv
 * does not end: the process can then only be left by _exit. */
int th_runtime_destroy(th_runtime *runtime, bool *stuck);

/* Runs the script as the main task, to the end of all tasks. Reports on standard error what it
 * cannot load, and an uncaught error. Returns the exit status. */
int th_runtime_run(th_runtime *runtime, const th_script *script);

/* Acts upon signals that the watchdog has counted and the loop, which does not turn, has not. */
void th_runtime_take_stops(th_runtime *runtime);

th_runtime *th_runtime_of(lua_State *L);

/* Raises a `cancelled` error when a stop was asked for and the running task is not one that may
 * finish. */
void th_runtime_admit(lua_State *L, const char *what);

/* --- runtime_ledger.c ------------------------------------------------------------------------- */

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

/* Scripts look this up with require: made by bindings/. Leaves the stack as it was. */
void th_library_open(lua_State *L);

#endif
