/*
 * Rows of the ledger as Lua tables, for the functions of trunkhost.ledger that look at it.
 */
#ifndef TH_LEDGER_ROWS_H
#define TH_LEDGER_ROWS_H

#include <lua.h>
#include <stdbool.h>

#include "ledger/view.h"

/* The run's view of the ledger, borrowed; raises an error with the code "ledger" when there is
 * none. */
th_ledger_view *th_ledger_rows_open(lua_State *L);

/* Rows go into the list on top of the stack by a protected call each: a Lua error must not leave
 * through the query that is under way. */
struct th_ledger_rows {
    lua_State *L;
    lua_CFunction push; /* light userdata row, as_text → table */
    bool as_text;       /* JSON columns are not decoded */
    lua_Integer count;
    bool failed; /* then the error is on top of the stack */
};

/* Puts a row (of the type that push knows) into the list; 0, or -1 to stop the query. */
int th_ledger_rows_add(struct th_ledger_rows *list, const void *row);
/* After the query: the list stays on the stack, 1; raises what went wrong, and closes err. */
int th_ledger_rows_end(const struct th_ledger_rows *list, th_error *err);

/* Set a member of the table on top. "" stays away: nothing is there. JSON is decoded, or set as it
 * is when it is none after all. */
void th_ledger_set_text(lua_State *L, const char *name, const char *text);
void th_ledger_set_number(lua_State *L, const char *name, int64_t number);
void th_ledger_set_json(lua_State *L, const char *name, const char *text);

/* For th_ledger_rows.push: the row at 1, as_text at 2 → table. */
int th_ledger_push_run(lua_State *L);     /* struct th_run_row */
int th_ledger_push_item(lua_State *L);    /* struct th_item_row */
int th_ledger_push_attempt(lua_State *L); /* struct th_attempt_row */
int th_ledger_push_create(lua_State *L);  /* struct th_create_row */
int th_ledger_push_secret(lua_State *L);  /* struct th_ledger_secret_row */

#endif
