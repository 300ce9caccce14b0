#include "runtime/report.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "base/redact.h"
#include "lua/error.h"
#include "lua/memory.h"
#include "runtime/exit.h"
#include "json/error_show.h"
#include "json/print.h"

/* --- JSON ------------------------------------------------------------------------------------- */

/* Begins the object as the log's are. */
static void begin_object(th_buf *out, const char *message)
{
    struct timespec now;
    struct tm tm;
    char when[40], time[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(time, sizeof time, "%s.%03ldZ", when, now.tv_nsec / 1000000);
    th_print_member(out, "time", time);
    th_print_member(out, "level", "error");
    th_print_member(out, "message", message);
}

/* The one way out for all that is said here. */
static void print_line(const char *before, const char *text)
{
    th_buf line = {0};
    if (th_buf_puts(&line, before) != 0 || th_buf_puts(&line, text) != 0 ||
        th_buf_putc(&line, '\n') != 0) {
        fputs("trunkhost: not enough memory\n", stderr);
    } else {
        th_redact(line.data, line.len);
        fwrite(line.data, 1, line.len, stderr);
    }
    th_buf_close(&line);
}

static void member(th_buf *out, const char *name, const char *value)
{
    if (value && value[0])
        th_print_member(out, name, value);
}

static void print_object(th_buf *out)
{
    th_buf_puts(out, "}");
    print_line("", out->data ? out->data : "");
    th_buf_close(out);
}

void th_report(bool json, th_error *err)
{
    const char *message = err->message ? err->message : th_kind_name(err->kind);
    if (json) {
        th_buf out = {0};
        begin_object(&out, message);
        member(&out, "kind", th_kind_name(err->kind));
        member(&out, "code", err->code);
        member(&out, "account", err->account);
        print_object(&out);
    } else {
        print_line("trunkhost: ", message);
    }
    th_error_close(err);
}

void th_report_text(bool json, const char *text)
{
    th_buf out = {0};
    if (json) {
        begin_object(&out, text);
        print_object(&out);
    } else {
        print_line("trunkhost: ", text);
    }
}

/* --- the error of the script ------------------------------------------------------------------ */

struct uncaught {
    const th_stop *stop;
    size_t max_memory;
    const char *traceback; /* of the scheduler */
    bool plain;            /* it explains itself: no traceback */
    th_buf text, origin;
    th_buf json;
};

static bool field_is(lua_State *L, int idx, const char *name, const char *value)
{
    lua_getfield(L, idx, name);
    bool is = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), value) == 0;
    lua_pop(L, 1);
    return is;
}

/* Members of the error object at index 1 that are texts or numbers. */
static void add_members(lua_State *L, th_buf *out)
{
    static const char *const names[] = {"kind",  "status",  "code",   "account",
                                        "trunk", "request", "advice", "attempts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_getfield(L, 1, names[i]);
        if (lua_isinteger(L, -1))
            th_print_number(out, names[i], lua_tointeger(L, -1));
        else if (lua_type(L, -1) == LUA_TSTRING)
            member(out, names[i], lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

/* error, light userdata: struct uncaught */
static int compose(lua_State *L)
{
    struct uncaught *report = lua_touserdata(L, 2);
    bool object = th_error_kind_at(L, 1) != NULL;
    th_error_show(L, 1, &report->text);
    if (report->stop->terminal->level == TH_LOG_DEBUG)
        th_error_show_origin(L, 1, report->traceback, &report->origin);
    if (!report->stop->terminal->json)
        return 0;
    if (object)
        lua_getfield(L, 1, "message");
    else
        lua_pushnil(L);
    begin_object(&report->json, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
                                : report->text.data            ? report->text.data
                                                               : "");
    if (object)
        add_members(L, &report->json);
    if (!report->plain)
        member(&report->json, "traceback", report->traceback);
    member(&report->json, "origin", report->origin.data);
    return 0;
}

static void print_uncaught(struct uncaught *report)
{
    if (report->json.data) {
        print_object(&report->json);
        return;
    }
    print_line("trunkhost: ",
               report->text.data ? report->text.data : "(an error that cannot be shown)");
    if (!report->plain)
        print_line("", report->traceback);
    if (report->origin.data) {
        size_t len = report->origin.len;
        report->origin.data[len - (report->origin.data[len - 1] == '\n')] = '\0';
        print_line("", report->origin.data);
    }
}

/* The exit status for the error object on top of the stack, and whether it explains itself. */
static int judge(lua_State *L, bool *plain)
{
    bool auth = field_is(L, -1, "kind", "auth");
    bool list = field_is(L, -1, "code", "list"); /* of the platform: not whole, or broken */
    bool locked = field_is(L, -1, "code", "locked");
    bool long_wait = field_is(L, -1, "code", "long_wait");
    *plain = auth || locked || list || long_wait || field_is(L, -1, "code", "ledger") ||
             field_is(L, -1, "code", "configuration") || field_is(L, -1, "code", "output");
    if (locked)
        return TH_EXIT_LOCKED;
    if (long_wait)
        return TH_EXIT_HALTED;
    return auth || list ? TH_EXIT_FAILED : TH_EXIT_ERROR;
}

/* error, light userdata: struct uncaught → status */
static int judge_protected(lua_State *L)
{
    struct uncaught *report = lua_touserdata(L, 2);
    lua_settop(L, 1);
    lua_pushinteger(L, judge(L, &report->plain));
    return 1;
}

/* Where memory runs out, what says so is there already. */
static void report_memory(struct uncaught *report)
{
    const th_terminal *terminal = report->stop->terminal;
    const char *place = th_sched_memory_place(report->stop->sched);
    char size[32];
    th_buf text = {0};
    th_buf_puts(&text, "not enough memory: ");
    if (report->max_memory)
        th_buf_printf(&text, "the script needs more than the %s that --max-memory allows",
                      th_memory_text(report->max_memory, size));
    else
        th_buf_puts(&text, "this machine has no more for the script");
    if (place[0])
        th_buf_printf(&text, ", at %s", place);
    th_report_text(terminal->json, text.data ? text.data : "not enough memory");
    if (!terminal->json && terminal->level == TH_LOG_DEBUG)
        print_line("", report->traceback);
    th_buf_close(&text);
}

int th_report_uncaught(lua_State *L, const th_stop *stop, size_t max_memory)
{
    struct uncaught report = {.stop = stop, .max_memory = max_memory};
    int status = TH_EXIT_ERROR, top = lua_gettop(L);
    report.traceback = th_sched_uncaught(stop->sched, L); // error
    const char *kind = th_error_kind_at(L, -1);
    th_progress_end(stop->terminal);
    if (kind && strcmp(kind, "cancelled") == 0 && stop->phase != TH_PHASE_RUN) {
        lua_settop(L, top);
        return TH_EXIT_HALTED;
    }
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "not enough memory") == 0) {
        report_memory(&report);
        lua_settop(L, top);
        return status;
    }
    if (kind) {
        lua_pushcfunction(L, judge_protected);
        lua_pushvalue(L, -2);
        lua_pushlightuserdata(L, &report);
        if (lua_pcall(L, 2, 1, 0) == LUA_OK)
            status = (int)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    report.plain = report.plain && stop->terminal->level != TH_LOG_DEBUG;
    lua_pushcfunction(L, compose);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, &report);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        th_buf_close(&report.json); /* the half of an object is none */
    print_uncaught(&report);
    th_buf_close(&report.text);
    th_buf_close(&report.origin);
    lua_settop(L, top);
    return status;
}
