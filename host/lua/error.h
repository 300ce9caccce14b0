#ifndef TH_ERROR_LUA_H
#define TH_ERROR_LUA_H

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
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

/* Appends the value at idx, of whatever type, as an error that ends the run is shown: one line
 * when it is an error object or a table. May raise; out then has to be closed by the caller. */
void th_error_show(lua_State *L, int idx, th_buf *out);
/* Appends what led to the error object at idx, and where it was raised unless `shown` (a traceback,
 * or NULL) says that: a block of lines, each ended by a newline. Nothing for other values. May
 * raise as well. */
void th_error_show_origin(lua_State *L, int idx, const char *shown, th_buf *out);

#endif
