/*
 * Where the memory of a Lua state comes from. A script makes and drops a hundred small objects for
 * each request; a pool hands such blocks out of slabs by their size, which Lua always knows, so
 * that neither a search nor a header is needed. Blocks above 512 bytes come from the C library.
 *
 * What was freed serves blocks of the same size; slabs go back when the pool is closed. Built with
 * the address sanitizer every block comes from the C library, where misuse is seen.
 */
#ifndef TH_POOL_H
#define TH_POOL_H

#include <stddef.h>

enum { TH_POOL_STEP = 16, TH_POOL_LARGEST = 512 };

struct th_pool_block;
struct th_pool_slab;

/* May be zeroed instead of opened. Belongs to one thread. */
typedef struct th_pool {
    struct th_pool_block *free[TH_POOL_LARGEST / TH_POOL_STEP]; /* the first has 16 bytes */
    char *fresh, *end;          /* what is left of the latest slab */
    struct th_pool_slab *slabs; /* all of them, owned */
} th_pool;

/* A lua_Alloc whose ctx is a th_pool. */
void *th_pool_allocate(void *ctx, void *block, size_t old, size_t size);
/* Gives all slabs back, and with them every block up to 512 bytes; larger ones must have been
 * freed.
 */
void th_pool_close(th_pool *pool);

#endif
