/* What the parts of a request to any other HTTP API share; nobody else includes this. */
#ifndef TH_HTTP_IMPL_H
#define TH_HTTP_IMPL_H

#include "base/secret.h"
#include "call/http_client.h"
#include "call/http_file.h"
#include "call/stop_request.h"
#include "wire/exchange.h"

/* Stack of a request while it waits. */
enum { HTTP_CLIENT = 1, HTTP_REQUEST };

struct th_http_call {
    th_runtime *runtime;
    th_http_client *client; /* one reference, or NULL */
    th_waker waker;
    struct curl_slist *headers; /* owned, wiped: they may hold secrets */
    th_secret *plain[4];        /* references: what plain headers hold that is one by their name */
    size_t nplain;
    th_buf body;
    th_buf words; /* of the server, for an error; here because reading them may raise */
    char *method, *url, *shown;
    th_download *download; /* NULL: the reply stays in memory */
    th_upload upload;
    th_error keep_error;
    bool read;                   /* changes nothing: GET, HEAD, OPTIONS */
    bool interrupted;            /* ended because the run is stopping */
    struct th_stop_request stop; /* what it may do meanwhile */
    uint64_t told_until;         /* a wait until then was told */
    th_exchange x;
};

/* --- http_reply.c: what came ------------------------------------------------------------------ */

/* Whether this status is a result, as the request at HTTP_REQUEST sees it. */
bool th_http_expected(lua_State *L, int status);
/* Pushes the reply. On failure pushes nothing; TH_MALFORMED. */
int th_http_push_reply(lua_State *L, const struct th_http_call *call, th_error *err);

/* --- http_error.c: what went wrong ------------------------------------------------------------ */

/* The exchange ended without a result. */
void th_http_explain(lua_State *L, struct th_http_call *call, th_error *err);
/* A reply came, and what it holds cannot be used: err says why. */
void th_http_unusable(const struct th_http_call *call, th_error *err);
/* Hides the secrets of the request at HTTP_REQUEST in all that err says. Never raises. */
void th_http_mask(lua_State *L, const struct th_http_call *call, th_error *err);

#endif
