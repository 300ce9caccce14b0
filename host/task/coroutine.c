/*
 * coroutine.resume, wrap, yield and close for scripts: a host wait inside a script's own coroutine
 * is passed on to the task, and the coroutine's resumer sees nothing of it. (A plain resume would
 * take the host's yield for one of the script's.)
 */
#include "task/impl.h"

#include <lauxlib.h>

enum { AS_RESUME, AS_WRAP };

static int nested_run(lua_State *L, lua_State *co, int nargs, int mode);

/* The task was woken: take the coroutine off the nest and go on inside it. */
static int nested_woken(lua_State *L, int status, lua_KContext mode)
{
    (void)status;
    lua_State *co = lua_tothread(L, 1);
    th_nest_pop(L, th_task_current(L));
    return nested_run(L, co, 0, (int)mode);
}

static int nested_error(lua_State *L, lua_State *co, int mode)
{
    if (mode == AS_RESUME) {
        lua_pushboolean(L, 0);
        lua_xmove(co, L, 1); // false error
        return 2;
    }
    lua_xmove(co, L, 1); // error
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* co stands at index 1 of L; its arguments are on its own stack. */
static int nested_run(lua_State *L, lua_State *co, int nargs, int mode)
{
    th_sched *sched = th_sched_of(L);
    bool blocks = !lua_isyieldable(L);
    int nres = 0;
    sched->blocked += blocks;
    lua_State *before = th_pulse_enter(&sched->pulse, co);
    int status = lua_resume(co, L, nargs, &nres);
    th_pulse_enter(&sched->pulse, before);
    sched->blocked -= blocks;
    bool waits = nres == 1 && lua_touserdata(co, -1) == &th_host_yield;
    if (status == LUA_YIELD && (waits || sched->interrupted)) {
        lua_pop(co, nres);
        lua_settop(L, 1);
        if (th_nest_push(L, sched->running, co) != 0)
            return luaL_error(L, "not enough memory");
        /* Not th_task_park: what ends the wait concerns the coroutine inside. */
        lua_pushlightuserdata(L, (void *)(uintptr_t)&th_host_yield);
        return lua_yieldk(L, 1, mode, nested_woken);
    }
    if (status != LUA_OK && status != LUA_YIELD) {
        if (mode == AS_WRAP)
            th_thread_reset(sched, co); /* as coroutine.wrap does: an error closes the coroutine */
        return nested_error(L, co, mode);
    }
    if (!lua_checkstack(L, nres + 1)) {
        lua_pop(co, nres);
        return luaL_error(L, "too many results to resume");
    }
    int extra = 0;
    if (mode == AS_RESUME) {
        lua_pushboolean(L, 1);
        extra = 1;
    }
    lua_xmove(co, L, nres);
    return nres + extra;
}

static int refuse(lua_State *L, int mode, const char *why)
{
    if (mode == AS_WRAP)
        return luaL_error(L, "%s", why);
    lua_pushboolean(L, 0);
    lua_pushstring(L, why);
    return 2;
}

/* L: co, arguments… */
static int nested_start(lua_State *L, int mode)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    int nargs = lua_gettop(L) - 1;
    if (th_nest_hosts(L, co))
        return refuse(L, mode,
                      "cannot resume a coroutine that is a task, or waits inside another one");
    if (co == L || (lua_status(co) == LUA_OK && lua_gettop(co) == 0))
        return refuse(L, mode,
                      co == L ? "cannot resume non-suspended coroutine"
                              : "cannot resume dead coroutine");
    if (lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD)
        return refuse(L, mode, "cannot resume dead coroutine");
    lua_Debug ar;
    if (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar))
        return refuse(L, mode, "cannot resume non-suspended coroutine");
    if (!lua_checkstack(co, nargs))
        return refuse(L, mode, "too many arguments to resume");
    lua_xmove(L, co, nargs);
    return nested_run(L, co, nargs, mode);
}

static int co_resume(lua_State *L)
{
    return nested_start(L, AS_RESUME);
}

static int wrap_call(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return nested_start(L, AS_WRAP);
}

static int co_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrap_call, 1);
    return 1;
}

/* A task's own coroutine has no resumer that could make sense of a script's yield. */
static int co_yield (lua_State *L)
{
    th_task *task = th_task_current(L);
    if (task && task->co == L)
        return luaL_error(L, "coroutine.yield outside of a coroutine: to let other tasks run, "
                             "call trunkhost.sleep(0)");
    return lua_yield(L, lua_gettop(L));
}

static int co_close(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    if (th_nest_hosts(L, co))
        return luaL_error(L,
                          "cannot close a coroutine that is a task, or waits inside another one");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    th_pulse *pulse = &th_sched_of(L)->pulse;
    lua_State *before = th_pulse_enter(pulse, co);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    th_pulse_enter(pulse, before);
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

void th_coroutine_open(lua_State *L)
{
    lua_getglobal(L, "coroutine"); // coroutine
    lua_pushcfunction(L, co_resume);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, co_wrap);
    lua_setfield(L, -2, "wrap");
    lua_pushcfunction(L, co_yield );
    lua_setfield(L, -2, "yield");
    lua_getfield(L, -1, "close");
    lua_pushcclosure(L, co_close, 1);
    lua_setfield(L, -2, "close");
    lua_pop(L, 1);
}
