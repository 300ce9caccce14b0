/* Rows of the ledger as tables. */
#include "ledger_rows.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "ledger/alive.h"
#include "lua/error.h"
#include "runtime/runtime.h"

th_ledger_view *th_ledger_rows_open(lua_State *L)
{
    th_ledger_view *view = NULL;
    th_error err = {0};
    if (th_record_view(&th_runtime_of(L)->record, &view, &err) != 0) {
        th_error_set_code(&err, "ledger");
        th_error_raise(L, &err);
    }
    return view;
}

/* Rows go into the list on top of the stack by a protected call each: a Lua error must not leave
 * through the query that is under way. */
/* list, place, push, light userdata row, as_text → */
static int add_protected(lua_State *L)
{
    lua_call(L, 2, 1); // list place row
    lua_rawseti(L, 1, lua_tointeger(L, 2));
    return 0;
}

int th_ledger_rows_add(struct th_ledger_rows *list, const void *row)
{
    lua_State *L = list->L;
    lua_pushcfunction(L, add_protected);
    lua_pushvalue(L, -2);
    lua_pushinteger(L, ++list->count);
    lua_pushcfunction(L, list->push);
    lua_pushlightuserdata(L, (void *)(uintptr_t)row);
    lua_pushboolean(L, list->as_text);
    if (lua_pcall(L, 5, 0, 0) == LUA_OK)
        return 0;
    list->failed = true;
    return -1;
}

int th_ledger_rows_end(const struct th_ledger_rows *list, th_error *err)
{
    if (list->failed)
        return lua_error(list->L);
    if (err->kind)
        return th_error_raise(list->L, err);
    return 1;
}

/* "" stays away: nothing is there */
void th_ledger_set_text(lua_State *L, const char *name, const char *text)
{
    if (text[0]) {
        lua_pushstring(L, text);
        lua_setfield(L, -2, name);
    }
}

void th_ledger_set_number(lua_State *L, const char *name, int64_t number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

/* Decoded; as it is when it is not JSON after all. */
void th_ledger_set_json(lua_State *L, const char *name, const char *text)
{
    th_error err = {0};
    if (!text[0])
        return;
    if (th_json_decode(L, text, strlen(text), &err) != 0)
        lua_pushstring(L, text);
    th_error_close(&err);
    lua_setfield(L, -2, name);
}

/* The same, unless the argument at 2 says that it is wanted as it is: with its members in order. */
static void set_json_or_text(lua_State *L, const char *name, const char *text)
{
    if (lua_toboolean(L, 2))
        th_ledger_set_text(L, name, text);
    else
        th_ledger_set_json(L, name, text);
}

/* --- a row of each kind */

int th_ledger_push_run(lua_State *L)
{
    static const char *const lives[] = {
        [TH_RUN_ENDED] = "ended", [TH_RUN_ALIVE] = "alive", [TH_RUN_DIED] = "died"};
    const struct th_run_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 14);
    th_ledger_set_text(L, "id", row->id);
    th_ledger_set_text(L, "script", row->script);
    th_ledger_set_json(L, "arguments", row->arguments);
    th_ledger_set_text(L, "script_hash", row->script_hash);
    th_ledger_set_text(L, "host", row->host);
    if (row->pid)
        th_ledger_set_number(L, "pid", row->pid);
    th_ledger_set_text(L, "resumed_from", row->resumed_from);
    th_ledger_set_text(L, "undoes", row->undoes);
    th_ledger_set_json(L, "purpose", row->purpose);
    th_ledger_set_text(L, "started_at", row->started_at);
    th_ledger_set_text(L, "ended_at", row->ended_at);
    th_ledger_set_number(L, "seq", row->seq);
    th_ledger_set_json(L, "conclusion", row->conclusion);
    th_ledger_set_text(L, "life", lives[row->life]);
    if (row->life == TH_RUN_ENDED)
        th_ledger_set_number(L, "status", row->status);
    lua_createtable(L, 0, 6);
    for (int i = 0; i < 6; i++)
        th_ledger_set_number(L, th_item_state_name((enum th_item_state)i), row->items[i]);
    lua_setfield(L, -2, "items");
    return 1;
}

int th_ledger_push_item(lua_State *L)
{
    static const char *const lefts[] = {
        [TH_ITEM_NOT_LEFT] = "", [TH_ITEM_LEFT_UNSENT] = "unsent", [TH_ITEM_LEFT_SENT] = "sent"};
    const struct th_item_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 16);
    th_ledger_set_number(L, "id", row->row);
    th_ledger_set_text(L, "run", row->run);
    th_ledger_set_text(L, "account", row->account);
    th_ledger_set_text(L, "trunk", row->trunk);
    th_ledger_set_text(L, "label", row->label);
    th_ledger_set_text(L, "state", row->state);
    th_ledger_set_text(L, "evidence", row->evidence);
    th_ledger_set_number(L, "attempts", row->attempts);
    set_json_or_text(L, "error", row->error);
    set_json_or_text(L, "plan", row->plan);
    th_ledger_set_text(L, "started_at", row->started_at);
    th_ledger_set_text(L, "ended_at", row->ended_at);
    th_ledger_set_text(L, "left", lefts[row->left]);
    return 1;
}

int th_ledger_push_attempt(lua_State *L)
{
    const struct th_attempt_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 13);
    th_ledger_set_number(L, "id", row->row);
    if (row->item)
        th_ledger_set_number(L, "item", row->item);
    th_ledger_set_text(L, "run", row->run);
    th_ledger_set_text(L, "account", row->account);
    th_ledger_set_text(L, "trunk", row->trunk);
    th_ledger_set_text(L, "endpoint", row->endpoint);
    th_ledger_set_text(L, "method", row->method);
    th_ledger_set_text(L, "state", row->state);
    th_ledger_set_text(L, "message", row->message);
    th_ledger_set_text(L, "started_at", row->started_at);
    th_ledger_set_text(L, "ended_at", row->ended_at);
    th_ledger_set_number(L, "requests", row->requests);
    if (row->status)
        th_ledger_set_number(L, "status", row->status);
    return 1;
}

int th_ledger_push_secret(lua_State *L)
{
    const struct th_ledger_secret_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 13);
    th_ledger_set_number(L, "id", row->row);
    if (row->attempt)
        th_ledger_set_number(L, "attempt", row->attempt);
    th_ledger_set_text(L, "run", row->run);
    th_ledger_set_text(L, "account", row->account);
    th_ledger_set_text(L, "provider", row->provider);
    th_ledger_set_text(L, "trunk", row->trunk);
    th_ledger_set_text(L, "field", row->field);
    th_ledger_set_text(L, "state", th_secret_state_name(row->state));
    th_ledger_set_text(L, "evidence", row->evidence);
    th_ledger_set_text(L, "created_at", row->created_at);
    th_ledger_set_text(L, "changed_at", row->changed_at);
    th_ledger_set_text(L, "proven_at", row->proven_at);
    th_ledger_set_text(L, "delivered_at", row->delivered_at);
    return 1;
}

/* How long ago it changed. The time of day may have been set since; it counts where no other clock
 * does, after a boot or on another machine. */
static double age_of(const struct th_create_row *row)
{
    struct timespec now;
    double age = th_boot_age(row->changed_boot);
    clock_gettime(CLOCK_REALTIME, &now);
    return age >= 0
               ? age
               : (double)now.tv_sec + (double)now.tv_nsec / 1e9 - th_time_parse(row->changed_at);
}

int th_ledger_push_create(lua_State *L)
{
    const struct th_create_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 12);
    th_ledger_set_number(L, "id", row->row);
    th_ledger_set_text(L, "run", row->run);
    th_ledger_set_text(L, "account", row->account);
    th_ledger_set_text(L, "endpoint", row->endpoint);
    th_ledger_set_text(L, "trunk", row->trunk);
    set_json_or_text(L, "key", row->natural_key);
    th_ledger_set_text(L, "state", row->state);
    th_ledger_set_text(L, "source", row->source);
    th_ledger_set_text(L, "parent", row->parent);
    th_ledger_set_text(L, "created_at", row->created_at);
    th_ledger_set_text(L, "changed_at", row->changed_at);
    lua_pushnumber(L, age_of(row));
    lua_setfield(L, -2, "age");
    return 1;
}
