#include "lua/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t least = (size_t)1 << 20;
static const size_t step_least = (size_t)1 << 20;
enum { STEPS = 32 }; /* of the reserve; each is this part of the limit */

static void *plain_allocate(void *ctx, void *block, size_t old, size_t size)
{
    (void)ctx;
    (void)old;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static size_t step(const th_memory *memory)
{
    size_t part = memory->limit / STEPS;
    return part > step_least ? part : step_least;
}

static bool fits(const th_memory *memory, size_t more)
{
    size_t wanted = memory->used + more;
    if (wanted <= memory->ceiling)
        return true;
    return memory->pulse && !atomic_load_explicit(&memory->pulse->running, memory_order_relaxed) &&
           wanted <= memory->ceiling + step(memory);
}

static void *limited_allocate(void *ud, void *block, size_t old, size_t size)
{
    th_memory *memory = ud;
    if (!block)
        old = 0; /* Lua says there what kind of object it is for */
    if (size > old && !fits(memory, size - old))
        return NULL;
    void *made = memory->allocate(memory->ctx, block, old, size);
    if (!made && size > 0)
        return NULL;
    memory->used = memory->used - old + size;
    if (memory->ceiling > memory->limit && memory->used < memory->limit - memory->limit / 8)
        memory->ceiling = memory->limit;
    return made;
}

static void *other_allocate(void *ud, void *block, size_t old, size_t size)
{
    const th_memory *memory = ud;
    return memory->allocate(memory->ctx, block, old, size);
}

lua_Alloc th_memory_init(th_memory *memory, size_t limit, lua_Alloc allocate, void *ctx)
{
    *memory = (th_memory){.allocate = allocate ? allocate : plain_allocate,
                          .ctx = ctx,
                          .limit = limit,
                          .ceiling = limit};
    if (limit)
        return limited_allocate;
    return allocate ? other_allocate : plain_allocate;
}

void th_memory_open_reserve(th_memory *memory)
{
    size_t most = memory->limit + STEPS * step(memory);
    size_t ceiling = memory->used + step(memory);
    if (!memory->limit || ceiling <= memory->ceiling)
        return;
    memory->ceiling = ceiling < most ? ceiling : most;
}

int th_memory_parse(const char *text, size_t *bytes, th_error *err)
{
    static const char units[] = "KMG";
    char *end;
    size_t digits = strspn(text, "0123456789");
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    unsigned shift = 0;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (digits == 0 || digits > 15 || *end || number > SIZE_MAX >> shift)
        return th_fail(err, TH_INVALID, "--max-memory %s: write a size as 512M or 2G", text);
    *bytes = (size_t)number << shift;
    if (*bytes < least)
        return th_fail(err, TH_INVALID, "--max-memory %s: a script needs 1M at least", text);
    return 0;
}

const char *th_memory_text(size_t bytes, char out[static 32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, 32, "%zu %s", bytes, units[unit]);
    return out;
}
