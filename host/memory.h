/*
 * The memory of the Lua state: counted, and limited where a limit was asked for. What libcurl, the
 * ledger and buffers on their way hold is not in it.
 *
 * At the limit Lua collects all garbage first and raises "not enough memory" only when that did not
 * help. A run that ends by that still has to close, record and report: for this there is a reserve
 * on top, which the script never gets. What the host does outside of the script's code has nobody
 * who could catch an error, and may use the reserve at any time.
 */
#ifndef TH_MEMORY_H
#define TH_MEMORY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "pulse.h"

typedef struct th_memory {
    lua_Alloc allocate; /* where it comes from */
    void *ctx;
    size_t used, peak;     /* bytes */
    size_t limit;          /* bytes; 0: none */
    size_t ceiling;        /* what may be used now: the limit, or with the reserve */
    size_t refused;        /* allocations that were refused at the limit */
    const th_pulse *pulse; /* NULL, or where to see whether code of the script runs */
} th_memory;

/* limit in bytes, 0: none. allocate may be NULL: the C library's; ctx is passed to it. */
void th_memory_init(th_memory *memory, size_t limit, lua_Alloc allocate, void *ctx);
/* The lua_Alloc of the state; ud is a th_memory. */
void *th_memory_allocate(void *ud, void *block, size_t old, size_t size);
/* Opens the reserve, until enough was given back. */
void th_memory_open_reserve(th_memory *memory);

/* "512M", "64K", "2G" or plain bytes; TH_INVALID with a hint for anything else, and below 1 MiB. */
int th_memory_parse(const char *text, size_t *bytes, th_error *err);
/* "512 MiB" */
const char *th_memory_text(size_t bytes, char out[static 32]);

#endif
