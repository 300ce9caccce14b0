#include "base/pool.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB = 32 * 1024 - 64 }; /* with what the C library adds, no more than eight pages */

struct th_pool_block {
    struct th_pool_block *next;
};

struct th_pool_slab {
    alignas(TH_POOL_STEP) struct th_pool_slab *next;
};

/* Which list serves a size from 1 to the largest. */
static size_t class_of(size_t size)
{
    return (size - 1) / TH_POOL_STEP;
}

static bool is_small(size_t size)
{
#ifdef __SANITIZE_ADDRESS__
    (void)size;
    return false;
#else
    return size <= TH_POOL_LARGEST;
#endif
}

static void put(th_pool *pool, void *memory, size_t size)
{
    struct th_pool_block *block = memory;
    block->next = pool->free[class_of(size)];
    pool->free[class_of(size)] = block;
}

/* What is left of the old slab is too short for the block that was asked for, not for every one. */
static int open_slab(th_pool *pool)
{
    struct th_pool_slab *slab = malloc(SLAB);
    if (!slab)
        return -1;
    if (pool->end > pool->fresh)
        put(pool, pool->fresh, (size_t)(pool->end - pool->fresh));
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->fresh = (char *)slab + sizeof *slab;
    pool->end = pool->fresh + (SLAB - sizeof *slab) / TH_POOL_STEP * TH_POOL_STEP;
    return 0;
}

static void *take(th_pool *pool, size_t size)
{
    size_t class = class_of(size), whole = (class + 1) * TH_POOL_STEP;
    struct th_pool_block *block = pool->free[class];
    if (block) {
        pool->free[class] = block->next;
        return block;
    }
    if ((size_t)(pool->end - pool->fresh) < whole && open_slab(pool) != 0)
        return NULL;
    pool->fresh += whole;
    return pool->fresh - whole;
}

static void *get(th_pool *pool, size_t size)
{
    return is_small(size) ? take(pool, size) : malloc(size);
}

static void give_back(th_pool *pool, void *block, size_t size)
{
    if (is_small(size))
        put(pool, block, size);
    else
        free(block);
}

static void *resize(th_pool *pool, void *block, size_t old, size_t size)
{
    if (!is_small(old) && !is_small(size))
        return realloc(block, size);
    if (is_small(old) && is_small(size) && class_of(old) == class_of(size))
        return block;
    void *other = get(pool, size);
    if (other) {
        memcpy(other, block, old < size ? old : size);
        give_back(pool, block, old);
    }
    return other;
}

void *th_pool_allocate(void *ctx, void *block, size_t old, size_t size)
{
    th_pool *pool = ctx;
    if (!block) /* Lua says in old what kind of object it is for */
        return size > 0 ? get(pool, size) : NULL;
    if (size > 0)
        return resize(pool, block, old, size);
    give_back(pool, block, old);
    return NULL;
}

void th_pool_close(th_pool *pool)
{
    while (pool->slabs) {
        struct th_pool_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
    *pool = (th_pool){0};
}
