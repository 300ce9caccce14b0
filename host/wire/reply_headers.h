/*
 * What the host wants to know from reply headers: limits for the pacer, and whether the body is
 * JSON.
 */
#ifndef TH_REPLY_HEADERS_H
#define TH_REPLY_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/pacer.h"

/* Nothing said yet: -1 everywhere. */
void th_reply_headers_clear(th_pace_reply *pace, bool *json);

/*
 * Reads one header line (with or without its line end, need not be NUL-terminated). now is the time
 * of day in seconds since 1970. Understands
 *
 *   Retry-After: seconds, seconds or milliseconds since 1970 (a number of 3e8 or more), or a date
 *   X-RateLimit-Limit, -Remaining, -Reset (also X-Rate-Limit-…, RateLimit-…): the reset as seconds
 *     from now, as seconds or milliseconds since 1970, or as a date. A time of day in whole seconds
 *     counts as the end of that second, when the window is open for certain.
 *   RateLimit: limit=…, remaining=…, reset=…
 *   RateLimit: "name";r=…;t=… with RateLimit-Policy: "name";q=… (the one with the least remaining)
 *   Date: times of day in this reply are measured against it, and without it against `now`
 *   Content-Type
 *
 * No wait is longer than 366 days; a time of day that has passed is no wait.
 * Anything else, and values that make no sense, change nothing.
 */
void th_reply_headers_read(th_pace_reply *pace, bool *json, const char *line, size_t len,
                           double now);

/* The same for a wait that a member of the body names: a number (text == NULL) or a text. */
void th_reply_headers_wait(th_pace_reply *pace, const char *name, double number, const char *text,
                           double now);

#endif
