/* trunkhost.ledger, the reading half; ledger.c says what each function does. */
#include <lauxlib.h>
#include <string.h>

#include "ledger/backup.h"
#include "ledger_lua.h"
#include "ledger_rows.h"
#include "lua/error.h"
#include "runtime/runtime.h"

/* --- the rows of each table ------------------------------------------------------------------- */

/* look(ledger?) */
static int ledger_look(lua_State *L)
{
    th_record *record = &th_runtime_of(L)->record;
    const char *path = luaL_optstring(L, 1, record->path);
    th_error err = {0};
    if (!record->view && (th_ledger_view_open(path, &record->view, &err) != 0 ||
                          th_view_begin(record->view, &err) != 0)) {
        th_error_set_code(&err, "ledger");
        return th_error_raise(L, &err);
    }
    return 0;
}

/* backup(ledger, file) */
static int ledger_backup(lua_State *L)
{
    th_error err = {0};
    if (th_ledger_backup(luaL_checkstring(L, 1), luaL_checkstring(L, 2), &err) != 0)
        return th_error_raise(L, &err);
    return 0;
}

/* The filter in the table at 1. Its texts stay on the stack, as_text on top. */
static void get_filter(lua_State *L, struct th_view_filter *filter)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "run");
    lua_getfield(L, 1, "field");
    lua_getfield(L, 1, "account");
    lua_getfield(L, 1, "trunk"); // filter run field account trunk
    filter->run = luaL_optstring(L, 2, NULL);
    filter->field = luaL_optstring(L, 3, NULL);
    filter->account = lua_isnil(L, 4) ? NULL : th_lua_account_name(L, 4);
    filter->trunk = lua_isnil(L, 5) ? NULL : th_lua_trunk_name(L, 5);
    lua_getfield(L, 1, "item");
    lua_getfield(L, 1, "after");
    lua_getfield(L, 1, "limit"); // … item after limit
    filter->item = luaL_optinteger(L, 6, 0);
    filter->after = luaL_optinteger(L, 7, 0);
    filter->limit = luaL_optinteger(L, 8, 0);
    lua_getfield(L, 1, "unsettled");
    lua_getfield(L, 1, "undelivered");
    lua_getfield(L, 1, "loose");
    lua_getfield(L, 1, "attention"); // … unsettled undelivered loose attention
    filter->unsettled = lua_toboolean(L, 9);
    filter->undelivered = lua_toboolean(L, 10);
    filter->loose = lua_toboolean(L, 11);
    filter->attention = lua_toboolean(L, 12);
    lua_getfield(L, 1, "as_text");
}

/* A function NAME(filter) → rows. */
#define ROWS(name, row_type, query, push_row)                                                      \
    static int add_##name(const row_type *row, void *ctx)                                          \
    {                                                                                              \
        return th_ledger_rows_add(ctx, row);                                                       \
    }                                                                                              \
    static int ledger_##name(lua_State *L)                                                         \
    {                                                                                              \
        struct th_view_filter filter = {0};                                                        \
        struct th_ledger_rows list = {.L = L, .push = (push_row)};                                 \
        th_error err = {0};                                                                        \
        get_filter(L, &filter);                                                                    \
        list.as_text = lua_toboolean(L, -1);                                                       \
        th_ledger_view *view = th_ledger_rows_open(L);                                             \
        lua_newtable(L);                                                                           \
        query(view, &filter, add_##name, &list, &err);                                             \
        return th_ledger_rows_end(&list, &err);                                                    \
    }

ROWS(runs, struct th_run_row, th_view_runs, th_ledger_push_run)
ROWS(items, struct th_item_row, th_view_items, th_ledger_push_item)
ROWS(attempts, struct th_attempt_row, th_view_attempts, th_ledger_push_attempt)
ROWS(creates, struct th_create_row, th_view_creates, th_ledger_push_create)
ROWS(secrets, struct th_ledger_secret_row, th_view_secrets, th_ledger_push_secret)

/* run(id) → row, or nil and why */
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
    th_view_runs(view, &(struct th_view_filter){.run = id, .limit = 1}, add_runs, &list, &err);
    th_ledger_rows_end(&list, &err);
    lua_rawgeti(L, -1, 1);
    return 1;
}

static int ledger_know_account(lua_State *L)
{
    th_error err = {0};
    if (th_view_know_account(th_ledger_rows_open(L), luaL_checkstring(L, 1), &err) != 0)
        return th_error_raise(L, &err);
    return 0;
}

/* --- taking a run back ------------------------------------------------------------------------ */

static int push_undo_item(lua_State *L)
{
    const struct th_undo_row *row = lua_touserdata(L, 1);
    lua_pushcfunction(L, th_ledger_push_item);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&row->item);
    lua_pushboolean(L, false);
    lua_call(L, 2, 1);
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
    static const luaL_Reg functions[] = {{"look", ledger_look},
                                         {"backup", ledger_backup},
                                         {"know_account", ledger_know_account},
                                         {"run", ledger_run},
                                         {"runs", ledger_runs},
                                         {"items", ledger_items},
                                         {"attempts", ledger_attempts},
                                         {"creates", ledger_creates},
                                         {"secrets", ledger_secrets},
                                         {"undo_items", ledger_undo_items},
                                         {"unfinished", ledger_unfinished},
                                         {"secret_age", ledger_secret_age},
                                         {"open_secret", ledger_open_secret},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
