/* warn(…) of the script, and errors in finalizers: off until warn("@on"), as in lua. */
#ifndef TH_WARNINGS_H
#define TH_WARNINGS_H

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
#include "runtime/terminal.h"

typedef struct th_warnings {
    th_terminal *terminal; /* borrowed */
    bool on;
    th_buf text; /* the pieces of one so far */
} th_warnings;

void th_warnings_open(th_warnings *warnings, lua_State *L, th_terminal *terminal);
void th_warnings_close(th_warnings *warnings);

#endif
