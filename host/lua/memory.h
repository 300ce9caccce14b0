/*
 * The memory of the Lua state, and its limit where one was asked for. What libcurl, the ledger and
 * buffers on their way hold is not in it.
 *
 * At the limit Lua collects all garbage first and raises "not enough memory" only when that did not
 * help. A run that ends by that still has to close, record and report: for this there is a reserve
 * on top. It is opened step by step, at each task that has ended for want of memory, since other
 * tasks may be as greedy. What the host does outside of the script's code has nobody who could
 * catch an error, and may use a step at any time.
 */
#ifndef TH_MEMORY_H
#define TH_MEMORY_H

#include <lua.h>
#include <stddef.h>

#include "base/error.h"
#include "lua/pulse.h"

typedef struct th_memory {
    lua_Alloc allocate; /* where it comes from */
    void *ctx;
    size_t used;           /* bytes; counted only where there is a limit */
    size_t limit;          /* bytes; 0: none */
    size_t ceiling;        /* what may be used now: the limit, or with the reserve */
    const th_pulse *pulse; /* NULL, or where to see whether code of the script runs */
} th_memory;

/* limit in bytes, 0: none. allocate may be NULL: the C library's; ctx is passed to it. Returns what
 * the state is to be made with, together with `memory`: without a limit nothing is counted. */
lua_Alloc th_memory_init(th_memory *memory, size_t limit, lua_Alloc allocate, void *ctx);
/* Opens a step of the reserve beyond what is used now; closed when enough was given back. */
void th_memory_open_reserve(th_memory *memory);

/* "512M", "64K", "2G" or plain bytes; TH_INVALID with a hint for anything else, and below 1 MiB. */
int th_memory_parse(const char *text, size_t *bytes, th_error *err);
/* "512 MiB" */
const char *th_memory_text(size_t bytes, char out[static 32]);

#endif
