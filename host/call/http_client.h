/*
 * A client of any HTTP API, as an account is one of a platform: its own connections and its own
 * pacer, and the origin that its requests stay at. Counted references: the script holds one, and
 * each request under way.
 */
#ifndef TH_HTTP_CLIENT_H
#define TH_HTTP_CLIENT_H

#include <lua.h>

#include "runtime/runtime.h"
#include "wire/pacer.h"
#include "wire/transfer.h"

typedef struct th_http_client_options {
    const char *base_url;             /* checked here; borrowed */
    th_connection_options connection; /* concurrency 0: 16 */
} th_http_client_options;

typedef struct th_http_client {
    th_client *client;
    th_pacer *pacer;
    th_guest guest; /* of the run, until it is destroyed */
    th_runtime *runtime;
    uint64_t told_until, told_pause; /* as of an account */
    unsigned references;
} th_http_client;

/* The caller owns one reference. TH_INVALID with a reason otherwise. */
int th_http_client_create(th_runtime *runtime, const th_http_client_options *options,
                          th_http_client **out, th_error *err);
th_http_client *th_http_client_ref(th_http_client *client);
void th_http_client_unref(th_http_client *client); /* NULL is fine */

/* The connections of requests that belong to no client, made when they are first needed; raises an
 * error when that fails. They live as long as the Lua state. */
th_client *th_http_client_shared(lua_State *L, th_runtime *runtime);

/* Pushes a userdata for one, to be filled by the caller with a reference, which __gc, __close and
 * close() give back; NULL: closed. Its other methods come from bindings/. */
th_http_client **th_http_client_push(lua_State *L);
/* Raises when it is another value, or closed. Borrowed: valid while that value is. */
th_http_client *th_http_client_check(lua_State *L, int arg);
/* Makes the metatable and pushes its table of methods. */
void th_http_client_open(lua_State *L);

#endif
