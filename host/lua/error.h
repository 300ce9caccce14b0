#ifndef TH_ERROR_LUA_H
#define TH_ERROR_LUA_H

#include <lua.h>
#include <stdbool.h>

#include "base/error.h"

/* Makes the metatable of error objects. Once per state. */
void th_error_open(lua_State *L);
/* Pushes a table with kind, status, code, message, fields, attempts, account, trunk, request,
 * advice, retryable, ambiguous and cause, which prints as one line; closes err. Raises only when
 * memory runs out. */
void th_error_push(lua_State *L, th_error *err);
/* Pushes it, notes where it is raised (`traceback`, which is no plain field), and raises it. */
int th_error_raise(lua_State *L, th_error *err);
/* The same with the object that is on top of the stack. */
int th_error_raise_object(lua_State *L);
/* The kind of the error object at idx, NULL when it is something else. */
const char *th_error_kind_at(lua_State *L, int idx);

#endif
