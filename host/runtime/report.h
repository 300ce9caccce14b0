/* The last words of a run that an error has ended: for people, or as one JSON object. */
#ifndef TH_REPORT_H
#define TH_REPORT_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "runtime/stop.h"

/* Prints "trunkhost: …" for an error that ends the program, or the object; closes err. */
void th_report(bool json, th_error *err);
/* The same for a text of any number of lines. */
void th_report_text(bool json, const char *text);

/* Reports the error that no task can catch any more; returns the exit status for it. Nothing is
 * printed for a run that was cancelled because it was to stop. max_memory: the limit of the Lua state,
 * 0: none. */
int th_report_uncaught(lua_State *L, const th_stop *stop, size_t max_memory);

#endif
