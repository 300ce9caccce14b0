/* trunkhost.ledger, what a report tells of a run; ledger.c says what each function does. */
#include <lauxlib.h>

#include "ledger_lua.h"
#include "ledger_rows.h"
#include "lua/error.h"

/* { done = n, … } on top of the stack. */
static void push_counts(lua_State *L, const int64_t *counts, int states,
                        const char *(*name)(int state))
{
    lua_createtable(L, 0, states);
    for (int i = 0; i < states; i++)
        th_ledger_set_number(L, name(i), counts[i]);
}

static const char *item_state(int i)
{
    return th_item_state_name((enum th_item_state)i);
}

static const char *secret_state(int i)
{
    return th_secret_state_name((enum th_secret_state)i);
}

/* --- sums */

static int push_item_sum(lua_State *L)
{
    const struct th_item_sum *sum = lua_touserdata(L, 1);
    lua_createtable(L, 0, 2);
    th_ledger_set_text(L, "account", sum->account);
    push_counts(L, sum->items, 6, item_state); // table counts
    lua_setfield(L, -2, "items");
    return 1;
}

static int on_item_sum(const struct th_item_sum *sum, void *ctx)
{
    return th_ledger_rows_add(ctx, sum);
}

static int ledger_accounts_of(lua_State *L)
{
    const char *run = luaL_checkstring(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    struct th_ledger_rows list = {.L = L, .push = push_item_sum};
    th_error err = {0};
    lua_newtable(L);
    th_view_item_sums(view, run, on_item_sum, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

static int push_secret_sum(lua_State *L)
{
    const struct th_secret_sum *sum = lua_touserdata(L, 1);
    lua_createtable(L, 0, 4);
    th_ledger_set_text(L, "account", sum->account);
    th_ledger_set_text(L, "field", sum->field);
    push_counts(L, sum->states, 4, secret_state); // table counts
    lua_setfield(L, -2, "states");
    th_ledger_set_number(L, "delivered", sum->delivered);
    return 1;
}

static int on_secret_sum(const struct th_secret_sum *sum, void *ctx)
{
    return th_ledger_rows_add(ctx, sum);
}

static int ledger_passwords_of(lua_State *L)
{
    const char *run = luaL_checkstring(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    struct th_ledger_rows list = {.L = L, .push = push_secret_sum};
    th_error err = {0};
    lua_newtable(L);
    th_view_secret_sums(view, run, on_secret_sum, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

/* --- what came after a run */

static int push_follower(lua_State *L)
{
    const struct th_run_row *row = lua_touserdata(L, 1);
    lua_createtable(L, 0, 6);
    th_ledger_set_text(L, "id", row->id);
    th_ledger_set_text(L, "resumed_from", row->resumed_from);
    th_ledger_set_text(L, "undoes", row->undoes);
    th_ledger_set_text(L, "started_at", row->started_at);
    th_ledger_set_text(L, "ended_at", row->ended_at);
    if (row->ended_at[0])
        th_ledger_set_number(L, "status", row->status);
    return 1;
}

static int on_follower(const struct th_run_row *row, void *ctx)
{
    return th_ledger_rows_add(ctx, row);
}

static int ledger_followers(lua_State *L)
{
    const char *run = luaL_checkstring(L, 1);
    th_ledger_view *view = th_ledger_rows_open(L);
    struct th_ledger_rows list = {.L = L, .push = push_follower};
    th_error err = {0};
    lua_newtable(L);
    th_view_followers(view, run, on_follower, &list, &err);
    return th_ledger_rows_end(&list, &err);
}

void th_open_ledger_tells(lua_State *L)
{
    static const luaL_Reg functions[] = {{"accounts_of", ledger_accounts_of},
                                         {"passwords_of", ledger_passwords_of},
                                         {"followers", ledger_followers},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
