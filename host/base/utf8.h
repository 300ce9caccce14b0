/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
#ifndef TH_UTF8_H
#define TH_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The length (1 … 4) of the well-formed character at p, which has n ≥ 1 bytes before it ends; 0
 * when there is none. */
static inline size_t th_utf8_char(const char *p, size_t n)
{
    const unsigned char *s = (const unsigned char *)p;
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    /* Only the second byte has a range that depends on the first. */
    unsigned low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* How many of the n bytes at p are well formed: n when all are, else where the first bad one is. */
static inline size_t th_utf8_span(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t word;
        while (n - i >= sizeof word) {
            memcpy(&word, p + i, sizeof word);
            if (word & UINT64_C(0x8080808080808080))
                break;
            i += sizeof word;
        }
        if (i == n)
            break;
        size_t len = th_utf8_char(p + i, n - i);
        if (len == 0)
            break;
        i += len;
    }
    return i;
}

#endif
