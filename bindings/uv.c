/*
 * trunkhost.uv: luv on the loop of the host, so that files, timers, sockets, name look-ups and
 * processes need no code of ours. Loaded when a script first asks for it, also as `require "luv"`.
 *
 * Callbacks run as a part of the loop and outside of any task: they cannot wait, and an error in
 * one ends the run. What a script leaves open does not keep the run alive; it is closed after the
 * last task has ended, and callbacks that come after that are dropped.
 */
#include <fcntl.h>
#include <lauxlib.h>
#include <luv/luv.h>
#include <stdlib.h>
#include <unistd.h>

#include "library.h"
#include "runtime/runtime.h"

/* Calls on the threads of libuv get this long to end after the last task. */
static const uint64_t patience_ms = 2000;

/* --- callbacks -------------------------------------------------------------------------------- */

static int with_traceback(lua_State *L)
{
    lua_settop(L, 1); // error
    lua_createtable(L, 2, 0);
    lua_insert(L, 1); // pair error
    lua_rawseti(L, 1, 1);
    luaL_traceback(L, L, NULL, 1);
    lua_rawseti(L, 1, 2);
    return 1;
}

static void fail_run(lua_State *L)
{
    if (lua_istable(L, -1)) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2); // pair error traceback
        const char *traceback = lua_tostring(L, -1);
        lua_pushvalue(L, -2);
        th_sched_fail(th_sched_of(L), L, traceback ? traceback : "");
        lua_pop(L, 3);
    } else { /* no memory for that */
        th_sched_fail(th_sched_of(L), L, "");
    }
}

/* As luv defines it: the function and its arguments are on top of the stack. */
static int call_back(lua_State *L, int nargs, int nresults, int flags)
{
    (void)flags;
    th_runtime *runtime = th_runtime_of(L);
    if (runtime->ended) {
        lua_pop(L, nargs + 1);
        return 0;
    }
    int base = lua_gettop(L) - nargs; /* of the function */
    lua_pushcfunction(L, with_traceback);
    lua_insert(L, base);
    th_sched_callback(runtime->sched, true);
    int rc = lua_pcall(L, nargs, nresults, base);
    th_sched_callback(runtime->sched, false);
    lua_remove(L, base);
    if (rc == LUA_OK)
        return lua_gettop(L) - base + 1;
    if (runtime->verdict.exiting)
        lua_pop(L, 1); /* os.exit leaves a callback by an error */
    else
        fail_run(L);
    return -rc;
}

/* --- what luv has open ------------------------------------------------------------------------ */

/* Calls each(handle, ctx) with the userdata on top of the stack, until it returns true. luv keeps
 * every handle that is not closed in the registry. */
static bool any_handle(lua_State *L, bool (*each)(lua_State *L, uv_handle_t *handle))
{
    bool found = false;
    int top = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, "uv_handle"); // types
    lua_pushnil(L);
    while (!found && lua_next(L, LUA_REGISTRYINDEX)) { // types key value
        if (lua_type(L, -1) == LUA_TUSERDATA && lua_getmetatable(L, -1)) {
            lua_rawget(L, top + 1); // types key value known
            bool known = lua_toboolean(L, -1);
            lua_pop(L, 1);
            uv_handle_t *const *handle = lua_touserdata(L, -1);
            found = known && *handle && each(L, *handle);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return found;
}

static bool may_call(lua_State *L, uv_handle_t *handle)
{
    (void)L;
    return uv_is_closing(handle) || (uv_is_active(handle) && uv_has_ref(handle));
}

/* What luv keeps in a run. */
struct luv_guest {
    th_guest base; /* first */
    th_runtime *runtime;
};

static bool loop_may_call(th_guest *guest)
{
    const th_runtime *runtime = ((struct luv_guest *)guest)->runtime;
    return runtime->loop.active_reqs.count > 0 || any_handle(runtime->L, may_call);
}

static bool is_open(lua_State *L, uv_handle_t *handle)
{
    (void)L;
    (void)handle;
    return true;
}

/* Appends the handle to the table at index 1. */
static bool list_open(lua_State *L, uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, 1, (lua_Integer)lua_rawlen(L, 1) + 1);
    }
    return false;
}

/* handles() → those that are open */
static int open_handles(lua_State *L)
{
    lua_settop(L, 0);
    lua_newtable(L);
    any_handle(L, list_open);
    return 1;
}

/* walk(fn): fn(handle) for every one that is open. luv's own would meet those of the host. */
static int walk(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_pushcfunction(L, open_handles);
    lua_call(L, 0, 1); // fn handles
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 2); i++) {
        lua_pushvalue(L, 1);
        lua_rawgeti(L, 2, i);
        lua_call(L, 1, 0);
    }
    return 0;
}

/* --- the end of the run ----------------------------------------------------------------------- */

static const char close_key = 0; /* luv's close, in the registry */

static int close_all(lua_State *L)
{
    lua_pushcfunction(L, open_handles);
    lua_call(L, 0, 1); // handles
    lua_rawgetp(L, LUA_REGISTRYINDEX, &close_key);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 1); i++) {
        lua_pushvalue(L, 2);
        lua_rawgeti(L, 1, i);
        lua_call(L, 1, 0);
    }
    return 0;
}

static void on_patience(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static bool loop_close(th_guest *guest)
{
    th_runtime *runtime = ((struct luv_guest *)guest)->runtime;
    lua_State *L = runtime->L;
    uv_loop_t *loop = &runtime->loop;
    uv_timer_t patience;
    bool over = false;
    lua_settop(L, 0);
    lua_pushcfunction(L, close_all);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* out of memory; the process ends anyway */
    uv_timer_init(loop, &patience);
    patience.data = &over;
    uv_update_time(loop);
    uv_timer_start(&patience, on_patience, patience_ms, 0);
    while (!over && (loop->active_reqs.count > 0 || any_handle(L, is_open)))
        uv_run(loop, UV_RUN_ONCE);
    bool clean = loop->active_reqs.count == 0;
    uv_close((uv_handle_t *)&patience, NULL);
    for (int i = 0; i < 2; i++) /* the first may only take back an earlier uv_stop */
        uv_run(loop, UV_RUN_NOWAIT);
    if (!clean)
        th_log(
            &runtime->terminal, TH_LOG_WARN, NULL, 0,
            "trunkhost.uv: %u calls that the script has started do not end (a read from a pipe, a "
            "slow name server?); left without waiting for them",
            loop->active_reqs.count);
    return clean;
}

static void guest_destroy(th_guest *guest)
{
    free(guest);
}

static void add_guest(lua_State *L, th_runtime *runtime)
{
    struct luv_guest *guest = calloc(1, sizeof *guest);
    if (!guest)
        luaL_error(L, "not enough memory");
    guest->base.may_call = loop_may_call;
    guest->base.close = loop_close;
    guest->base.destroy = guest_destroy;
    guest->runtime = runtime;
    th_guest_add(&runtime->guests, &guest->base);
}

/* --- the module ------------------------------------------------------------------------------- */

/* upvalue 1: its name, 2: what to do instead */
static int refuse(lua_State *L)
{
    return luaL_error(L, "trunkhost.uv has no %s: %s", lua_tostring(L, lua_upvalueindex(1)),
                      lua_tostring(L, lua_upvalueindex(2)));
}

/* upvalue 1: luv's spawn. A child gets the descriptors that it is given and no other: not those of
 * our connections, of the ledger and its locks. */
static int spawn(lua_State *L)
{
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void adapt(lua_State *L)
{
    static const struct {
        const char *name, *instead;
    } refused[] = {
        {"run", "the host runs the loop; to wait, call trunkhost.sleep or trunkhost.await"},
        {"stop", "the host runs the loop; to end the run, call os.exit"},
        {"loop_close", "the host runs the loop, and closes it at the end"},
        {"loop_configure", "the loop is the host's"},
        {"sleep", "it would stop every task; call trunkhost.sleep"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        lua_pushstring(L, refused[i].name);
        lua_pushstring(L, refused[i].instead);
        lua_pushcclosure(L, refuse, 2);
        lua_setfield(L, -2, refused[i].name);
    }
    lua_getfield(L, -1, "spawn");
    lua_pushcclosure(L, spawn, 1);
    lua_setfield(L, -2, "spawn");
    lua_pushcfunction(L, walk);
    lua_setfield(L, -2, "walk");
    lua_getfield(L, -1, "close");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &close_key);
}

int th_open_uv(lua_State *L)
{
    th_runtime *runtime = th_runtime_of(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); // loaded
    for (int i = 0; i < 2; i++) {
        if (lua_getfield(L, -1, i == 0 ? "trunkhost.uv" : "luv") == LUA_TTABLE)
            return 1; /* under its other name already */
        lua_pop(L, 1);
    }
    /* All memory is taken here: an error in the main state, which is not running, would end the
     * process. */
    luv_context(L);
    /* Twice, because what it allocates may raise an error here, and in the main state nobody would
     * catch it. */
    luv_set_loop(L, &runtime->loop);
    luv_set_loop(runtime->L, &runtime->loop);
    luv_set_callback(runtime->L, call_back);
    luaopen_luv(L); // loaded uv
    adapt(L);
    add_guest(L, runtime);
    return 1;
}
