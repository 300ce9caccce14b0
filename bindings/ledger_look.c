/* trunkhost.ledger, the reading half; ledger.c says what each function does. */
#include <lauxlib.h>
#include <string.h>

#include "ledger_lua.h"
#include "ledger_rows.h"
#include "lua/error.h"
#include "runtime/runtime.h"

/* --- runs and items --------------------------------------------------------------------------- */

static int on_run(const struct th_run_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int ledger_run(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    struct th_ledger_rows list = {.L = L, .push = th_ledger_push_run};
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
    th_ledger_rows_end(&list, &err);
    lua_rawgeti(L, -1, 1);
    return 1;
}

static int on_item(const struct th_item_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int ledger_items_of(lua_State *L)
{
    struct th_view_filter filter = {.run = luaL_checkstring(L, 1)};
    struct th_ledger_rows list = {.L = L, .push = th_ledger_push_item};
    th_error err = {0};
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "after");
        lua_getfield(L, 2, "limit");
        lua_getfield(L, 2, "account");
        lua_getfield(L, 2, "attention"); // run options after limit account attention
        filter.after = lua_tointeger(L, 3);
        filter.limit = lua_tointeger(L, 4);
        filter.account = lua_tostring(L, 5);
        filter.attention = lua_toboolean(L, 6);
    }
    th_ledger_view *view = th_ledger_rows_open(L);
    lua_newtable(L);
    th_view_items(view, &filter, on_item, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

static int push_undo_item(lua_State *L)
{
    const struct th_undo_row *row = lua_touserdata(L, 1);
    lua_pushcfunction(L, th_ledger_push_item);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&row->item);
    lua_call(L, 1, 1);
    th_ledger_set_json(L, "before", row->before);
    th_ledger_set_json(L, "after", row->after);
    th_ledger_set_text(L, "undone", row->undone);
    th_ledger_set_text(L, "undone_by", row->undone_by);
    th_ledger_set_text(L, "followed_by", row->followed_by);
    return 1;
}

static int on_undo_item(const struct th_undo_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int ledger_undo_items(lua_State *L)
{
    const char *run = luaL_checkstring(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    struct th_ledger_rows list = {.L = L, .push = push_undo_item};
    th_error err = {0};
    lua_newtable(L);
    th_view_undo(view, run, on_undo_item, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

/* --- what is left to do ----------------------------------------------------------------------- */

static int push_unfinished(lua_State *L)
{
    const struct th_unfinished_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 3);
    th_ledger_set_text(L, "trunk", row->trunk);
    th_ledger_set_number(L, "candidates", row->candidates);
    th_ledger_set_text(L, "run", row->run);
    return 1;
}

static int on_unfinished(const struct th_unfinished_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int ledger_unfinished(lua_State *L)
{
    const char *account = th_lua_account_name(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    struct th_ledger_rows list = {.L = L, .push = push_unfinished};
    th_error err = {0};
    lua_newtable(L);
    th_view_unfinished(view, account, th_runtime_of(L)->record.run, on_unfinished, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

static int push_secret(lua_State *L)
{
    const struct th_ledger_secret_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 9);
    th_ledger_set_number(L, "id", row->row);
    th_ledger_set_text(L, "trunk", row->trunk);
    th_ledger_set_text(L, "field", row->field);
    th_ledger_set_text(L, "state", th_secret_state_name(row->state));
    th_ledger_set_text(L, "evidence", row->evidence);
    th_ledger_set_text(L, "run", row->run);
    th_ledger_set_text(L, "created_at", row->created_at);
    th_ledger_set_text(L, "proven_at", row->proven_at);
    th_ledger_set_text(L, "delivered_at", row->delivered_at);
    return 1;
}

static int on_secret(const struct th_ledger_secret_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int list_secrets(lua_State *L, const struct th_view_filter *filter)
{
    struct th_ledger_rows list = {.L = L, .push = push_secret};
    th_error err = {0};
    th_ledger_view *view = th_ledger_rows_open(L);
    lua_newtable(L);
    th_view_secrets(view, filter, on_secret, &list, &err);
    return th_ledger_rows_end(&list, &err);
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

static int on_create(const struct th_create_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int ledger_creates(lua_State *L)
{
    struct th_view_filter filter = {.unsettled = !lua_toboolean(L, 2)};
    struct th_ledger_rows list = {.L = L, .push = th_ledger_push_create};
    th_error err = {0};
    filter.account = th_lua_account_name(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    lua_newtable(L);
    th_view_creates(view, &filter, on_create, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static int ledger_secret_age(lua_State *L)
{
    const char *account = th_lua_account_name(L, 1), *trunk = th_lua_trunk_name(L, 2);
    const char *field = luaL_checkstring(L, 3);
    th_error err = {0};
    double seconds = -1;
    if (th_view_secret_age(th_ledger_rows_open(L), account, trunk, field, &seconds, &err) != 0)
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
    if (th_view_open_secret(th_ledger_rows_open(L), NULL, account, trunk, field, state, &secret,
                            &err) != 0) {
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
