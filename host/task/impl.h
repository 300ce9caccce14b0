/* What the files of this folder share; nobody else includes this. */
#ifndef TH_TASK_IMPL_H
#define TH_TASK_IMPL_H

#include "task/task.h"

enum th_task_state { TH_TASK_READY, TH_TASK_RUNNING, TH_TASK_PARKED, TH_TASK_DONE };

enum th_task_end { TH_END_NONE, TH_END_RETURNED, TH_END_FAILED, TH_END_CANCELLED };

/* Somebody who wants to know when a task ends; a member of the waiting operation. */
struct th_watch {
    struct th_watch *next;
    th_task *task; /* NULL once told or withdrawn */
    void (*ended)(struct th_watch *watch);
    void *ctx;
};

struct th_task {
    th_sched *sched;
    lua_State *co;
    int co_ref; /* the one anchor of the coroutine; also keeps its results */
    uint32_t slot;
    uint64_t generation;
    uint64_t serial; /* of all tasks ever; slots are used again */
    enum th_task_state state;
    enum th_task_end end;
    bool woken_early;      /* the wake-up came before the park */
    bool cancel_requested; /* takes effect at the next wait */
    th_task **handle; /* the handle's userdata: somebody can still await; NULL when it is gone */
    bool observed;    /* its failure was delivered to somebody */
    bool admitted;
    bool bound;   /* of a nursery: ends before its parent does, also when the parent fails */
    bool failing; /* failed, and waits for its bound children to end */
    int64_t item; /* the ledger's row, 0: none */
    bool acted;   /* the item may have changed something */
    bool timed;   /* has the run's deadline */
    int nargs;    /* arguments for the first resume; 0 afterwards */

    const struct th_wait_ops *ops; /* of the attached operation */
    void *op;
    lua_KFunction woken; /* the continuation of the wait */

    /* An error from outside: raised by the wait that it has ended, and by every one that begins
     * until it is taken back. */
    bool thrown;
    int thrown_ref;        /* its place in the registry; there before anything is thrown */
    unsigned thrown_scope; /* of the nursery that it comes from */
    bool thrown_here;      /* it has ended the wait that is going on */
    unsigned scopes;       /* nurseries of this task that are open */

    /* Script coroutines between the task and its wait, innermost first. */
    lua_State **nest;
    size_t nnest, nest_cap;

    th_task *parent, *children, *sibling_next, *sibling_prev;
    th_task *queue_next;
    struct th_watch *watches;

    char *name;
    char spawned_at[96]; /* "rotate.lua:12" */
    char *spawn_trail;   /* where the parents were spawned, innermost first; owned, may be NULL */
    char *traceback;     /* after a failure; owned */
    char *carried;       /* traceback of a failure that await raised here; owned */
    int carried_ref;     /* … and the place of the value it belongs to */
};

struct th_sched {
    lua_State *L; /* the main thread: resumes, never yields */
    th_timers *timers;
    th_task **slots;
    uint32_t nslots, slots_cap;
    uint32_t *free_slots;
    uint32_t nfree;
    th_task *ready_first, *ready_last;
    size_t live, external_waits;
    struct th_sched_owner owner;
    th_task *running;
    unsigned blocked;     /* resumes on the C stack that cannot pass a yield on */
    bool resetting;       /* a cancelled coroutine's to-be-closed variables are running */
    bool in_callback;     /* the loop runs a function of the script, outside of any task */
    bool uncaught;        /* an error that no task can catch has ended the run */
    bool ending;          /* every task is being cancelled, also those that are spawned meanwhile */
    bool ended;           /* no task runs any more */
    bool draining;        /* the run is stopping */
    bool turned_away;     /* something was refused or ended early because of that */
    const char *deadline; /* borrowed: the one that has come; NULL: none has */
    bool interrupted;     /* the watchdog has made the running task yield, to be cancelled */
    int uncaught_ref;     /* its place in the registry, there from the start */
    char *uncaught_traceback;
    uint64_t generations;
    char memory_place[96]; /* where memory ran out first; "" */
    th_pulse pulse;
    lua_State *before_callback;
};

/* Its address is what a host wait yields. */
extern const char th_host_yield;

void th_task_watch(th_task *task, struct th_watch *watch);
void th_task_unwatch(struct th_watch *watch);
void th_task_handle_gone(th_task *task);
/* Makes the task a bound child of `parent`, whoever spawned it. */
void th_task_bind(th_task *task, th_task *parent);
/* Remembers where an error came from that the running task raises now: the value at idx, and the
 * traceback of the place where it was raised first (copied; NULL: none). */
void th_task_carry(lua_State *L, int idx, const char *traceback);
/* Makes room for what th_task_throw will keep for the running task: that must not fail. */
void th_task_expect(lua_State *L);
/* Raises the value at idx in the task: at once where it waits, else at its next wait; again at each
 * further one, since a pcall must not keep it, until the nursery takes it back. Nurseries of a task
 * are counted from 1, the outermost. The error of an outer one goes before that of an inner one. */
void th_task_throw(th_task *task, lua_State *L, int idx, const char *traceback, unsigned scope);
/* A place in the registry that holds false until something is put there, which takes no memory. */
int th_slot_create(lua_State *L);
/* Puts the value at idx there. */
void th_slot_set(lua_State *L, int slot, int idx);
void th_task_unthrow(th_task *task, unsigned scope);
/* Raises what was thrown, if anything was. */
void th_task_raise_thrown(lua_State *L);
/* As th_task_may_wait, also while a thrown error is pending: to wait for what must end first. */
void th_task_may_wait_still(lua_State *L, const char *what);

/* --- nest.c ----------------------------------------------------------------------------------- */
void th_nest_open(lua_State *L);
void th_nest_set_hosted(lua_State *L, lua_State *co, bool hosted);
int th_nest_push(lua_State *L, th_task *task, lua_State *co);
void th_nest_pop(lua_State *L, th_task *task);
bool th_nest_hosts(lua_State *L, lua_State *co);

/* --- queue.c ---------------------------------------------------------------------------------- */
/* Non-zero when memory runs out. */
int th_task_slot_take(th_sched *sched, th_task *task);
void th_task_slot_free(th_task *task);
void th_task_make_ready(th_task *task);
/* A parked task is parked no more. */
void th_task_park_ended(th_task *task);

/* --- wait.c ----------------------------------------------------------------------------------- */
void th_task_op_release(th_task *task);

/* --- end.c ------------------------------------------------------------------------------------ */
/* lua_closethread under the name that this Lua has it by; the code that it runs is L's. */
int th_thread_reset(th_sched *sched, lua_State *L);
void th_task_link(th_task *task, th_task *parent);
void th_task_unlink(th_task *task);
/* Frees a task that has ended and that nobody can name any more. */
void th_task_collect(th_task *task);
/* Nobody can catch this task's failure any more: the run ends with it. */
void th_task_set_uncaught(th_task *task);
void th_task_finish(th_task *task, enum th_task_end end);
void th_task_fail(th_task *task);
void th_task_finish_cancelled(th_task *task);

#endif
