#include "json/keys.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Seeded, so that a reply cannot be made of keys that all fall into one bucket; the depth goes in,
 * so that the same key in each of many nested objects does not either. */
static uint32_t hash_of(const th_json_scan *scan, const char *p, size_t n)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = scan->seed ^ mix(n + 1, odd), word;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = mix(h ^ word, odd ^ scan->seed);
    }
    word = 0;
    memcpy(&word, p, n);
    h = mix(h ^ word, odd ^ scan->seed);
    return (uint32_t)(h ^ (h >> 32));
}

static unsigned hex4(const char *p)
{
    char digits[5] = {p[0], p[1], p[2], p[3], '\0'};
    return (unsigned)strtoul(digits, NULL, 16);
}

static char simple_escape(char ch)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = strchr(from, ch);
    if (!at)
        return ch; /* quote, backslash and slash stand for themselves */
    return to[at - from];
}

/* Appends the character to what has room for four bytes. */
static void put_utf8(th_buf *buf, uint32_t ch)
{
    char *p = buf->data + buf->len;
    if (ch < 0x80) {
        p[0] = (char)ch;
        buf->len += 1;
    } else if (ch < 0x800) {
        p[0] = (char)(0xc0 | ch >> 6);
        p[1] = (char)(0x80 | (ch & 0x3f));
        buf->len += 2;
    } else if (ch < 0x10000) {
        p[0] = (char)(0xe0 | ch >> 12);
        p[1] = (char)(0x80 | (ch >> 6 & 0x3f));
        p[2] = (char)(0x80 | (ch & 0x3f));
        buf->len += 3;
    } else {
        p[0] = (char)(0xf0 | ch >> 18);
        p[1] = (char)(0x80 | (ch >> 12 & 0x3f));
        p[2] = (char)(0x80 | (ch >> 6 & 0x3f));
        p[3] = (char)(0x80 | (ch & 0x3f));
        buf->len += 4;
    }
}

/* An unescaped text is never longer than the escaped one. */
static int unescape(th_buf *buf, const char *p, size_t n)
{
    if (th_buf_reserve(buf, n) < 0)
        return -1;
    for (const char *end = p + n; p < end;) {
        if (*p != '\\') {
            buf->data[buf->len++] = *p++;
        } else if (p[1] != 'u') {
            buf->data[buf->len++] = simple_escape(p[1]);
            p += 2;
        } else {
            uint32_t ch = hex4(p + 2);
            p += 6;
            if (ch >= 0xd800 && ch < 0xdc00) {
                ch = 0x10000 + ((ch - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
                p += 6;
            }
            put_utf8(buf, ch);
        }
    }
    return 0;
}

/* Keeps at least as many buckets as keys. */
static int grow(th_json_scan *scan)
{
    size_t cap = scan->keys_cap ? scan->keys_cap * 2 : 64;
    struct th_json_key *keys = realloc(scan->keys, cap * sizeof *keys);
    if (!keys)
        return -1;
    scan->keys = keys;
    scan->keys_cap = cap;
    uint32_t *heads = calloc(cap, sizeof *heads);
    if (!heads)
        return -1;
    free(scan->heads);
    scan->heads = heads;
    scan->nheads = cap;
    for (size_t i = 0; i < scan->nkeys; i++) {
        uint32_t *head = &heads[keys[i].hash & (cap - 1)];
        keys[i].next = *head;
        *head = (uint32_t)i + 1;
    }
    return 0;
}

enum th_json_key_answer th_json_keys_add(th_json_scan *scan, const char *text, const char *bytes,
                                         size_t len, bool escaped)
{
    if (scan->nkeys >= scan->nheads && grow(scan) < 0)
        return TH_JSON_KEY_MEMORY;
    struct th_json_key key = {.offset = (uint32_t)(bytes - text), .unescaped = escaped};
    if (escaped) {
        key.offset = (uint32_t)scan->unescaped.len;
        if (unescape(&scan->unescaped, bytes, len) < 0)
            return TH_JSON_KEY_MEMORY;
        bytes = scan->unescaped.data + key.offset;
        len = scan->unescaped.len - key.offset;
    }
    key.len = (uint32_t)len & 0x7fffffff;
    key.hash = hash_of(scan, bytes, len);

    const uint32_t first = scan->frames[scan->depth - 1].first_key;
    uint32_t *head = &scan->heads[key.hash & (scan->nheads - 1)];
    /* The keys of a bucket come latest first: the first one of an outer object ends the search, so
     * the same key in each of many nested objects costs nothing. */
    for (uint32_t i = *head; i > first; i = scan->keys[i - 1].next) {
        const struct th_json_key *other = &scan->keys[i - 1];
        scan->probes++;
        if (other->hash != key.hash || other->len != key.len)
            continue;
        const char *base = other->unescaped ? scan->unescaped.data : text;
        if (memcmp(base + other->offset, bytes, len) == 0)
            return TH_JSON_KEY_TWICE;
    }
    key.next = *head;
    scan->keys[scan->nkeys++] = key;
    *head = (uint32_t)scan->nkeys;
    return TH_JSON_KEY_NEW;
}

void th_json_keys_forget(th_json_scan *scan, size_t keep)
{
    while (scan->nkeys > keep) {
        const struct th_json_key *key = &scan->keys[--scan->nkeys];
        scan->heads[key->hash & (scan->nheads - 1)] = key->next;
    }
}
