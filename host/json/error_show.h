/* Errors as people see them at the end of a run. */
#ifndef TH_ERROR_SHOW_H
#define TH_ERROR_SHOW_H

#include <lua.h>

#include "base/buf.h"

/* Appends the value at idx, of whatever type, as an error that ends the run is shown: one line
 * when it is an error object or a table. May raise; out then has to be closed by the caller. */
void th_error_show(lua_State *L, int idx, th_buf *out);
/* Appends what led to the error object at idx, and where it was raised unless `shown` (a traceback,
 * or NULL) says that: a block of lines, each ended by a newline. Nothing for other values. May
 * raise as well. */
void th_error_show_origin(lua_State *L, int idx, const char *shown, th_buf *out);

#endif
