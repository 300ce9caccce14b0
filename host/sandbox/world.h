/*
 * Everything that the sandbox knows, without the network: the five stores, the limits, the faults,
 * the journal. One request goes in, one reply comes out; the caller keeps calls apart with a lock.
 */
#ifndef SB_WORLD_H
#define SB_WORLD_H

#include "sandbox/api.h"
#include "sandbox/sandbox.h"

typedef struct sb_world {
    char *token;                     /* owned; the same until the end */
    char *limits_text, *faults_text; /* as they were told; owned */
    unsigned trunks, latency_ms;
    unsigned long long seed;
    th_sandbox_habits habits;
    sb_store stores[SB_APIS];
    sb_limit limits[SB_APIS];
    sb_faults faults;
    sb_journal journal;
    uint64_t kill_at; /* number of the request whose sender is to be killed; 0: none */
    bool kill_before; /* it is not carried out */
} sb_world;

int sb_world_init(sb_world *world, const th_sandbox_options *options, th_error *err);
void sb_world_close(sb_world *world);
/* Back to the first state: trunks, faults, windows, journal. -1 when memory runs out. */
int sb_world_reset(sb_world *world);

/* As if it had been started with these options, but for port and token, which stay. On failure
 * nothing has changed. */
int sb_world_renew(sb_world *world, const th_sandbox_options *options, th_error *err);
/* Other faults and habits from now on; what has happened stays. Seed and faults of the options
 * count. On failure nothing has changed. */
int sb_world_set_faults(sb_world *world, const th_sandbox_options *options, th_error *err);

/* Answers one request. now: monotonic ns of its arrival. The caller frees the reply with
 * sb_reply_clear. */
void sb_world_serve(sb_world *world, sb_request *request, uint64_t now, sb_reply *reply);

/* admin.c */
/* Answers a request below /_sandbox. */
void sb_admin_serve(sb_world *world, const sb_request *request, sb_reply *reply);
/* "state", "log", "violations", "counts" as a new reference; NULL for other names. */
json_t *sb_admin_report(sb_world *world, const char *what);

#endif
