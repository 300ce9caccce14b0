/* What scripts see of tasks: spawn, await, cancel, sleep, and the two waits that the library's Lua
 * half builds on (join: several tasks, with a deadline). */
#include "task/impl.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lua/error.h"

#define TASK_TYPE "trunkhost.task"

/* --- sleep ------------------------------------------------------------------------------------ */

struct sleep_op {
    th_sched *sched;
    th_timer timer;
    th_waker waker;
    double seconds;
};

static void sleep_due(th_timer *timer)
{
    struct sleep_op *op = timer->ctx;
    th_task_wake(op->sched, op->waker);
}

static void sleep_cancel(void *ptr)
{
    struct sleep_op *op = ptr;
    th_timer_stop(op->sched->timers, &op->timer);
}

static void sleep_release(void *ptr)
{
    sleep_cancel(ptr);
    free(ptr);
}

static bool sleep_interrupt(void *ptr)
{
    sleep_cancel(ptr);
    return true;
}

static void sleep_describe(const void *ptr, th_buf *out)
{
    th_buf_printf(out, "%g s", ((const struct sleep_op *)ptr)->seconds);
}

static const struct th_wait_ops sleep_ops = {.name = "sleep",
                                             .cancel = sleep_cancel,
                                             .release = sleep_release,
                                             .interrupt = sleep_interrupt,
                                             .describe = sleep_describe};

static int sleep_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_task_release(L);
    th_task_admit(L, "sleep");
    return 0;
}

static uint64_t check_seconds(lua_State *L, int arg)
{
    lua_Number seconds = luaL_checknumber(L, arg);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e9, arg, "seconds must be 0 or more");
    return (uint64_t)(seconds * 1e9);
}

/* trunkhost.sleep(seconds) */
static int lua_sleep(lua_State *L)
{
    uint64_t ns = check_seconds(L, 1);
    th_task_may_wait(L, "sleep");
    th_task_admit(L, "sleep");
    struct sleep_op *op = calloc(1, sizeof *op);
    if (!op)
        return luaL_error(L, "not enough memory");
    op->sched = th_sched_of(L);
    op->seconds = (double)ns / 1e9;
    th_task_attach(L, &sleep_ops, op);
    op->waker = th_task_waker(L);
    if (th_timer_start(op->sched->timers, &op->timer, ns, sleep_due, op) != 0)
        return luaL_error(L, "not enough memory");
    return th_task_park(L, 0, sleep_done);
}

/* --- join ------------------------------------------------------------------------------------- */

struct join_op {
    th_sched *sched;
    th_waker waker;
    th_timer deadline;
    size_t count, left;
    bool all;      /* wait for every one of them, whatever becomes of it */
    size_t failed; /* 1-based place of the first task that did not return; 0 = none */
    bool timed_out;
    struct th_watch watches[];
};

static void join_ended(struct th_watch *watch)
{
    struct join_op *op = watch->ctx;
    op->left--;
    if (watch->task->end != TH_END_RETURNED && !op->failed)
        op->failed = (size_t)(watch - op->watches) + 1;
    watch->task = NULL;
    if ((op->failed && !op->all) || op->left == 0)
        th_task_wake(op->sched, op->waker);
}

static void join_deadline(th_timer *timer)
{
    struct join_op *op = timer->ctx;
    op->timed_out = true;
    th_task_wake(op->sched, op->waker);
}

static void join_cancel(void *ptr)
{
    struct join_op *op = ptr;
    th_timer_stop(op->sched->timers, &op->deadline);
    for (size_t i = 0; i < op->count; i++)
        th_task_unwatch(&op->watches[i]);
}

static void join_release(void *ptr)
{
    join_cancel(ptr);
    free(ptr);
}

static void join_describe(const void *ptr, th_buf *out)
{
    const struct join_op *op = ptr;
    th_buf_printf(out, "%zu of %zu tasks", op->left, op->count);
}

static const struct th_wait_ops join_ops = {.name = "other tasks",
                                            .cancel = join_cancel,
                                            .release = join_release,
                                            .describe = join_describe,
                                            .internal = true};
/* With a deadline the clock can end the wait: not a deadlock. */
static const struct th_wait_ops join_deadline_ops = {.name = "other tasks",
                                                     .cancel = join_cancel,
                                                     .release = join_release,
                                                     .describe = join_describe};

th_task *th_task_check(lua_State *L, int arg)
{
    th_task **handle = luaL_checkudata(L, arg, TASK_TYPE);
    if (!*handle)
        luaL_error(L, "the run has ended");
    return *handle;
}

/* Attaches an operation that watches the tasks; returns it, already complete or not. */
static struct join_op *join_attach(lua_State *L, size_t count, bool deadline)
{
    struct join_op *op = calloc(1, sizeof *op + count * sizeof op->watches[0]);
    if (!op)
        luaL_error(L, "not enough memory");
    op->sched = th_sched_of(L);
    op->count = op->left = count;
    th_task_attach(L, deadline ? &join_deadline_ops : &join_ops, op);
    op->waker = th_task_waker(L);
    return op;
}

static void join_add(struct join_op *op, size_t i, th_task *task)
{
    op->watches[i].ctx = op;
    op->watches[i].ended = join_ended;
    if (task->state == TH_TASK_DONE) {
        task->observed = true;
        op->watches[i].task = task;
        join_ended(&op->watches[i]);
    } else {
        th_task_watch(task, &op->watches[i]);
    }
}

static int join_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct join_op *op = th_task_op(L);
    size_t failed = op->failed;
    bool timed_out = op->timed_out && !failed && op->left > 0;
    th_task_release(L);
    if (timed_out) {
        lua_pushliteral(L, "timeout");
        return 1;
    }
    if (failed) {
        lua_pushliteral(L, "failed");
        lua_pushinteger(L, (lua_Integer)failed);
        return 2;
    }
    lua_pushliteral(L, "done");
    return 1;
}

/* join(tasks, seconds?, all?) → "done" | "failed", place | "timeout". Returns at the first task
 * that fails; with `all` when every one has ended. */
static int lua_join(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    bool deadline = !lua_isnoneornil(L, 2);
    uint64_t ns = deadline ? check_seconds(L, 2) : 0;
    size_t count = (size_t)luaL_len(L, 1);
    th_task_may_wait(L, "wait for tasks");
    for (size_t i = 1; i <= count; i++) { /* before anything is attached: this may raise */
        lua_rawgeti(L, 1, (lua_Integer)i);
        th_task_check(L, -1);
        lua_pop(L, 1);
    }
    struct join_op *op = join_attach(L, count, deadline);
    op->all = lua_toboolean(L, 3);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        join_add(op, i, th_task_check(L, -1));
        lua_pop(L, 1);
    }
    if ((op->failed && !op->all) || op->left == 0)
        return join_done(L, LUA_OK, 0);
    if (deadline && th_timer_start(op->sched->timers, &op->deadline, ns, join_deadline, op) != 0)
        return luaL_error(L, "not enough memory");
    return th_task_park(L, 0, join_done);
}

/* --- the handle ------------------------------------------------------------------------------- */

/* Returns the task's results, or raises its error in the running task. */
static int deliver(lua_State *L, th_task *task)
{
    task->observed = true;
    if (task->end == TH_END_RETURNED) {
        int count = lua_gettop(task->co);
        luaL_checkstack(L, count, "too many results");
        for (int i = 1; i <= count; i++)
            lua_pushvalue(task->co, i), lua_xmove(task->co, L, 1);
        return count;
    }
    if (task->end == TH_END_CANCELLED) {
        th_error err = {0};
        th_fail(&err, TH_CANCELLED, "the task was cancelled");
        return th_error_raise(L, &err);
    }
    lua_pushvalue(task->co, -1);
    lua_xmove(task->co, L, 1); // error
    if (th_task_current(L))
        th_task_carry(L, -1, task->traceback);
    return lua_error(L);
}

static int await_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_task_release(L);
    return deliver(L, th_task_check(L, 1));
}

/* task:await() */
static int task_await(lua_State *L)
{
    th_task *task = th_task_check(L, 1);
    th_task *self = th_task_current(L);
    luaL_argcheck(L, task != self, 1, "a task cannot await itself");
    if (task->state == TH_TASK_DONE)
        return deliver(L, task);
    th_task_may_wait(L, "await a task");
    struct join_op *op = join_attach(L, 1, false);
    join_add(op, 0, task);
    return th_task_park(L, 0, await_done);
}

/* task:cancel() → whether there was something to cancel */
static int task_cancel(lua_State *L)
{
    th_task *task = th_task_check(L, 1);
    bool live = task->state != TH_TASK_DONE;
    task->observed = true;
    th_task_cancel(task);
    lua_pushboolean(L, live);
    return 1;
}

/* traceback(task) → where it failed, nil when it did not */
static int lua_traceback(lua_State *L)
{
    lua_pushstring(L, th_task_check(L, 1)->traceback);
    return 1;
}

/* task:done() */
static int task_is_done(lua_State *L)
{
    lua_pushboolean(L, th_task_check(L, 1)->state == TH_TASK_DONE);
    return 1;
}

static int task_gc(lua_State *L)
{
    th_task **handle = luaL_checkudata(L, 1, TASK_TYPE);
    if (*handle) {
        th_task *task = *handle;
        *handle = NULL;
        th_task_handle_gone(task);
    }
    return 0;
}

static int task_tostring(lua_State *L)
{
    static const char *const ends[] = {"running", "returned", "failed", "cancelled"};
    const th_task *task = th_task_check(L, 1);
    lua_pushfstring(L, "task %d (%s, spawned at %s)", (int)task->slot, ends[task->end],
                    task->spawned_at[0] ? task->spawned_at : "the start");
    return 1;
}

th_task *th_task_spawn_handle(lua_State *L, int nargs)
{
    /* The handle first: a task that nobody was told of would go on by itself. */
    th_task **handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = NULL;
    luaL_setmetatable(L, TASK_TYPE);
    lua_insert(L, -nargs - 2); // handle fn arguments…
    *handle = th_task_spawn(L, nargs, NULL);
    (*handle)->handle = handle;
    return *handle;
}

/* trunkhost.spawn(fn, …) → task */
static int lua_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    th_task_admit(L, "spawn a task");
    th_task_spawn_handle(L, lua_gettop(L) - 1);
    return 1;
}

/* admit(flag): work that was admitted may finish after a stop was asked for. */
static int lua_admit(lua_State *L)
{
    if (!th_task_current(L))
        return luaL_error(L, "only a task can be admitted");
    th_task_set_admitted(L, lua_toboolean(L, 1));
    return 0;
}

/* trace(error) → error: a message handler that remembers where the error was raised, for the
 * traceback of the task that raises it again */
static int lua_trace(lua_State *L)
{
    lua_settop(L, 1);
    if (th_task_current(L)) {
        luaL_traceback(L, L, NULL, 1); // error text
        th_task_carry(L, 1, lua_tostring(L, 2));
        lua_settop(L, 1);
    }
    return 1;
}

void th_task_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"await", task_await}, {"cancel", task_cancel}, {"done", task_is_done}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"spawn", lua_spawn}, {"sleep", lua_sleep},
                                         {"join", lua_join},   {"admit", lua_admit},
                                         {"trace", lua_trace}, {"traceback", lua_traceback},
                                         {NULL, NULL}};
    luaL_newmetatable(L, TASK_TYPE); // module meta
    lua_pushcfunction(L, task_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, task_tostring);
    lua_setfield(L, -2, "__tostring");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1); // module
    luaL_setfuncs(L, functions, 0);
}
