#include "base/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/secret_known.h"

/*
 * sodium_malloc costs two guard pages, a locked page and several system calls for each block, so
 * most secrets live in slots of shared arenas; only long ones get a block of their own.
 * sodium_malloc keeps a block out of core dumps and, as far as RLIMIT_MEMLOCK allows, out of swap:
 * beyond that limit it still hands out the block.
 */
enum {
    SLOT = 256,
    ARENA_HEAD = 64,
    SLOTS = 63,
    ARENA =
        ARENA_HEAD + SLOTS * SLOT, /* four pages, less the canary that libsodium puts before it */
};

typedef struct th_secret_arena arena;

enum { SLOT_BYTES = SLOT - sizeof(struct th_secret) };

/* The head of an arena lies in the arena itself. */
struct th_secret_arena {
    arena *next, *prev; /* among the arenas that have a free slot */
    th_secret *free;
    unsigned used;
    unsigned fresh; /* slots at the end that were never handed out */
};

_Static_assert(sizeof(arena) <= ARENA_HEAD, "the arena's head must fit before its first slot");

/*
 * The one pool of the process. Locked memory is a resource of the process (RLIMIT_MEMLOCK), and a
 * secret may lose its last reference on the ledger's thread, hence the lock.
 */
static struct {
    pthread_once_t once;
    pthread_mutex_t lock;
    int ready;
    arena *open; /* arenas with a free slot */
    atomic_size_t alive;
} pool = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void start_sodium(void)
{
    pool.ready = sodium_init() >= 0;
}

static void open_insert(arena *a)
{
    a->prev = NULL;
    a->next = pool.open;
    if (pool.open)
        pool.open->prev = a;
    pool.open = a;
}

static void open_remove(arena *a)
{
    if (a->prev)
        a->prev->next = a->next;
    else
        pool.open = a->next;
    if (a->next)
        a->next->prev = a->prev;
}

static th_secret *slot_take(void)
{
    arena *a = pool.open;
    if (!a) {
        a = sodium_malloc(ARENA);
        if (!a)
            return NULL;
        *a = (arena){.fresh = SLOTS};
        open_insert(a);
    }
    th_secret *secret = a->free;
    if (secret) {
        a->free = secret->next;
    } else {
        secret = (th_secret *)(void *)((char *)a + ARENA_HEAD + (size_t)(SLOTS - a->fresh) * SLOT);
        a->fresh--;
    }
    if (++a->used == SLOTS)
        open_remove(a);
    secret->home = a;
    return secret;
}

static void slot_give(th_secret *secret)
{
    arena *a = secret->home;
    sodium_memzero(secret, SLOT);
    secret->next = a->free;
    a->free = secret;
    if (a->used-- == SLOTS)
        open_insert(a);
    /* One empty arena stays, so that a secret that comes and goes costs no system call. */
    if (a->used == 0 && (a->next || a->prev)) {
        open_remove(a);
        sodium_free(a);
    }
}

static int secret_new(size_t len, th_secret **out, th_error *err)
{
    pthread_once(&pool.once, start_sodium);
    if (!pool.ready)
        return th_fail(err, TH_INVALID,
                       "libsodium cannot start: the system has no source of random bytes");
    th_secret *secret;
    if (len <= SLOT_BYTES) {
        pthread_mutex_lock(&pool.lock);
        secret = slot_take();
        pthread_mutex_unlock(&pool.lock);
    } else {
        /* Rounded up: the block ends at its guard page, and its head needs to be aligned. */
        secret = sodium_malloc((sizeof *secret + len + 15) & ~(size_t)15);
        if (secret)
            secret->home = NULL;
    }
    if (!secret)
        return th_fail(err, TH_INVALID, "not enough memory for a secret");
    atomic_init(&secret->refs, 1);
    atomic_init(&secret->revealed, false);
    secret->known = false;
    secret->len = (uint16_t)len;
    atomic_fetch_add_explicit(&pool.alive, 1, memory_order_relaxed);
    *out = secret;
    return 0;
}

/* Its bytes are there: from here on they are kept out of every output. */
static void secret_born(th_secret *secret)
{
    pthread_mutex_lock(&pool.lock);
    th_secret_learn(secret);
    pthread_mutex_unlock(&pool.lock);
}

static void secret_free(th_secret *secret)
{
    atomic_fetch_sub_explicit(&pool.alive, 1, memory_order_relaxed);
    pthread_mutex_lock(&pool.lock);
    th_secret_forget(secret);
    bool slot = secret->home != NULL;
    if (slot)
        slot_give(secret);
    pthread_mutex_unlock(&pool.lock);
    if (!slot)
        sodium_free(secret); /* wipes it */
}

void th_secret_lock(void)
{
    pthread_mutex_lock(&pool.lock);
}

void th_secret_unlock(void)
{
    pthread_mutex_unlock(&pool.lock);
}

/* The distinct characters of `alphabet` in the order they come; 0 when one is not allowed. */
static unsigned distinct(const char *alphabet, unsigned char out[95])
{
    bool seen[256] = {false};
    unsigned n = 0;
    for (const unsigned char *p = (const unsigned char *)alphabet; *p; p++) {
        if (*p <= ' ' || *p > '~')
            return 0;
        if (!seen[*p])
            out[n++] = *p;
        seen[*p] = true;
    }
    return n;
}

/*
 * Bytes at or above the largest multiple of n are thrown away, so that every character is equally
 * likely. Drawing a block of bytes at a time costs one system call where randombytes_uniform would
 * make one for each character.
 */
static void draw(char *to, size_t len, const unsigned char *set, unsigned n)
{
    unsigned char block[64];
    const unsigned limit = 256 - 256 % n;
    size_t done = 0;
    while (done < len) {
        randombytes_buf(block, sizeof block);
        for (size_t i = 0; i < sizeof block && done < len; i++)
            if (block[i] < limit)
                to[done++] = (char)set[block[i] % n];
    }
    sodium_memzero(block, sizeof block);
}

int th_secret_random(size_t length, const char *alphabet, th_secret **out, th_error *err)
{
    if (!alphabet)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (length < 1 || length > TH_SECRET_MAX)
        return th_fail(err, TH_INVALID, "a secret needs a length of 1 to %d characters, not %zu",
                       TH_SECRET_MAX, length);
    unsigned char set[95];
    unsigned n = distinct(alphabet, set);
    if (n == 0 && *alphabet)
        return th_fail(err, TH_INVALID,
                       "the alphabet of a secret may hold visible ASCII characters only: "
                       "no spaces, no control characters, no accents");
    if (n < 2)
        return th_fail(err, TH_INVALID,
                       "the alphabet of a secret needs at least 2 different characters");
    int rc = secret_new(length, out, err);
    if (rc < 0)
        return rc;
    draw((*out)->bytes, length, set, n);
    secret_born(*out);
    return 0;
}

int th_secret_copy(const void *bytes, size_t len, th_secret **out, th_error *err)
{
    if (len < 1)
        return th_fail(err, TH_INVALID, "a secret must not be empty");
    if (len > TH_SECRET_MAX)
        return th_fail(err, TH_INVALID, "a secret may have at most %d bytes, this one has %zu",
                       TH_SECRET_MAX, len);
    int rc = secret_new(len, out, err);
    if (rc < 0)
        return rc;
    memcpy((*out)->bytes, bytes, len);
    secret_born(*out);
    return 0;
}

th_secret *th_secret_ref(th_secret *secret)
{
    atomic_fetch_add_explicit(&secret->refs, 1, memory_order_relaxed);
    return secret;
}

void th_secret_unref(th_secret *secret)
{
    if (secret && atomic_fetch_sub_explicit(&secret->refs, 1, memory_order_acq_rel) == 1)
        secret_free(secret);
}

const char *th_secret_bytes(const th_secret *secret, size_t *len)
{
    *len = secret->len;
    return secret->bytes;
}

void th_secret_mark_revealed(th_secret *secret)
{
    atomic_store_explicit(&secret->revealed, true, memory_order_relaxed);
}

bool th_secret_equal(const th_secret *a, const th_secret *b)
{
    return a->len == b->len && sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

size_t th_secret_count(void)
{
    return atomic_load_explicit(&pool.alive, memory_order_relaxed);
}
