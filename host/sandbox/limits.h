/*
 * Rate limits as sliding windows over arrival: at most `count` accepted requests in any `ns`. A
 * request that is refused does not count. The clock is the caller's, so that this can be tested
 * without waiting.
 */
#ifndef SB_LIMITS_H
#define SB_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { SB_WINDOWS = 4 };

typedef struct sb_window {
    unsigned count;
    uint64_t ns;
} sb_window;

typedef struct sb_limit {
    sb_window windows[SB_WINDOWS]; /* all must hold */
    size_t nwindows;               /* 0: no limit */
    bool headers;                  /* the platform says in headers where the caller stands */
    uint64_t *arrivals;            /* ring of the last accepted ones; owned */
    size_t size;
    uint64_t accepted;
} sb_limit;

/* What the headers tell: the window that is nearest to its end. */
typedef struct sb_standing {
    unsigned limit, remaining;
    uint64_t free_in; /* ns until the next place in it becomes free */
} sb_standing;

/* Parses "N/SECONDS[+N/SECONDS…]" ("none": no window; SECONDS may have a fraction) into windows. */
int sb_windows_parse(const char *text, sb_window windows[SB_WINDOWS], size_t *count, th_error *err);

/* 0 or -1 when memory runs out. */
int sb_limit_init(sb_limit *limit, const sb_window *windows, size_t count, bool headers);
void sb_limit_close(sb_limit *limit);
/* Forgets what arrived. */
void sb_limit_reset(sb_limit *limit);

/* Takes a request that arrives at `now` (monotonic ns). False: refused, try again in
 * standing->free_in. */
bool sb_limit_admit(sb_limit *limit, uint64_t now, sb_standing *standing);

#endif
