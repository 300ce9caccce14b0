/* The memory of a Lua state: blocks that keep what is in them, and are used again. */
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "test.h"

enum { BLOCKS = 500, ROUNDS = 200000 };

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % bound;
}

static size_t random_size(void)
{
    return random_below(4) ? 1 + random_below(64) : 1 + random_below(3 * TH_POOL_LARGEST);
}

static void assert_filled(const unsigned char *block, size_t size, unsigned char with)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(block[i], with);
}

TEST(every_block_keeps_what_was_written_until_it_is_freed)
{
    static struct {
        unsigned char *block;
        size_t size;
    } held[BLOCKS];
    th_pool pool = {0};
    random_state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = random_below(BLOCKS), size = random_below(3) ? random_size() : 0;
        unsigned char mark = (unsigned char)(i * 7 + 1);
        assert_filled(held[i].block, held[i].size, mark);
        size_t old = held[i].block ? held[i].size : random_below(9); /* Lua: a kind of object */
        unsigned char *block = th_pool_allocate(&pool, held[i].block, old, size);
        assert_true((block != NULL) == (size > 0));
        assert_int_equal((uintptr_t)block % TH_POOL_STEP, 0);
        assert_filled(block, size < held[i].size ? size : held[i].size, mark);
        if (block)
            memset(block, mark, size);
        held[i].block = block;
        held[i].size = size;
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_filled(held[i].block, held[i].size, (unsigned char)(i * 7 + 1));
        if (held[i].size > TH_POOL_LARGEST || i % 2 == 0) /* the others go with their slab */
            th_pool_allocate(&pool, held[i].block, held[i].size, 0);
    }
#ifdef __SANITIZE_ADDRESS__
    for (size_t i = 1; i < BLOCKS; i += 2)
        if (held[i].size <= TH_POOL_LARGEST)
            th_pool_allocate(&pool, held[i].block, held[i].size, 0);
#endif
    th_pool_close(&pool);
}

TEST(what_was_freed_serves_again)
{
    th_pool pool = {0};
    void *blocks[100];
    const struct th_pool_slab *slabs = NULL;
    for (int round = 0; round < 1000; round++) {
        for (size_t i = 0; i < 100; i++)
            assert_non_null(blocks[i] = th_pool_allocate(&pool, NULL, 0, 1 + i));
        for (size_t i = 0; i < 100; i++)
            th_pool_allocate(&pool, blocks[i], 1 + i, 0);
        if (round == 0)
            slabs = pool.slabs;
        assert_ptr_equal(pool.slabs, slabs); /* no slab after the first round */
    }
    th_pool_close(&pool);
}

TEST(a_block_that_stays_in_its_class_stays_where_it_is)
{
#ifndef __SANITIZE_ADDRESS__
    th_pool pool = {0};
    void *block = th_pool_allocate(&pool, NULL, 0, 17);
    assert_ptr_equal(th_pool_allocate(&pool, block, 17, 32), block);
    assert_ptr_not_equal(th_pool_allocate(&pool, block, 32, 33), block);
    assert_ptr_equal(th_pool_allocate(&pool, NULL, 0, 20), block);
    th_pool_close(&pool);
#endif
}
