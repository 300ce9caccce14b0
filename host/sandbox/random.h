/*
 * Numbers and ids that look random but follow from the seed alone, so that two sandboxes with the
 * same seed and the same requests hold the same trunks, passwords and ids. Nothing here is fit for
 * real secrets.
 */
#ifndef SB_RANDOM_H
#define SB_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct sb_random {
    uint64_t state;
} sb_random;

/* A well mixed function of one word (splitmix64's finisher). */
uint64_t sb_mix(uint64_t word);
/* A seed of its own for each name, so that streams do not follow each other. */
uint64_t sb_derive(uint64_t seed, const char *name);

/* 0 … below - 1; below > 0. */
unsigned sb_random_below(sb_random *random, unsigned below);

/* Each writes a NUL-terminated text of exactly that length. */
void sb_random_word(sb_random *random, char *out, size_t length); /* A–Z a–z 0–9; out: length + 1 */
void sb_random_uuid(sb_random *random, char out[37]);             /* version 4 */
void sb_random_ulid(sb_random *random, int64_t time_us, char out[27]);

#endif
