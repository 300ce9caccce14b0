/*
 * A nursery: a scope that tasks cannot outlive. It is a to-be-closed variable of the task that made
 * it; closing it waits for its children, and cancels them first when the scope ends with an error.
 * The first child that fails cancels the others, and its error ends the wait that the scope's own
 * task is in and every further one, until the scope has ended with it.
 *
 * The children are bound: when the scope's task fails or is cancelled as a whole, the scheduler
 * ends them before it closes any of that task's variables.
 */
#include "task/impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/error.h"

#define NURSERY_TYPE "trunkhost.nursery"

struct th_nursery {
    th_sched *sched;
    uint32_t owner_slot;
    uint64_t owner_serial; /* 0 once closed */
    unsigned scope;        /* as th_task_throw counts them */
    struct member *members;
    size_t live;
    bool closing; /* waits for the children: no need to interrupt the scope */
    bool failed;
    int error_ref;   /* the place for the error of the first child that fails */
    char *traceback; /* owned */
    struct wait_op *waiting;
};

/* A child that has not ended; owned by its nursery. */
struct member {
    struct th_watch watch;
    struct th_nursery *nursery;
    struct member *next, *prev;
};

/* Somebody who waits for the last child; owned by that task. */
struct wait_op {
    struct th_nursery *nursery; /* NULL once it is gone */
    th_sched *sched;
    th_waker waker;
};

static void member_remove(struct member *member)
{
    struct th_nursery *nursery = member->nursery;
    if (member->prev)
        member->prev->next = member->next;
    else
        nursery->members = member->next;
    if (member->next)
        member->next->prev = member->prev;
    nursery->live--;
    free(member);
}

/* The task of the scope; NULL when the scope or the task has ended. */
static th_task *owner_of(const struct th_nursery *nursery)
{
    th_task *task = nursery->sched->slots[nursery->owner_slot];
    bool there = task && task->serial == nursery->owner_serial && task->state != TH_TASK_DONE;
    return there ? task : NULL;
}

static void cancel_members(struct th_nursery *nursery)
{
    for (struct member *member = nursery->members; member; member = member->next)
        th_task_cancel(member->watch.task);
}

static void member_ended(struct th_watch *watch)
{
    struct member *member = watch->ctx;
    struct th_nursery *nursery = member->nursery;
    const th_task *task = watch->task;
    lua_State *L = nursery->sched->L;
    bool first = task->end == TH_END_FAILED && !nursery->failed;
    member_remove(member);
    if (first) {
        nursery->failed = true;
        nursery->traceback = strdup(task->traceback ? task->traceback : "");
        lua_pushvalue(task->co, -1);
        lua_xmove(task->co, L, 1); // error
        th_slot_set(L, nursery->error_ref, -1);
        cancel_members(nursery);
        th_task *owner = owner_of(nursery);
        if (owner && !nursery->closing)
            th_task_throw(owner, L, -1, nursery->traceback, nursery->scope);
        lua_pop(L, 1);
    }
    if (nursery->live == 0 && nursery->waiting)
        th_task_wake(nursery->sched, nursery->waiting->waker);
}

/* --- waiting for the children ----------------------------------------------------------------- */

static void wait_cancel(void *ptr)
{
    struct wait_op *op = ptr;
    if (op->nursery)
        op->nursery->waiting = NULL;
    op->nursery = NULL;
}

static void wait_release(void *ptr)
{
    wait_cancel(ptr);
    free(ptr);
}

static void wait_describe(const void *ptr, th_buf *out)
{
    const struct wait_op *op = ptr;
    if (op->nursery)
        th_buf_printf(out, "%zu tasks", op->nursery->live);
}

/* An outer nursery has failed: the scope is to end, but not before the children. */
static void wait_hurry(void *ptr)
{
    const struct wait_op *op = ptr;
    if (op->nursery)
        cancel_members(op->nursery);
}

static const struct th_wait_ops wait_ops = {.name = "the tasks of a nursery",
                                            .cancel = wait_cancel,
                                            .release = wait_release,
                                            .describe = wait_describe,
                                            .hurry = wait_hurry,
                                            .internal = true};

static struct th_nursery *check_nursery(lua_State *L)
{
    return luaL_checkudata(L, 1, NURSERY_TYPE);
}

/* All children have ended; `errored`: the scope ends with an error of its own, which then goes on.
 */
static int all_ended(lua_State *L, struct th_nursery *nursery, bool errored)
{
    nursery->closing = nursery->owner_serial == 0;
    th_task_unthrow(th_task_current(L), nursery->scope);
    if (errored)
        return 0;
    if (!nursery->failed) {
        th_task_raise_thrown(L); /* of an outer one */
        return 0;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, nursery->error_ref);
    th_task_carry(L, -1, nursery->traceback);
    return lua_error(L);
}

static int waited(lua_State *L, int status, lua_KContext errored)
{
    (void)status;
    th_task_release(L);
    return all_ended(L, check_nursery(L), errored);
}

static int wait_for_members(lua_State *L, struct th_nursery *nursery, bool errored)
{
    nursery->closing = true;
    if (nursery->live == 0)
        return all_ended(L, nursery, errored);
    if (th_task_current(L)->thrown)
        cancel_members(nursery);
    th_task_may_wait_still(L, "wait for the tasks of a nursery");
    struct wait_op *op = calloc(1, sizeof *op);
    if (!op)
        return luaL_error(L, "not enough memory");
    op->nursery = nursery;
    op->sched = nursery->sched;
    th_task_attach(L, &wait_ops, op);
    op->waker = th_task_waker(L);
    nursery->waiting = op;
    return th_task_park(L, errored, waited);
}

/* nursery:wait(): until every child has ended; raises the first error */
static int nursery_wait(lua_State *L)
{
    struct th_nursery *nursery = check_nursery(L);
    if (!owner_of(nursery) || owner_of(nursery) != th_task_current(L))
        return luaL_error(L, "only the task that made a nursery can wait for it, until it ends");
    return wait_for_members(L, nursery, false);
}

static int nursery_close(lua_State *L)
{
    struct th_nursery *nursery = check_nursery(L);
    bool errored = !lua_isnoneornil(L, 2);
    if (!nursery->owner_serial || !th_task_current(L))
        return 0;
    nursery->owner_serial = 0;
    th_task_current(L)->scopes--;
    if (errored)
        cancel_members(nursery);
    if (nursery->sched->resetting) {
        cancel_members(nursery); /* nothing can wait now; they end in this turn or the next */
        return 0;
    }
    if (!lua_isyieldable(L))
        cancel_members(nursery); /* the wait below says why it cannot be */
    return wait_for_members(L, nursery, errored);
}

/* --- children --------------------------------------------------------------------------------- */

/* nursery:spawn(fn, …) → task */
static int nursery_spawn(lua_State *L)
{
    struct th_nursery *nursery = check_nursery(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    th_task *owner = owner_of(nursery);
    if (!owner)
        return luaL_error(L, "this nursery has ended: a task would outlive it");
    if (nursery->failed) {
        th_error err = {0};
        th_fail(&err, TH_CANCELLED, "a task of this nursery has failed: it starts no other");
        return th_error_raise(L, &err);
    }
    th_task_admit(L, "spawn a task");
    th_task *task = th_task_spawn_handle(L, lua_gettop(L) - 2); // nursery handle
    struct member *member = calloc(1, sizeof *member);
    if (!member) {
        th_task_cancel(task);
        return luaL_error(L, "not enough memory");
    }
    member->nursery = nursery;
    member->next = nursery->members;
    if (member->next)
        member->next->prev = member;
    nursery->members = member;
    nursery->live++;
    member->watch.ctx = member;
    member->watch.ended = member_ended;
    th_task_watch(task, &member->watch);
    th_task_bind(task, owner);
    return 1;
}

/* nursery:cancel(): its children; the scope itself goes on */
static int nursery_cancel(lua_State *L)
{
    cancel_members(check_nursery(L));
    return 0;
}

static int nursery_live(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_nursery(L)->live);
    return 1;
}

static int nursery_gc(lua_State *L)
{
    struct th_nursery *nursery = check_nursery(L);
    for (struct member *member = nursery->members, *next; member; member = next) {
        next = member->next;
        th_task_unwatch(&member->watch);
        free(member);
    }
    nursery->members = NULL;
    if (nursery->waiting)
        nursery->waiting->nursery = NULL;
    luaL_unref(L, LUA_REGISTRYINDEX, nursery->error_ref);
    nursery->error_ref = LUA_NOREF;
    free(nursery->traceback);
    nursery->traceback = NULL;
    return 0;
}

/* nursery() → nursery, to be kept in a to-be-closed variable */
static int lua_nursery(lua_State *L)
{
    if (!th_task_current(L))
        return luaL_error(L, "a nursery needs a task");
    struct th_nursery *nursery = lua_newuserdatauv(L, sizeof *nursery, 0);
    th_task *owner = th_task_current(L);
    *nursery = (struct th_nursery){.sched = th_sched_of(L), .error_ref = LUA_NOREF};
    luaL_setmetatable(L, NURSERY_TYPE);
    nursery->error_ref = th_slot_create(L);
    th_task_expect(L);
    nursery->owner_slot = owner->slot;
    nursery->owner_serial = owner->serial;
    nursery->scope = ++owner->scopes;
    return 1;
}

void th_nursery_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"spawn", nursery_spawn},
                                       {"wait", nursery_wait},
                                       {"cancel", nursery_cancel},
                                       {"live", nursery_live},
                                       {NULL, NULL}};
    luaL_newmetatable(L, NURSERY_TYPE); // module meta
    lua_pushcfunction(L, nursery_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, nursery_close);
    lua_setfield(L, -2, "__close");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1); // module
    lua_pushcfunction(L, lua_nursery);
    lua_setfield(L, -2, "nursery");
}
