#include "runtime/runtime.h"

#include <lauxlib.h>
#include <lualib.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/error.h"
#include "lua/memory.h"
#include "runtime/signals.h"
#include "runtime/warnings.h"
#include "runtime/watchdog.h"
#include "wire/proxy.h"
#include "wire/transfer.h"
#include "json/error_show.h"

/* What the run has besides its parts. */
struct whole {
    th_runtime runtime; /* first */
    th_memory memory;   /* of the Lua state */
    th_warnings warnings;
    th_signals signals;
    th_watchdog *watchdog;
    th_secret *proxy_secrets[TH_PROXY_SECRETS]; /* what no output may hold; references */
    size_t nproxy_secrets;
};

static struct whole *whole(th_runtime *runtime)
{
    return (struct whole *)runtime;
}

th_runtime *th_runtime_of(lua_State *L)
{
    return th_sched_owner(th_sched_of(L));
}

/* --- sandbox ---------------------------------------------------------------------------------- */

static int start_sandbox(th_runtime *runtime, th_error *err)
{
    th_sandbox_options options;
    char *storage = NULL;
    th_sandbox_defaults(&options);
    int rc = th_sandbox_parse(runtime->options.sandbox_spec, &options, &storage, err);
    /* What the fake platforms allow is what the accounts keep to; the documented limits need no
     * word. */
    if (rc == 0 && strcmp(options.limits, "documented") != 0)
        runtime->sandbox_limits = strdup(options.limits);
    if (rc == 0)
        rc = th_sandbox_start(&options, &runtime->sandbox, err);
    free(storage);
    return rc;
}

/* --- create and destroy ----------------------------------------------------------------------- */

static int open_lua(lua_State *L)
{
    th_sched_open(L);
    luaL_openlibs(L);
    th_error_open(L);
    th_coroutine_open(L);
    th_runtime_of(L)->options.open_library(L);
    return 0;
}

/* Only what runs outside of any protected call gets here: there is no way back. The ledger is as
 * after a kill. */
static int on_panic(lua_State *L)
{
    th_report_text(th_runtime_of(L)->terminal.json,
                   lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an unprotected error");
    _exit(TH_EXIT_ERROR);
}

/* --- what the scheduler tells ----------------------------------------------------------------- */

/* A timer or a prepare callback of this turn has made a task ready: libuv must not poll for long
 * now. */
static void on_ready(void *ctx)
{
    th_runtime *runtime = ctx;
    if (runtime->turning)
        uv_stop(&runtime->loop);
}

/* What a run that ends for want of memory still has to do may use the reserve. */
static void on_no_memory(void *ctx)
{
    th_memory_open_reserve(&whole(ctx)->memory);
}

/* error, light userdata: buffer */
static int show_protected(lua_State *L)
{
    th_error_show(L, 1, lua_touserdata(L, 2));
    return 0;
}

static void on_lost(void *ctx, lua_State *L, const char *what)
{
    th_runtime *runtime = ctx;
    th_buf text = {0};
    lua_pushcfunction(L, show_protected);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, &text);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1);
    th_log(&runtime->terminal, TH_LOG_WARN, NULL, 0, "%s: %s", what,
           text.data ? text.data : "(not enough memory to show it)");
    th_buf_close(&text);
}

static int create_state(th_runtime *runtime, th_error *err)
{
    const th_runtime_options *options = &runtime->options;
    const struct th_sched_owner owner = {
        .ctx = runtime, .ready = on_ready, .no_memory = on_no_memory, .lost = on_lost};
    th_memory *memory = &whole(runtime)->memory;
    lua_Alloc allocate =
        th_memory_init(memory, options->max_memory, options->allocator, options->allocator_ctx);
    runtime->L = lua_newstate(allocate, memory);
    if (runtime->L)
        runtime->sched = th_sched_create(runtime->L, runtime->timers, &owner);
    if (!runtime->sched)
        return th_fail(err, TH_INVALID, "not enough memory to start");
    lua_atpanic(runtime->L, on_panic);
    th_warnings_open(&whole(runtime)->warnings, runtime->L, &runtime->terminal);
    memory->pulse = th_sched_pulse(runtime->sched);
    runtime->stop.sched = runtime->sched;
    return 0;
}

int th_runtime_create(const th_runtime_options *options, th_runtime **out, th_error *err)
{
    struct whole *made = calloc(1, sizeof *made);
    if (!made)
        return th_fail(err, TH_INVALID, "not enough memory");
    th_runtime *runtime = &made->runtime;
    runtime->options = *options;
    runtime->stop = (th_stop){.terminal = &runtime->terminal,
                              .guests = &runtime->guests,
                              .drain_seconds = options->drain_seconds > 0 ? options->drain_seconds
                                                                          : TH_DRAIN_SECONDS};
    th_terminal_init(&runtime->terminal, stderr, options->log_level, options->log_json);
    runtime->record = (th_record){
        .loop = &runtime->loop, .script = &runtime->script, .log_json = options->log_json};
    int rc = uv_loop_init(&runtime->loop);
    if (rc != 0) {
        free(made);
        return th_fail(err, TH_INVALID, "cannot start the event loop: %s", uv_strerror(rc));
    }
    if (sodium_init() < 0) {
        rc = th_fail(err, TH_INVALID, "cannot start libsodium: no source of randomness");
        goto fail;
    }
    made->nproxy_secrets = th_proxy_secrets(made->proxy_secrets);
    th_record_name(&runtime->record);
    runtime->timers = th_timers_create(&runtime->loop);
    if (!runtime->timers) {
        rc = th_fail(err, TH_INVALID, "not enough memory to start");
        goto fail;
    }
    runtime->stop.timers = runtime->timers;
    if ((rc = create_state(runtime, err)) != 0)
        goto fail;
    if ((rc = th_signals_open(&made->signals, &runtime->loop, &runtime->stop, err)) != 0 ||
        (rc = th_record_choose(&runtime->record, options->ledger, options->sandbox, err)) != 0)
        goto fail;
    if (options->sandbox && (rc = start_sandbox(runtime, err)) != 0)
        goto fail;
    lua_pushcfunction(runtime->L, open_lua);
    if (lua_pcall(runtime->L, 0, 0, 0) != LUA_OK) {
        const char *why = lua_tostring(runtime->L, -1);
        rc = th_fail(err, TH_INVALID, "cannot start Lua: %s", why ? why : "not enough memory");
        goto fail;
    }
    if ((rc = th_watchdog_create(&runtime->stop, options->patient, &made->watchdog, err)) != 0)
        goto fail;
    *out = runtime;
    return 0;

fail:
    th_runtime_destroy(runtime, NULL);
    return rc;
}

int th_runtime_destroy(th_runtime *runtime, bool *stuck)
{
    struct whole *own = whole(runtime);
    th_progress_end(&runtime->terminal);
    th_stop_close(&runtime->stop);
    th_sched_end(runtime->sched);
    th_watchdog_destroy(own->watchdog);
    runtime->ended = runtime->record.ended = true;
    int rc = th_record_close(&runtime->record, runtime->verdict.status);
    if (!th_guests_close(&runtime->guests)) {
        /* What is stuck still points into the loop and the state. */
        th_sandbox_stop(runtime->sandbox);
        th_record_destroy(&runtime->record);
        if (stuck)
            *stuck = true;
        return rc;
    }
    if (runtime->L)
        lua_close(runtime->L);
    th_sched_free(runtime->sched);
    th_guests_destroy(&runtime->guests);
    th_sandbox_stop(runtime->sandbox);
    if (runtime->timers)
        th_timers_destroy(runtime->timers);
    th_signals_close(&own->signals); /* all is recorded: nothing is left to interrupt */
    uv_run(&runtime->loop, UV_RUN_DEFAULT);
    uv_loop_close(&runtime->loop);
    th_transfer_global_cleanup();
    th_record_destroy(&runtime->record);
    for (size_t i = 0; i < own->nproxy_secrets; i++)
        th_secret_unref(own->proxy_secrets[i]);
    free(runtime->sandbox_limits);
    free(runtime->script.arguments);
    th_warnings_close(&own->warnings);
    free(own);
    return rc;
}

/* --- running ---------------------------------------------------------------------------------- */

static void report_deadlock(th_runtime *runtime)
{
    th_buf text = {0};
    th_sched_describe(runtime->sched, &text);
    th_progress_end(&runtime->terminal);
    th_buf line = {0};
    th_buf_puts(&line, "every task waits for another one; ");
    th_buf_puts(&line, runtime->stop.session ? "this" : "the run");
    th_buf_puts(&line, " cannot go on\n");
    th_buf_puts(&line, text.data ? text.data : "");
    while (line.len && line.data[line.len - 1] == '\n')
        line.data[--line.len] = '\0';
    th_report_text(runtime->terminal.json, line.data ? line.data : "deadlock");
    th_buf_close(&line);
    th_buf_close(&text);
}

/* At a prompt, what nobody awaits is told, and the prompt is there again. */
static bool go_on_after(th_runtime *runtime)
{
    if (!runtime->stop.session)
        return false;
    th_report_uncaught(runtime->L, &runtime->stop, runtime->options.max_memory);
    th_sched_forget_uncaught(runtime->sched);
    th_progress_show(&runtime->terminal);
    return true;
}

/* What was typed waits for nothing that can come: as if Ctrl-C had been pressed. */
static bool go_on_after_deadlock(th_runtime *runtime)
{
    th_session *session = runtime->stop.session;
    if (!session)
        return false;
    report_deadlock(runtime);
    return session->interrupt(session);
}

int th_runtime_run(th_runtime *runtime, const th_script *script)
{
    th_sched *sched = runtime->sched;
    th_verdict *verdict = &runtime->verdict;
    th_error err = {0};
    bool deadlock = false;
    runtime->script = *script;
    if (th_script_start(&runtime->script, runtime->L, &err) != 0) {
        th_report(runtime->terminal.json, &err);
        return verdict->status = TH_EXIT_ERROR;
    }
    for (;;) {
        bool more = th_sched_run(sched);
        if (th_sched_live(sched) == 0)
            break;
        if (th_sched_has_uncaught(sched) && !go_on_after(runtime))
            break;
        if (th_sched_deadlocked(sched) && !th_guests_may_call(&runtime->guests)) {
            if (go_on_after_deadlock(runtime))
                continue;
            deadlock = true;
            break;
        }
        runtime->turning = true;
        uv_run(&runtime->loop, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        runtime->turning = false;
    }
    if (deadlock) {
        report_deadlock(runtime);
        verdict->status = TH_EXIT_ERROR;
    }
    th_sched_cancel_all(sched);
    while (th_sched_run(sched))
        continue;
    lua_gc(runtime->L, LUA_GCCOLLECT);
    th_sched_settle(sched);
    if (th_sched_has_uncaught(sched))
        verdict->status =
            th_report_uncaught(runtime->L, &runtime->stop, runtime->options.max_memory);
    else if (!verdict->exiting &&
             (runtime->stop.phase == TH_PHASE_CANCEL || th_sched_turned_away(sched)))
        verdict->status = TH_EXIT_HALTED;
    return verdict->status;
}
