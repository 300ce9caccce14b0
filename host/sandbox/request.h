/*
 * One request as it arrived, and its target cut into path segments and query parameters.
 */
#ifndef SB_REQUEST_H
#define SB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { SB_SEGMENTS = 12, SB_PARAMETERS = 12, SB_BODY_MAX = 1024 * 1024 };

typedef struct sb_parameter {
    const char *name, *value; /* point into the request */
} sb_parameter;

typedef struct sb_request {
    char method[16];
    char *target;        /* as it came, with the query; owned */
    char *authorization; /* owned, NULL without the header */
    char *content_type;  /* owned, NULL without the header */
    char *host;          /* owned, NULL without the header */
    th_buf body;
    bool too_large; /* more than SB_BODY_MAX came; the rest was thrown away */

    /* sb_request_split: */
    char *text;                        /* what the segments and parameters point into; owned */
    const char *segments[SB_SEGMENTS]; /* decoded */
    size_t nsegments;
    sb_parameter query[SB_PARAMETERS]; /* decoded, in order */
    size_t nquery;
} sb_request;

/* Returns 0, or -1 when the target is no well formed path (a bad escape, a NUL, too many parts). */
int sb_request_split(sb_request *request);
/* The parameter's value, or NULL. */
const char *sb_request_parameter(const sb_request *request, const char *name);
/* Content-Type is application/json, with or without parameters. */
bool sb_request_is_json(const sb_request *request);
void sb_request_close(sb_request *request);

#endif
