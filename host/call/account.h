/*
 * An account at a platform: provider description, base URL, token, its own HTTP client and pacer.
 * Owned by the runtime; lives until the end of the run.
 */
#ifndef TH_ACCOUNT_H
#define TH_ACCOUNT_H

#include <curl/curl.h>

#include "base/error.h"
#include "base/secret.h"
#include "provider/provider.h"
#include "runtime/runtime.h"
#include "wire/pacer.h"
#include "wire/transfer.h"

typedef struct th_account_options {
    const char *name;
    th_provider *provider;    /* taken over, also on failure */
    const char *base_url;     /* NULL: the provider's */
    th_secret *token;         /* borrowed */
    const char *token_source; /* where the token comes from, for people: "FAMULOR_TOKEN"; or NULL */
    th_connection_options connection; /* defaults: the provider's */
    double max_wait; /* seconds that the platform may ask us to wait; 0: TH_MAX_WAIT_SECONDS */
} th_account_options;

typedef struct th_account {
    th_runtime *runtime;
    th_guest guest; /* of the run, which destroys the account at its end */
    char *name;
    char *base_url;     /* without a slash at the end */
    char *token_source; /* may be NULL */
    th_secret *token;   /* one reference: as long as it may be quoted, it is known */
    th_provider *provider;
    th_client *client;
    th_pacer *pacer;
    double max_wait;                 /* as in the options */
    uint64_t told_until;             /* a wait until then was told, on the timers' clock */
    uint64_t told_pause;             /* the same of a wait for our own rate limit */
    struct curl_slist *headers;      /* of requests without a body */
    struct curl_slist *body_headers; /* of those with one */
    const th_endpoint *get, *create, *update, *delete_;
} th_account;

/* It lives until the end of the run. */
int th_account_create(th_runtime *runtime, const th_account_options *options, th_account **out,
                      th_error *err);
/* Whether the two log on with the same token. */
bool th_account_same_token(const th_account *a, const th_account *b);

#endif
