/*
 * Everything that the sandbox knows, without the network: the five stores, the limits, the faults,
 * the journal. One request goes in, one reply comes out; the caller keeps calls apart with a lock.
 */
#ifndef SB_WORLD_H
#define SB_WORLD_H

#include "api.h"
#include "sandbox.h"

typedef struct sb_world {
    char *token; /* owned */
    unsigned trunks, latency_ms;
    unsigned long long seed;
    sb_store stores[SB_APIS];
    sb_limit limits[SB_APIS];
    sb_faults faults;
    sb_journal journal;
} sb_world;

int sb_world_init(sb_world *world, const th_sandbox_options *options, th_error *err);
void sb_world_close(sb_world *world);
/* Back to the first state: trunks, faults, windows, journal. -1 when memory is short. */
int sb_world_reset(sb_world *world);

/* Answers one request. now: monotonic ns of its arrival. The caller frees the reply with
 * sb_reply_clear. */
void sb_world_serve(sb_world *world, sb_request *request, uint64_t now, sb_reply *reply);

/* admin.c */
/* Answers a request below /_sandbox. */
void sb_admin_serve(sb_world *world, const sb_request *request, sb_reply *reply);
/* "state", "log", "violations", "counts" as a new reference; NULL for other names. */
json_t *sb_admin_report(sb_world *world, const char *what);

#endif
