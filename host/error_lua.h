/* The error object that scripts see. */
#ifndef TH_ERROR_LUA_H
#define TH_ERROR_LUA_H

#include <lua.h>
#include <stdbool.h>

#include "error.h"

/* Makes the metatable of error objects. Once per state. */
void th_error_open(lua_State *L);
/* Pushes a table with kind, status, code, message, fields, attempts, account, trunk, retryable and
 * ambiguous, which prints as one line; closes err. Raises only when memory is short. */
void th_error_push(lua_State *L, th_error *err);
/* Pushes and raises it. */
int th_error_raise(lua_State *L, th_error *err);
/* The kind of the error object at idx, NULL when it is something else. */
const char *th_error_kind_at(lua_State *L, int idx);

#endif
