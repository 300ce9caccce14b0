/*
 * A plain blocking client for tests against the sandbox: libcurl's easy interface, nothing of
 * trunkhost's own client. It keeps the last reply until the next request.
 */
#ifndef SANDBOX_CLIENT_H
#define SANDBOX_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "sandbox/sandbox.h"
#include "test.h"

typedef struct sandbox_client {
    th_sandbox *sandbox;
    CURL *easy;
    const char *api;          /* whose base URL the paths are below; "" for the sandbox's own */
    const char *token;        /* NULL: no Authorization */
    const char *content_type; /* of requests with a body; NULL: none */

    CURLcode code;
    long status;
    th_buf text, headers;
    json_t *json; /* the body, NULL when it is no JSON */
} sandbox_client;

/* Starts a sandbox from a SPEC such as "trunks=3,limits=none"; fails the test when it does not
 * start. */
void sandbox_client_open(sandbox_client *client, const char *api, const char *spec);
void sandbox_client_close(sandbox_client *client);
/* One that closes at the end of the block. */
#define SANDBOX(name, api, spec)                                                                   \
    sandbox_client name LEFT_BY(sandbox_client_close);                                             \
    sandbox_client_open(&(name), api, spec)

/* Sends a request on a connection of its own, or on a kept one; body NULL: none. Returns the
 * status, 0 when no complete reply came (see code). */
long sandbox_client_send(sandbox_client *client, const char *method, const char *path,
                         const char *body);

/* Follows "data.0.id" style paths in a JSON value; NULL when there is nothing. Borrowed. */
json_t *json_at(json_t *json, const char *path);
/* The string, integer, true, false or null there, as text in a buffer of the client's last reply;
 * "absent" when there is nothing. Valid until the next call. */
const char *text_at(json_t *json, const char *path);

/* What the sandbox reports; the caller decrefs. */
json_t *sandbox_client_report(sandbox_client *client, const char *what);
size_t sandbox_client_violations(sandbox_client *client);
/* The value of a reply header, NULL when it did not come. Valid until the next call. */
const char *sandbox_client_header(sandbox_client *client, const char *name);

/* One request and what must come of it. */
typedef struct sandbox_case {
    const char *method, *path, *body;
    long status;
    const char *violation; /* code of one that it must leave; NULL: it must leave none */
} sandbox_case;
/* Runs the cases up to the one without a method; fails the test with the case's own words. */
void sandbox_client_expect(sandbox_client *client, const sandbox_case *cases);

#endif
