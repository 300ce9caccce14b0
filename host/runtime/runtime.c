#include "runtime/runtime.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/redact.h"
#include "lua/error.h"
#include "wire/transfer.h"

th_runtime *th_runtime_of(lua_State *L)
{
    return th_sched_owner(th_sched_of(L));
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_stop_signal(uv_signal_t *handle, int number)
{
    th_runtime *runtime = handle->data;
    th_stop_signal(&runtime->stop, number);
}

static void on_describe_signal(uv_signal_t *handle, int number)
{
    (void)number;
    th_runtime *runtime = handle->data;
    th_buf text = {0};
    th_sched_describe(runtime->sched, &text);
    th_progress_hide(&runtime->terminal);
    th_redact_text(text.data);
    fputs(text.data ? text.data : "no task waits\n", stderr);
    th_progress_show(&runtime->terminal);
    th_buf_close(&text);
}

static int open_signals(th_runtime *runtime, th_error *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a ledger at its size limit is an error, not a death */
    for (int i = 0; i < 3; i++) {
        uv_signal_t *handle = &runtime->signals[i];
        int rc = uv_signal_init(&runtime->loop, handle);
        if (rc == 0) {
            runtime->open_signals++;
            handle->data = runtime;
            rc = uv_signal_start(handle, i < 2 ? on_stop_signal : on_describe_signal, numbers[i]);
            uv_unref((uv_handle_t *)handle);
        }
        if (rc != 0)
            return th_fail(err, TH_INVALID, "cannot watch for signals: %s", uv_strerror(rc));
    }
    return 0;
}

/* --- sandbox ---------------------------------------------------------------------------------- */

static int start_sandbox(th_runtime *runtime, th_error *err)
{
    th_sandbox_options options;
    th_sandbox_defaults(&options);
    const char *spec = runtime->options.sandbox_spec;
    if (spec && *spec) {
        int rc = th_sandbox_parse(spec, &options, &runtime->sandbox_storage, err);
        if (rc != 0)
            return rc;
    }
    /* What the fake platforms allow is what the accounts keep to; the documented limits need no
     * word. */
    if (strcmp(options.limits, "documented") != 0)
        runtime->sandbox_limits = strdup(options.limits);
    return th_sandbox_start(&options, &runtime->sandbox, err);
}

/* --- create and destroy ----------------------------------------------------------------------- */

static void name_run(th_runtime *runtime)
{
    time_t now = time(NULL);
    struct tm tm;
    char when[32];
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(runtime->run, sizeof runtime->run, "%s-%06x", when, randombytes_random() & 0xffffff);
}

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
    th_report_text(th_runtime_of(L)->options.log_json,
                   lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an unprotected error");
    _exit(TH_EXIT_ERROR);
}

/* warn(…) of the script, and errors in finalizers: off until warn("@on"), as in lua. */
static void on_warning(void *ctx, const char *text, int more)
{
    th_runtime *runtime = ctx;
    if (runtime->warning.len == 0 && !more && text[0] == '@') {
        runtime->warns = strcmp(text, "@on") == 0 || (runtime->warns && strcmp(text, "@off") != 0);
        return;
    }
    th_buf_puts(&runtime->warning, text);
    if (more)
        return;
    if (runtime->warns && runtime->warning.data)
        th_log(&runtime->terminal, TH_LOG_WARN, NULL, 0, "%s", runtime->warning.data);
    th_buf_close(&runtime->warning);
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
    th_runtime *runtime = ctx;
    th_memory_open_reserve(&runtime->memory);
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
    lua_Alloc allocate = th_memory_init(&runtime->memory, options->max_memory, options->allocator,
                                        options->allocator_ctx);
    runtime->L = lua_newstate(allocate, &runtime->memory);
    if (runtime->L)
        runtime->sched = th_sched_create(runtime->L, runtime->timers, &owner);
    if (!runtime->sched)
        return th_fail(err, TH_INVALID, "not enough memory to start");
    lua_atpanic(runtime->L, on_panic);
    lua_setwarnf(runtime->L, on_warning, runtime);
    runtime->memory.pulse = th_sched_pulse(runtime->sched);
    runtime->stop.sched = runtime->sched;
    return 0;
}

int th_runtime_create(const th_runtime_options *options, th_runtime **out, th_error *err)
{
    th_runtime *runtime = calloc(1, sizeof *runtime);
    if (!runtime)
        return th_fail(err, TH_INVALID, "not enough memory");
    runtime->options = *options;
    runtime->stop = (th_stop){.terminal = &runtime->terminal,
                              .guests = &runtime->guests,
                              .drain_seconds = options->drain_seconds > 0 ? options->drain_seconds
                                                                          : TH_DRAIN_SECONDS};
    th_terminal_init(&runtime->terminal, stderr, options->log_level, options->log_json);
    int rc = uv_loop_init(&runtime->loop);
    if (rc != 0) {
        free(runtime);
        return th_fail(err, TH_INVALID, "cannot start the event loop: %s", uv_strerror(rc));
    }
    if (sodium_init() < 0) {
        rc = th_fail(err, TH_INVALID, "cannot start libsodium: no source of randomness");
        goto fail;
    }
    runtime->nproxy_secrets = th_proxy_secrets(runtime->proxy_secrets);
    name_run(runtime);
    runtime->timers = th_timers_create(&runtime->loop);
    if (!runtime->timers) {
        rc = th_fail(err, TH_INVALID, "not enough memory to start");
        goto fail;
    }
    runtime->stop.timers = runtime->timers;
    if ((rc = create_state(runtime, err)) != 0)
        goto fail;
    if ((rc = open_signals(runtime, err)) != 0 ||
        (rc = th_runtime_choose_ledger(runtime, err)) != 0)
        goto fail;
    if (options->sandbox && (rc = start_sandbox(runtime, err)) != 0)
        goto fail;
    lua_pushcfunction(runtime->L, open_lua);
    if (lua_pcall(runtime->L, 0, 0, 0) != LUA_OK) {
        const char *why = lua_tostring(runtime->L, -1);
        rc = th_fail(err, TH_INVALID, "cannot start Lua: %s", why ? why : "not enough memory");
        goto fail;
    }
    if ((rc = th_watchdog_create(&runtime->stop, &runtime->watchdog, err)) != 0)
        goto fail;
    *out = runtime;
    return 0;

fail:
    th_runtime_destroy(runtime, NULL);
    return rc;
}

int th_runtime_destroy(th_runtime *runtime, bool *stuck)
{
    th_progress_end(&runtime->terminal);
    th_stop_close(&runtime->stop);
    th_sched_end(runtime->sched);
    th_watchdog_destroy(runtime->watchdog);
    runtime->ended = true;
    int rc = th_runtime_close_ledger(runtime);
    if (!th_guests_close(&runtime->guests)) {
        /* What is stuck still points into the loop and the state. */
        th_sandbox_stop(runtime->sandbox);
        th_runtime_forget_ledger(runtime);
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
    signal(SIGINT, SIG_IGN); /* all is recorded: nothing is left to interrupt */
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < runtime->open_signals; i++)
        uv_close((uv_handle_t *)&runtime->signals[i], NULL);
    uv_run(&runtime->loop, UV_RUN_DEFAULT);
    uv_loop_close(&runtime->loop);
    th_transfer_global_cleanup();
    th_runtime_forget_ledger(runtime);
    for (size_t i = 0; i < runtime->nproxy_secrets; i++)
        th_secret_unref(runtime->proxy_secrets[i]);
    free(runtime->sandbox_storage);
    free(runtime->sandbox_limits);
    free(runtime->arguments);
    th_buf_close(&runtime->warning);
    free(runtime);
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
    th_report_text(runtime->options.log_json, line.data ? line.data : "deadlock");
    th_buf_close(&line);
    th_buf_close(&text);
}

/* At a prompt, what nobody awaits is told, and the prompt is there again. */
static bool go_on_after(th_runtime *runtime)
{
    if (!runtime->stop.session)
        return false;
    th_report_uncaught(runtime);
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
    th_error err = {0};
    bool deadlock = false;
    if (th_script_start(runtime, script, &err) != 0) {
        th_report(runtime->options.log_json, &err);
        return runtime->exit_status = TH_EXIT_ERROR;
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
        runtime->exit_status = TH_EXIT_ERROR;
    }
    th_sched_cancel_all(sched);
    while (th_sched_run(sched))
        continue;
    lua_gc(runtime->L, LUA_GCCOLLECT);
    th_sched_settle(sched);
    if (th_sched_has_uncaught(sched))
        runtime->exit_status = th_report_uncaught(runtime);
    else if (!runtime->exiting &&
             (runtime->stop.phase == TH_PHASE_CANCEL || th_sched_turned_away(sched)))
        runtime->exit_status = TH_EXIT_HALTED;
    return runtime->exit_status;
}
