/* trunkhost.ledger, the reading half; ledger.c says what each function does. */
#include <lauxlib.h>
#include <string.h>

#include "error_lua.h"
#include "json.h"
#include "ledger_lua.h"
#include "runtime.h"

static th_ledger_view *open_view(lua_State *L)
{
    th_ledger_view *view = NULL;
    th_error err = {0};
    if (th_runtime_view(th_runtime_of(L), &view, &err) != 0) {
        th_error_set_code(&err, "ledger");
        th_error_raise(L, &err);
    }
    return view;
}

/* --- rows as tables
 * -------------------------------------------------------------------------------- */

/* Rows go into the list on top of the stack by a protected call each: a Lua error must not leave
 * through the query that is under way. */
struct list {
    lua_State *L;
    lua_CFunction push; /* light userdata row → table */
    lua_Integer count;
    bool failed; /* then the error is on top of the stack */
};

/* list, push, light userdata row, place → */
static int add_protected(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_call(L, 1, 1); // … row
    lua_rawseti(L, 1, lua_tointeger(L, 4));
    return 0;
}

static int list_add(struct list *list, const void *row)
{
    lua_State *L = list->L;
    lua_pushcfunction(L, add_protected);
    lua_pushvalue(L, -2);
    lua_pushcfunction(L, list->push);
    lua_pushlightuserdata(L, (void *)(uintptr_t)row);
    lua_pushinteger(L, ++list->count);
    if (lua_pcall(L, 4, 0, 0) == LUA_OK)
        return 0;
    list->failed = true;
    return -1;
}

static int list_end(const struct list *list, th_error *err)
{
    if (list->failed)
        return lua_error(list->L);
    if (err->kind)
        return th_error_raise(list->L, err);
    return 1;
}

/* "" stays away: nothing is there */
static void set_text(lua_State *L, const char *name, const char *text)
{
    if (text[0]) {
        lua_pushstring(L, text);
        lua_setfield(L, -2, name);
    }
}

static void set_number(lua_State *L, const char *name, int64_t number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
}

/* Decoded; as it is when it is not JSON after all. */
static void set_json(lua_State *L, const char *name, const char *text)
{
    th_error err = {0};
    if (!text[0])
        return;
    if (th_json_decode(L, text, strlen(text), &err) != 0)
        lua_pushstring(L, text);
    th_error_close(&err);
    lua_setfield(L, -2, name);
}

/* --- runs and items
 * -------------------------------------------------------------------------------- */

static int push_run(lua_State *L)
{
    static const char *const lives[] = {
        [TH_RUN_ENDED] = "ended", [TH_RUN_ALIVE] = "alive", [TH_RUN_DIED] = "died"};
    const struct th_run_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 12);
    set_text(L, "id", row->id);
    set_text(L, "script", row->script);
    set_json(L, "arguments", row->arguments);
    set_text(L, "script_hash", row->script_hash);
    set_text(L, "host", row->host);
    if (row->pid)
        set_number(L, "pid", row->pid);
    set_text(L, "resumed_from", row->resumed_from);
    set_text(L, "undoes", row->undoes);
    set_text(L, "started_at", row->started_at);
    set_text(L, "ended_at", row->ended_at);
    set_text(L, "life", lives[row->life]);
    if (row->life == TH_RUN_ENDED)
        set_number(L, "status", row->status);
    lua_createtable(L, 0, 6);
    for (int i = 0; i < 6; i++)
        set_number(L, th_item_state_name((enum th_item_state)i), row->items[i]);
    lua_setfield(L, -2, "items");
    return 1;
}

static int on_run(const struct th_run_row *row, void *ctx)
{
    return list_add(ctx, row);
}

static int ledger_run(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    th_ledger_view *view = open_view(L);
    struct list list = {.L = L, .push = push_run};
    th_error err = {0};
    char id[64];
    if (th_view_run_find(view, name, id, &err) == -TH_NOT_FOUND) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        th_error_close(&err);
        return 2;
    }
    if (err.kind)
        return th_error_raise(L, &err);
    lua_newtable(L);
    th_view_runs(view, id, 1, on_run, &list, &err);
    list_end(&list, &err);
    lua_rawgeti(L, -1, 1);
    return 1;
}

static int push_item(lua_State *L)
{
    const struct th_item_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 10);
    set_number(L, "id", row->row);
    set_text(L, "account", row->account);
    set_text(L, "trunk", row->trunk);
    set_text(L, "state", row->state);
    set_text(L, "evidence", row->evidence);
    set_number(L, "attempts", row->attempts);
    set_json(L, "error", row->error);
    set_json(L, "plan", row->plan);
    set_text(L, "started_at", row->started_at);
    set_text(L, "ended_at", row->ended_at);
    return 1;
}

static int on_item(const struct th_item_row *row, void *ctx)
{
    return list_add(ctx, row);
}

static int ledger_items_of(lua_State *L)
{
    struct th_view_filter filter = {.run = luaL_checkstring(L, 1)};
    struct list list = {.L = L, .push = push_item};
    th_error err = {0};
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "after");
        lua_getfield(L, 2, "limit");
        filter.after = lua_tointeger(L, 3);
        filter.limit = lua_tointeger(L, 4);
    }
    th_ledger_view *view = open_view(L);
    lua_newtable(L);
    th_view_items(view, &filter, on_item, &list, &err);
    return list_end(&list, &err);
}

static int push_undo_item(lua_State *L)
{
    const struct th_undo_row *row = lua_touserdata(L, 1);
    lua_pushcfunction(L, push_item);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&row->item);
    lua_call(L, 1, 1);
    set_json(L, "before", row->before);
    set_json(L, "after", row->after);
    set_text(L, "undone", row->undone);
    set_text(L, "undone_by", row->undone_by);
    set_text(L, "followed_by", row->followed_by);
    return 1;
}

static int on_undo_item(const struct th_undo_row *row, void *ctx)
{
    return list_add(ctx, row);
}

static int ledger_undo_items(lua_State *L)
{
    const char *run = luaL_checkstring(L, 1);
    th_ledger_view *view = open_view(L);
    struct list list = {.L = L, .push = push_undo_item};
    th_error err = {0};
    lua_newtable(L);
    th_view_undo(view, run, on_undo_item, &list, &err);
    return list_end(&list, &err);
}

/* --- what is left to do
 * ---------------------------------------------------------------------------- */

static int push_unfinished(lua_State *L)
{
    const struct th_unfinished_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 3);
    set_text(L, "trunk", row->trunk);
    set_number(L, "candidates", row->candidates);
    set_text(L, "run", row->run);
    return 1;
}

static int on_unfinished(const struct th_unfinished_row *row, void *ctx)
{
    return list_add(ctx, row);
}

static int ledger_unfinished(lua_State *L)
{
    const char *account = th_lua_account_name(L, 1);
    th_ledger_view *view = open_view(L);
    struct list list = {.L = L, .push = push_unfinished};
    th_error err = {0};
    lua_newtable(L);
    th_view_unfinished(view, account, th_runtime_of(L)->run, on_unfinished, &list, &err);
    return list_end(&list, &err);
}

static int push_secret(lua_State *L)
{
    const struct th_ledger_secret_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 9);
    set_number(L, "id", row->row);
    set_text(L, "trunk", row->trunk);
    set_text(L, "field", row->field);
    set_text(L, "state", th_secret_state_name(row->state));
    set_text(L, "evidence", row->evidence);
    set_text(L, "run", row->run);
    set_text(L, "created_at", row->created_at);
    set_text(L, "proven_at", row->proven_at);
    set_text(L, "delivered_at", row->delivered_at);
    return 1;
}

static int on_secret(const struct th_ledger_secret_row *row, void *ctx)
{
    return list_add(ctx, row);
}

static int list_secrets(lua_State *L, const struct th_view_filter *filter)
{
    struct list list = {.L = L, .push = push_secret};
    th_error err = {0};
    th_ledger_view *view = open_view(L);
    lua_newtable(L);
    th_view_secrets(view, filter, on_secret, &list, &err);
    return list_end(&list, &err);
}

static int ledger_candidates(lua_State *L)
{
    struct th_view_filter filter = {.account = th_lua_account_name(L, 1), .unsettled = true};
    if (!lua_isnoneornil(L, 2))
        filter.trunk = th_lua_trunk_name(L, 2);
    return list_secrets(L, &filter);
}

static int ledger_secrets_of(lua_State *L)
{
    struct th_view_filter filter = {.account = th_lua_account_name(L, 1),
                                    .trunk = th_lua_trunk_name(L, 2)};
    return list_secrets(L, &filter);
}

static int ledger_undelivered(lua_State *L)
{
    struct th_view_filter filter = {.account = th_lua_account_name(L, 1), .undelivered = true};
    return list_secrets(L, &filter);
}

static int push_create(lua_State *L)
{
    const struct th_create_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 9);
    set_number(L, "id", row->row);
    set_text(L, "run", row->run);
    set_text(L, "account", row->account);
    set_text(L, "endpoint", row->endpoint);
    set_text(L, "trunk", row->trunk);
    set_json(L, "key", row->natural_key);
    set_text(L, "state", row->state);
    set_text(L, "source", row->source);
    set_text(L, "created_at", row->created_at);
    return 1;
}

static int on_create(const struct th_create_row *row, void *ctx)
{
    return list_add(ctx, row);
}

static int ledger_creates(lua_State *L)
{
    struct th_view_filter filter = {.unsettled = !lua_toboolean(L, 2)};
    struct list list = {.L = L, .push = push_create};
    th_error err = {0};
    filter.account = th_lua_account_name(L, 1);
    th_ledger_view *view = open_view(L);
    lua_newtable(L);
    th_view_creates(view, &filter, on_create, &list, &err);
    return list_end(&list, &err);
}

/* --- secrets
 * --------------------------------------------------------------------------------------- */

static int ledger_secret_age(lua_State *L)
{
    const char *account = th_lua_account_name(L, 1), *trunk = th_lua_trunk_name(L, 2);
    const char *field = luaL_checkstring(L, 3);
    th_error err = {0};
    double seconds = -1;
    if (th_view_secret_age(open_view(L), account, trunk, field, &seconds, &err) != 0)
        return th_error_raise(L, &err);
    if (seconds < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, seconds);
    return 1;
}

static int ledger_open_secret(lua_State *L)
{
    static const char *const names[] = {"current", "previous", "candidate", NULL};
    static const enum th_secret_state states[] = {TH_CURRENT, TH_PREVIOUS, TH_CANDIDATE};
    const char *account = th_lua_account_name(L, 1), *trunk = th_lua_trunk_name(L, 2);
    const char *field = luaL_checkstring(L, 3);
    enum th_secret_state state = states[luaL_checkoption(L, 4, "current", names)];
    th_error err = {0};
    th_secret *secret = NULL;
    if (th_view_open_secret(open_view(L), NULL, account, trunk, field, state, &secret, &err) != 0) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        lua_pushstring(L, th_kind_name(err.kind));
        th_error_close(&err);
        return 3;
    }
    th_secret_give(L, secret);
    return 1;
}

void th_open_ledger_looks(lua_State *L)
{
    static const luaL_Reg functions[] = {{"run", ledger_run},
                                         {"items_of", ledger_items_of},
                                         {"undo_items", ledger_undo_items},
                                         {"unfinished", ledger_unfinished},
                                         {"candidates", ledger_candidates},
                                         {"creates", ledger_creates},
                                         {"undelivered", ledger_undelivered},
                                         {"secrets_of", ledger_secrets_of},
                                         {"secret_age", ledger_secret_age},
                                         {"open_secret", ledger_open_secret},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
