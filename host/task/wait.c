/* A task that waits: the operation that it owns, errors thrown into its wait, and places that
 * cannot wait. */
#include "task/impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/place.h"

const char th_host_yield = 0;

/* --- operations ------------------------------------------------------------------------------- */

void th_task_op_release(th_task *task)
{
    if (task->op) {
        const struct th_wait_ops *ops = task->ops;
        void *op = task->op;
        task->op = NULL;
        task->ops = NULL;
        ops->release(op);
    }
}

/* What was waited for before can wake nobody any more. */
static void new_wait(th_task *task)
{
    th_task_op_release(task);
    task->woken_early = false;
    task->generation = ++task->sched->generations;
}

void th_task_attach(lua_State *L, const struct th_wait_ops *ops, void *op)
{
    th_task *task = th_task_current(L);
    new_wait(task);
    task->ops = ops;
    task->op = op;
}

/* --- errors that come from outside ------------------------------------------------------------ */

int th_slot_create(lua_State *L)
{
    lua_pushboolean(L, 0);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void th_slot_set(lua_State *L, int slot, int idx)
{
    lua_pushvalue(L, idx);
    lua_rawseti(L, LUA_REGISTRYINDEX, slot);
}

static void make_slot(lua_State *L, int *slot)
{
    if (*slot == LUA_NOREF)
        *slot = th_slot_create(L);
}

static void carry(th_task *task, lua_State *L, int idx, const char *traceback)
{
    th_slot_set(L, task->carried_ref, idx);
    free(task->carried);
    task->carried = strdup(traceback ? traceback : "");
}

void th_task_carry(lua_State *L, int idx, const char *traceback)
{
    th_task *task = th_task_current(L);
    make_slot(L, &task->carried_ref);
    carry(task, L, idx, traceback);
}

void th_task_expect(lua_State *L)
{
    th_task *task = th_task_current(L);
    make_slot(L, &task->carried_ref);
    make_slot(L, &task->thrown_ref);
}

static void forget_thrown(th_task *task)
{
    lua_State *L = task->sched->L;
    lua_pushboolean(L, 0);
    lua_rawseti(L, LUA_REGISTRYINDEX, task->thrown_ref);
    task->thrown = false;
    task->thrown_here = false;
}

void th_task_raise_thrown(lua_State *L)
{
    th_task *task = th_task_current(L);
    if (!task->thrown)
        return;
    task->thrown_here = false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, task->thrown_ref);
    lua_error(L);
}

void th_task_throw(th_task *task, lua_State *L, int idx, const char *traceback, unsigned scope)
{
    if (task->state == TH_TASK_DONE || task->cancel_requested || task->failing)
        return;
    if (task->thrown && task->thrown_scope < scope)
        return;
    th_slot_set(L, task->thrown_ref, idx);
    task->thrown = true;
    task->thrown_scope = scope;
    carry(task, L, idx, traceback);
    if (task->state != TH_TASK_PARKED)
        return;
    if (task->op && task->ops->hurry) {
        task->ops->hurry(task->op);
        return;
    }
    task->thrown_here = true;
    if (task->op)
        task->ops->cancel(task->op);
    th_task_park_ended(task);
}

void th_task_unthrow(th_task *task, unsigned scope)
{
    if (task->thrown && task->thrown_scope == scope)
        forget_thrown(task);
}

/* --- waiting ---------------------------------------------------------------------------------- */

void *th_task_op(lua_State *L)
{
    return th_task_current(L)->op;
}

void th_task_release(lua_State *L)
{
    new_wait(th_task_current(L));
}

/* The task goes on: with what it waited for, or with the error that has ended the wait. */
static int park_over(lua_State *L, int status, lua_KContext ctx)
{
    th_task *task = th_task_current(L);
    if (task->thrown_here) {
        th_task_op_release(task);
        th_task_raise_thrown(L);
    }
    return task->woken(L, status, ctx);
}

int th_task_park(lua_State *L, lua_KContext ctx, lua_KFunction k)
{
    th_task_current(L)->woken = k;
    lua_pushlightuserdata(L, (void *)(uintptr_t)&th_host_yield);
    return lua_yieldk(L, 1, ctx, park_over);
}

/* What the wait would have to cross, for the message: the innermost C function below this one. */
static void push_obstacle(lua_State *L)
{
    lua_Debug ar;
    int top = lua_gettop(L);
    luaL_checkstack(L, 12, NULL);
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "nSf", &ar); // function
        if (ar.namewhat && strcmp(ar.namewhat, "metamethod") == 0) {
            lua_pushfstring(L, "the metamethod '__%s'", ar.name);
            return;
        }
        if (strcmp(ar.what, "C") == 0) {
            th_place_push_function(L);
            const char *name = lua_tostring(L, -1);
            if (name && strncmp(name, "_G.", 3) == 0)
                name += 3;
            if (!name || strcmp(name, "pcall") != 0) {
                lua_pushfstring(L, "'%s'", name ? name : ar.name ? ar.name : "a C function");
                return;
            }
        }
        lua_settop(L, top);
    }
    lua_pushliteral(L, "a C function");
}

void th_task_may_wait_still(lua_State *L, const char *what)
{
    th_sched *sched = th_sched_of(L);
    th_task *task = sched->running;
    if (!task && sched->in_callback)
        luaL_error(
            L,
            "cannot %s inside a callback of trunkhost.uv: it runs outside of any task. Start "
            "one there with trunkhost.spawn, or wait for the callback with trunkhost.await",
            what);
    if (!task)
        luaL_error(L, "cannot %s here: only a running script can wait", what);
    if (sched->resetting)
        luaL_error(L, "cannot %s while a task that has ended closes its variables", what);
    if (sched->blocked || !lua_isyieldable(L)) {
        push_obstacle(L);
        luaL_error(
            L,
            "cannot %s inside %s: it cannot be suspended. Places that cannot wait are callbacks "
            "of table.sort and string.gsub, require, __tostring and __gc; fetch the value "
            "before and use it there",
            what, lua_tostring(L, -1));
    }
    if (task->cancel_requested) {
        /* The task ends here, before anything new is started. */
        lua_pushlightuserdata(L, (void *)(uintptr_t)&th_host_yield);
        lua_yield(L, 1);
    }
}

void th_task_may_wait(lua_State *L, const char *what)
{
    th_task_may_wait_still(L, what);
    th_task_raise_thrown(L);
}
