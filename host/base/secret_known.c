#include "base/secret_known.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/*
 * Two steps, because a text has thousands of places and hardly one of them begins a secret. The
 * first six bytes of each secret are counted in `begins`, by a hash; only at a place whose count is
 * not zero is the text hashed as a whole, once for each length that a living secret has.
 *
 * Both tables begin in static memory, so that a process with few secrets needs no other, and grow
 * with the number of secrets. Where memory runs out they stay as they are and are slower.
 */
enum { FIRST_CHAINS = 256, BEGINS_PER_CHAIN = 16, FULL = UINT8_MAX };

static th_secret *first_chains[FIRST_CHAINS];
static uint8_t first_begins[FIRST_CHAINS * BEGINS_PER_CHAIN];

static struct {
    uint64_t key; /* odd, drawn at the first use */
    th_secret **chains;
    uint8_t *begins; /* one that has become FULL stays so */
    size_t nchains;  /* a power of two */
    size_t count;
    uint32_t of_length[TH_SECRET_MAX + 1];
    uint16_t lengths[TH_SECRET_MAX]; /* those that there are, longest first */
    size_t nlengths;
} table = {.chains = first_chains, .begins = first_begins, .nchains = FIRST_CHAINS};

static uint64_t mix(uint64_t hash)
{
    hash *= table.key;
    return hash ^ (hash >> 32);
}

/* Of n ≥ TH_SECRET_KNOWN_LEAST bytes. */
static uint64_t hash_of(const unsigned char *bytes, size_t n)
{
    uint64_t hash = n, word;
    for (; n >= sizeof word; n -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = mix(hash ^ word);
    }
    word = 0;
    memcpy(&word, bytes, n);
    return mix(hash ^ word);
}

static uint8_t *begin_of(const unsigned char *bytes)
{
    uint32_t four;
    uint16_t two;
    memcpy(&four, bytes, sizeof four);
    memcpy(&two, bytes + sizeof four, sizeof two);
    uint64_t hash = mix(four | (uint64_t)two << 32);
    return &table.begins[hash & (table.nchains * BEGINS_PER_CHAIN - 1)];
}

static void enter(th_secret *secret)
{
    uint8_t *begin = begin_of((const unsigned char *)secret->bytes);
    th_secret **chain = &table.chains[secret->hash & (table.nchains - 1)];
    *begin += *begin < FULL;
    secret->next = *chain;
    secret->previous = chain;
    if (secret->next)
        secret->next->previous = &secret->next;
    *chain = secret;
}

static void grow(void)
{
    size_t n = table.nchains, more = n * 4;
    th_secret **old = table.chains, **chains = calloc(more, sizeof *chains);
    uint8_t *begins = calloc(more * BEGINS_PER_CHAIN, 1);
    if (!chains || !begins) {
        free(chains);
        free(begins);
        return;
    }
    if (old != first_chains)
        free(table.begins);
    table.chains = chains;
    table.begins = begins;
    table.nchains = more;
    for (size_t i = 0; i < n; i++) {
        for (th_secret *secret = old[i], *next; secret; secret = next) {
            next = secret->next;
            enter(secret);
        }
    }
    if (old != first_chains)
        free(old);
}

/* Back to the memory that needs no freeing, once nothing is left. */
static void shrink(void)
{
    if (table.chains != first_chains) {
        free(table.chains);
        free(table.begins);
    }
    memset(first_chains, 0, sizeof first_chains);
    memset(first_begins, 0, sizeof first_begins);
    table.chains = first_chains;
    table.begins = first_begins;
    table.nchains = FIRST_CHAINS;
}

static void add_length(uint16_t len)
{
    size_t at = table.nlengths++;
    for (; at > 0 && table.lengths[at - 1] < len; at--)
        table.lengths[at] = table.lengths[at - 1];
    table.lengths[at] = len;
}

static void drop_length(uint16_t len)
{
    size_t at = 0;
    while (table.lengths[at] != len)
        at++;
    table.nlengths--;
    memmove(&table.lengths[at], &table.lengths[at + 1],
            (table.nlengths - at) * sizeof table.lengths[0]);
}

static bool is_too_common(const th_secret *secret)
{
    if (secret->len >= TH_SECRET_WORD_LEAST)
        return false;
    for (size_t i = 0; i < secret->len; i++)
        if (secret->bytes[i] < 'a' || secret->bytes[i] > 'z')
            return secret->len < TH_SECRET_KNOWN_LEAST;
    return true;
}

void th_secret_learn(th_secret *secret)
{
    if (is_too_common(secret))
        return;
    if (!table.key) {
        randombytes_buf(&table.key, sizeof table.key);
        table.key |= 1;
    }
    if (table.count >= table.nchains)
        grow();
    secret->hash = hash_of((const unsigned char *)secret->bytes, secret->len);
    secret->known = true;
    enter(secret);
    table.count++;
    if (table.of_length[secret->len]++ == 0)
        add_length(secret->len);
}

void th_secret_forget(th_secret *secret)
{
    if (!secret->known)
        return;
    uint8_t *begin = begin_of((const unsigned char *)secret->bytes);
    *begin -= *begin < FULL;
    *secret->previous = secret->next;
    if (secret->next)
        secret->next->previous = secret->previous;
    secret->known = false;
    if (--table.of_length[secret->len] == 0)
        drop_length(secret->len);
    if (--table.count == 0)
        shrink();
}

bool th_secret_any_known(void)
{
    return table.count > 0;
}

static bool is_known(const unsigned char *text, uint16_t len, bool revealed)
{
    uint64_t hash = hash_of(text, len);
    const th_secret *secret = table.chains[hash & (table.nchains - 1)];
    /* The same bytes may be there twice, and only one of them revealed: that one is enough. */
    bool found = false;
    for (; secret; secret = secret->next) {
        if (secret->hash != hash || secret->len != len || memcmp(secret->bytes, text, len) != 0)
            continue;
        if (revealed)
            return true;
        if (atomic_load_explicit(&secret->revealed, memory_order_relaxed))
            return false;
        found = true;
    }
    return found;
}

size_t th_secret_known_at(const unsigned char *text, size_t n, bool revealed)
{
    if (n < TH_SECRET_KNOWN_LEAST || *begin_of(text) == 0)
        return 0;
    for (size_t i = 0; i < table.nlengths; i++) {
        uint16_t len = table.lengths[i];
        if (len <= n && is_known(text, len, revealed))
            return len;
    }
    return 0;
}
