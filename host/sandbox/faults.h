/*
 * What goes wrong, and how often. Every fault draws from a stream of its own that follows from the
 * seed: the k-th request that could meet it does or does not, whatever the others do.
 */
#ifndef SB_FAULTS_H
#define SB_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../error.h"

enum sb_fault {
    SB_LOST_REPLY,
    SB_DROP,
    SB_ERROR_BEFORE,
    SB_ERROR_AFTER,
    SB_LIMIT,
    SB_SLOW,
    SB_CUT_BODY,
    SB_HTML,
    SB_REFUSE,
    SB_AUTH_FAILED,
    SB_FAULTS
};

enum { SB_METHODS = 5 };

typedef struct sb_faults {
    uint64_t seed;
    double rate[SB_FAULTS][SB_METHODS]; /* GET, POST, PUT, PATCH, DELETE */
    uint64_t drawn[SB_FAULTS];
} sb_faults;

/* spec: NULL, or "NAME[@METHOD]=RATE" separated by `,` or `+`; RATE 0…1. */
int sb_faults_init(sb_faults *faults, const char *spec, uint64_t seed, th_error *err);
void sb_faults_reset(sb_faults *faults);
/* Draws once. An unknown method meets none. */
bool sb_faults_hit(sb_faults *faults, enum sb_fault fault, const char *method);

const char *sb_fault_name(enum sb_fault fault);

#endif
