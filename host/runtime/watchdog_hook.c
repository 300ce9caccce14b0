/* What the watchdog does on the main thread, in a debug hook of the code that does not end. */
#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"
#include "lua/place.h"
#include "runtime/watchdog_impl.h"

enum {
    GRACE = 1000,    /* instructions for to-be-closed variables after the first interrupt */
    SPARE = 1000000, /* instructions of the library before it is interrupted as well */
    ANSWER_MS = 50,  /* what answers later stood in a call */
};

static void on_hook(lua_State *L, lua_Debug *ar);

void th_watchdog_hook(lua_State *L)
{
    lua_sethook(L, on_hook, LUA_MASKCOUNT | LUA_MASKRET, 1);
}

/* "in 'parse' (task 3, spawned at rotate.lua:12)"; appends nothing for what is not known. */
static void name_function(lua_State *L, th_buf *text)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sln", &ar);
        if (ar.currentline <= 0 || th_place_is_library(&ar))
            continue;
        if (ar.name)
            th_buf_printf(text, " in '%s'", ar.name);
        return;
    }
}

/* The C function that has just returned, pushed; NULL when it was none. */
static const char *push_called(lua_State *L, lua_Debug *ar)
{
    if (ar->event != LUA_HOOKRET || !lua_getinfo(L, "Snf", ar)) // function
        return NULL;
    th_place_push_function(L); // function name
    if (ar->what[0] != 'C')
        return NULL;
    const char *name = lua_tostring(L, -1);
    return name ? name : ar->name ? ar->name : "a C function";
}

static void report(th_watchdog *watchdog, lua_State *L, lua_Debug *ar)
{
    th_buf text = {0};
    char place[LUA_IDSIZE + 20];
    int top = lua_gettop(L);
    double before = atomic_load(&watchdog->stood_ms) / 1e3;
    double waited = (double)(uv_hrtime() - watchdog->armed_at) / 1e9;
    const char *called = waited * 1000 > ANSWER_MS ? push_called(L, ar) : NULL;
    bool known = th_place_of_script(L, place, sizeof place);
    if (called)
        th_buf_printf(&text, "the script was blocked for %.1f s in %s", before + waited, called);
    else if (before + waited < 0.5) /* somebody has asked; since when is not known yet */
        th_buf_puts(&text, "the script is busy");
    else
        th_buf_printf(&text, "the script has been busy for %.1f s", before + waited);
    if (known)
        th_buf_printf(&text, " at %s", place);
    if (!called)
        name_function(L, &text);
    th_task_describe_running(watchdog->stop->sched, &text);
    th_buf_puts(&text, called ? ", and nothing else could run" : ", and nothing else can run");
    if (text.data)
        th_log(watchdog->stop->terminal, TH_LOG_WARN, NULL, 0, "%s", text.data);
    th_buf_close(&text);
    lua_settop(L, top);
}

/* Library code keeps its own books: it is interrupted where it has called back into the script, or
 * when it does not end itself. */
static bool spare(th_watchdog *watchdog, lua_State *L)
{
    lua_Debug ar;
    if (watchdog->spared >= SPARE || !lua_getstack(L, 0, &ar))
        return false;
    lua_getinfo(L, "S", &ar);
    if (!th_place_is_library(&ar))
        return false;
    watchdog->spared++;
    return true;
}

/* Raises what the next wait would have raised. */
static void raise_stopping(lua_State *L)
{
    th_error err = {0};
    th_sched_turn_away(th_sched_of(L));
    th_fail(&err, TH_CANCELLED, "the run is stopping: the script was busy and is interrupted");
    th_error_raise(L, &err);
}

/* Ends the running code for good: the task yields, as if it waited, and is cancelled there. Where
 * it cannot, an error is raised, and again soon when a pcall has kept it. */
static void cancel(th_watchdog *watchdog, lua_State *L)
{
    if (th_task_break_off(watchdog->stop->sched, L))
        return;
    lua_sethook(L, on_hook, LUA_MASKCOUNT, watchdog->raised++ == 0 ? GRACE : 1);
    atomic_store_explicit(&watchdog->pulse->armed, true, memory_order_relaxed);
    raise_stopping(L);
}

static bool is_cancelled(const th_stop *stop)
{
    return stop->phase == TH_PHASE_CANCEL || th_task_cancelling(stop->sched);
}

static void on_hook(lua_State *L, lua_Debug *ar)
{
    th_pulse *pulse = th_sched_pulse(th_sched_of(L));
    th_watchdog *watchdog = pulse->watchdog;
    if (!watchdog || !atomic_load_explicit(&pulse->armed, memory_order_relaxed)) {
        lua_sethook(L, NULL, 0, 0); /* it was meant for something that has ended since */
        return;
    }
    th_stop *stop = watchdog->stop;
    bool first = atomic_load(&watchdog->pending);
    if (first)
        watchdog->raised = watchdog->spared = 0;
    th_stop_take(stop, atomic_load(&watchdog->stops), atomic_load(&watchdog->last_stop));
    if (atomic_exchange(&watchdog->report, false))
        report(watchdog, L, ar);
    atomic_store(&watchdog->pending, false);
    bool stalled = atomic_load(&watchdog->stalled);
    bool cancelled = is_cancelled(stop) && (stalled || stop->phase == TH_PHASE_CANCEL);
    bool stopping = stop->phase == TH_PHASE_DRAIN && stalled && !th_task_admitted(L);
    if (cancelled || stopping) {
        if (ar->event != LUA_HOOKCOUNT || spare(watchdog, L))
            return; /* it comes again at the next instruction */
    }
    atomic_store(&watchdog->stalled, false);
    atomic_store_explicit(&pulse->armed, false, memory_order_relaxed);
    lua_sethook(L, NULL, 0, 0);
    if (cancelled)
        cancel(watchdog, L);
    else if (stopping)
        raise_stopping(L);
}
