#include "sandbox/random.h"

#include <stdio.h>

uint64_t sb_mix(uint64_t word)
{
    word ^= word >> 30;
    word *= 0xbf58476d1ce4e5b9u;
    word ^= word >> 27;
    word *= 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

uint64_t sb_derive(uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    return sb_mix(seed + 0x9e3779b97f4a7c15u) ^ sb_mix(hash);
}

static uint64_t next(sb_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return sb_mix(random->state);
}

unsigned sb_random_below(sb_random *random, unsigned below)
{
    return (unsigned)(((next(random) >> 32) * below) >> 32);
}

static void letters(sb_random *random, char *out, size_t length, const char *alphabet,
                    unsigned size)
{
    for (size_t i = 0; i < length; i++)
        out[i] = alphabet[sb_random_below(random, size)];
    out[length] = '\0';
}

void sb_random_word(sb_random *random, char *out, size_t length)
{
    letters(random, out, length, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            62);
}

void sb_random_uuid(sb_random *random, char out[37])
{
    uint64_t high = next(random), low = next(random);
    high = (high & ~0xf000ull) | 0x4000u;
    low = (low & ~(3ull << 62)) | (2ull << 62);
    snprintf(out, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16) & 0xffffu, (unsigned)high & 0xffffu, (unsigned)(low >> 48),
             (unsigned long long)low & 0xffffffffffffull);
}

void sb_random_ulid(sb_random *random, int64_t time_us, char out[27])
{
    static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = (uint64_t)(time_us / 1000);
    for (int i = 9; i >= 0; i--, ms >>= 5)
        out[i] = crockford[ms & 31];
    letters(random, out + 10, 16, crockford, 32);
}
