/* What the parts of `require "trunkhost.ledger"` share. */
#ifndef TH_LEDGER_LUA_H
#define TH_LEDGER_LUA_H

#include <lua.h>

/* The account at arg, given by name or as an account; raises when it is neither. The text lasts as
 * long as the argument. */
const char *th_lua_account_name(lua_State *L, int arg);
/* A trunk's id as the ledger writes it: "42" for 42 and 42.0. It takes the place of the argument.
 */
const char *th_lua_trunk_name(lua_State *L, int arg);

/* Set their functions in the table at the top of the stack. */
void th_open_ledger_writes(lua_State *L);
void th_open_ledger_looks(lua_State *L);
void th_open_ledger_tells(lua_State *L);

#endif
