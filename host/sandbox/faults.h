/*
 * What goes wrong, and how often. Every fault draws from a stream of its own that follows from the
 * seed: the k-th request that could meet it does or does not, whatever the others do.
 */
#ifndef SB_FAULTS_H
#define SB_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* In the order in which they count when several meet one request. */
enum sb_fault {
    SB_TOUCHED,
    SB_DROP,
    SB_HTML,
    SB_LIMIT,
    SB_BUSY,
    SB_TIMEOUT_BEFORE,
    SB_ERROR_BEFORE,
    SB_REFUSE,
    SB_ERROR_200,
    SB_EMPTY_BEFORE,
    SB_BLANK_BEFORE,
    SB_ACCEPTED_BEFORE,
    SB_UNCHANGED,
    SB_OTHER_BEFORE,
    SB_LOST_REPLY,
    SB_TIMEOUT_AFTER,
    SB_ERROR_AFTER,
    SB_CUT_BODY,
    SB_EMPTY_AFTER,
    SB_BLANK_AFTER,
    SB_ACCEPTED_AFTER,
    SB_OTHER_AFTER,
    SB_SHORT_LIST,
    SB_SHIFTING_LIST,
    SB_EMPTY_PAGE,
    SB_SAME_PAGE,
    SB_SLOW,
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
