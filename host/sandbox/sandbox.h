/*
 * The sandbox: the five platform APIs as documented, served on loopback by libmicrohttpd from
 * memory. Independent of the client half of the program: it shares neither provider descriptions
 * nor JSON code with it, so that a mistake there is not agreed with here.
 *
 * It runs in threads of its own. Everything declared here may be called from any thread.
 */
#ifndef TH_SANDBOX_H
#define TH_SANDBOX_H

#include <stddef.h>

#include "base/error.h"

typedef struct th_sandbox th_sandbox;

/* What Retry-After says on every 429 and 503. */
enum th_sandbox_retry {
    TH_RETRY_DOCUMENTED,
    TH_RETRY_NONE,
    TH_RETRY_SECONDS,
    TH_RETRY_DATE,
    TH_RETRY_EPOCH
};

/* What a platform may do that its documentation leaves open. All zero: nothing of it. */
typedef struct th_sandbox_habits {
    unsigned create_ms, change_ms; /* until a create or a change shows in replies to GET */
    unsigned page;                 /* items on a page of the list of trunks; 0: as documented */
    enum th_sandbox_retry retry;
    unsigned long long retry_seconds; /* from now */
} th_sandbox_habits;

typedef struct th_sandbox_options {
    unsigned port;   /* 0: any free one */
    unsigned trunks; /* per API; default 12, at most 100,000 */
    unsigned long long seed;
    unsigned latency_ms; /* at most 60,000 */
    const char
        *limits; /* "documented" (default), "none", or "N/SECONDS[+N/SECONDS…]" for every API */
    const char *faults; /* "NAME[@METHOD]=RATE,…" with RATE 0…1 (`+` separates as well), or NULL */
    const char *token; /* bearer token that is accepted; NULL: "sandbox" */
    th_sandbox_habits habits;
} th_sandbox_options;

void th_sandbox_defaults(th_sandbox_options *options);
/* Sets one option by its name (port, trunks, seed, latency, limits, fault, token, eventual, page,
 * retry_after) from its text, which is borrowed. Limits, faults and token are checked by
 * th_sandbox_start, the others here. */
int th_sandbox_option(th_sandbox_options *options, const char *name, const char *value,
                      th_error *err);
/* Parses "trunks=200,seed=7,latency=5,limits=none,fault=lost_reply=0.1" (the SPEC of --sandbox;
 * faults separated by `+`) into options that were set to defaults; NULL and "" change nothing.
 * Strings are borrowed from *storage, which the caller frees after th_sandbox_start, also on
 * failure. */
int th_sandbox_parse(const char *spec, th_sandbox_options *options, char **storage, th_error *err);

/* Copies what it needs of the options. On success the caller owns *out. */
int th_sandbox_start(const th_sandbox_options *options, th_sandbox **out, th_error *err);
void th_sandbox_stop(th_sandbox *sandbox); /* NULL is fine */

/* The base URL that stands for the real one of that API ("famulor", "autocalls", "vatel", "bolna",
 * "bolna_trunk"); NULL for other names. Owned by the sandbox. */
const char *th_sandbox_base_url(const th_sandbox *sandbox, const char *api);
const char *th_sandbox_token(const th_sandbox *sandbox);
unsigned th_sandbox_port(const th_sandbox *sandbox);

/* What GET /_sandbox/{what} answers ("state", "log", "violations", "counts"), as JSON text that the
 * caller frees; NULL for other names or when memory runs out. It holds the live secrets. */
char *th_sandbox_report(th_sandbox *sandbox, const char *what);

#endif
