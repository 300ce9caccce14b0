/*
 * A waiter: one wait of one task that Lua code ends, from another task or from a callback of the
 * loop. What semaphores, queues and trunkhost.await are made of.
 *
 * The userdata may outlive the wait and the wait the userdata: each points to the other while both
 * are there. A wake-up that comes too late, or after the task was cancelled, does nothing.
 */
#include "task/impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define WAITER_TYPE "trunkhost.waiter"

struct wait_op {
    struct th_waiter *waiter; /* NULL when the userdata is gone */
    th_waker waker;
    char what[48];
};

/* User value 1: what it was woken with, a table with n. */
struct th_waiter {
    struct wait_op *op; /* NULL while nobody waits */
    bool begun;         /* what it waits for is under way: a run that stops lets it end */
    bool woken;
    bool over; /* the wait has ended, one way or another */
    char what[48];
};

static void wait_cancel(void *ptr)
{
    struct wait_op *op = ptr;
    if (op->waiter) {
        op->waiter->over = true;
        op->waiter->op = NULL;
    }
    op->waiter = NULL;
}

static void wait_release(void *ptr)
{
    wait_cancel(ptr);
    free(ptr);
}

static bool wait_interrupt(void *ptr)
{
    wait_cancel(ptr);
    return true;
}

static void wait_describe(const void *ptr, th_buf *out)
{
    th_buf_puts(out, ((const struct wait_op *)ptr)->what);
}

/* Whoever would wake it is a task, or an event of the loop that the runtime asks about. */
static const struct th_wait_ops wait_ops = {.name = "an event",
                                            .cancel = wait_cancel,
                                            .release = wait_release,
                                            .interrupt = wait_interrupt,
                                            .describe = wait_describe,
                                            .internal = true};

static const struct th_wait_ops begun_ops = {.name = "an event",
                                             .cancel = wait_cancel,
                                             .release = wait_release,
                                             .describe = wait_describe,
                                             .internal = true};

static struct th_waiter *check_waiter(lua_State *L)
{
    return luaL_checkudata(L, 1, WAITER_TYPE);
}

static int push_values(lua_State *L)
{
    lua_getiuservalue(L, 1, 1); // … values
    int values = lua_gettop(L);
    lua_getfield(L, values, "n");
    int n = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, n, "too many values");
    for (int i = 1; i <= n; i++)
        lua_rawgeti(L, values, i);
    return n;
}

static int waited(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct th_waiter *waiter = check_waiter(L);
    th_task_release(L);
    waiter->over = true;
    if (!waiter->woken) {
        th_task_admit(L, "wait");
        return luaL_error(L, "the wait was interrupted");
    }
    return push_values(L);
}

/* waiter:wait() → what it is woken with */
static int waiter_wait(lua_State *L)
{
    struct th_waiter *waiter = check_waiter(L);
    if (waiter->op || waiter->over)
        return luaL_error(L, "one waiter serves one wait");
    if (waiter->woken) {
        waiter->over = true;
        return push_values(L);
    }
    lua_pushfstring(L, "wait for %s", waiter->what);
    th_task_may_wait(L, lua_tostring(L, -1));
    if (!waiter->begun)
        th_task_admit(L, lua_tostring(L, -1));
    struct wait_op *op = calloc(1, sizeof *op);
    if (!op)
        return luaL_error(L, "not enough memory");
    memcpy(op->what, waiter->what, sizeof op->what);
    th_task_attach(L, waiter->begun ? &begun_ops : &wait_ops, op);
    op->waker = th_task_waker(L);
    op->waiter = waiter;
    waiter->op = op;
    return th_task_park(L, 0, waited);
}

/* waiter:wake(…) → whether somebody gets the values: false when the wait is over */
static int waiter_wake(lua_State *L)
{
    struct th_waiter *waiter = check_waiter(L);
    bool first = !waiter->woken && !waiter->over;
    if (first) {
        int n = lua_gettop(L) - 1;
        lua_createtable(L, n, 1); // waiter values… table
        lua_insert(L, 2);
        for (int i = n; i >= 1; i--)
            lua_rawseti(L, 2, i);
        lua_pushinteger(L, n);
        lua_setfield(L, 2, "n");
        lua_setiuservalue(L, 1, 1);
        waiter->woken = true;
        if (waiter->op)
            th_task_wake(th_sched_of(L), waiter->op->waker);
    }
    lua_pushboolean(L, first);
    return 1;
}

static int waiter_gc(lua_State *L)
{
    struct th_waiter *waiter = check_waiter(L);
    if (waiter->op)
        waiter->op->waiter = NULL;
    waiter->op = NULL;
    return 0;
}

/* waiter(what, begins?) → waiter; `what` is waited for, in words for people. `begins`: it is going
 * to be started now. A run that is stopping starts nothing, and lets end what was started. */
static int lua_waiter(lua_State *L)
{
    const char *what = luaL_checkstring(L, 1);
    bool begins = lua_toboolean(L, 2);
    if (begins) {
        lua_pushfstring(L, "start %s", what);
        th_task_admit(L, lua_tostring(L, -1));
        if (th_task_current(L))
            th_task_set_acted(L); /* nobody knows what it does */
    }
    struct th_waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 1);
    memset(waiter, 0, sizeof *waiter);
    waiter->begun = begins;
    snprintf(waiter->what, sizeof waiter->what, "%s", what);
    luaL_setmetatable(L, WAITER_TYPE);
    return 1;
}

void th_waiter_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"wait", waiter_wait}, {"wake", waiter_wake}, {NULL, NULL}};
    luaL_newmetatable(L, WAITER_TYPE); // module meta
    lua_pushcfunction(L, waiter_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1); // module
    lua_pushcfunction(L, lua_waiter);
    lua_setfield(L, -2, "waiter");
}
