/*
 * A loop, a client and requests for the tests of the transfer engine, with a look at what is left
 * behind: handles when the net is closed, descriptors when a test has ended.
 */
#ifndef TEST_NET_H
#define TEST_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "test.h"
#include "wire/transfer.h"
#include "wire_server.h"

struct net {
    uv_loop_t loop;
    uv_async_t told; /* a server's word that something happened, so that the loop looks again */
    th_client *client;
    size_t open; /* fetches that were started and have not ended */
};

struct fetch {
    th_transfer transfer;
    struct net *net;
    char url[256];
    unsigned done;                    /* times that done was called */
    void (*then)(struct fetch *self); /* called from done, or NULL */
    void *ctx;
};

/* Each a zeroed options struct but for what is given. Fails the test when the client cannot be
 * made. */
void net_open(struct net *net, const th_client_options *options);
/* Destroys the client when it is still there; fails the test when a handle is left. */
void net_close(struct net *net);
/* Runs the loop until every fetch has ended. */
void net_run(struct net *net);
/* Runs the loop until the server has read this many requests. */
void net_run_until(struct net *net, wire_server *server, size_t requests);

/* Starts a request for base + path; the inputs that are set in fetch->transfer before (headers, …)
 * are kept. Strings are borrowed. */
void fetch_start(struct net *net, struct fetch *fetch, const char *method, const char *base,
                 const char *path, const char *body);
/* Starts it and runs the loop until every fetch has ended. */
void fetch_run(struct net *net, struct fetch *fetch, const char *method, const char *base,
               const char *path, const char *body);
void fetch_close(struct fetch *fetch);
/* The reply's body as text, "" when there is none. */
const char *fetch_text(const struct fetch *fetch);

/* What a test needs, closed at the end of the block: a net with these options, a fetch with these
 * members of its transfer. */
#define NET(name, ...)                                                                             \
    struct net name LEFT_BY(net_close);                                                            \
    net_open(&(name), &(th_client_options){__VA_ARGS__})
#define FETCH(name, ...) struct fetch name LEFT_BY(fetch_close) = {.transfer = {__VA_ARGS__}}

/* cmocka set-up and tear-down: a test leaves no descriptor behind. */
int net_descriptors_before(void **state);
int net_descriptors_after(void **state);
#define NET_TEST(name) TEST_BETWEEN(net_descriptors_before, net_descriptors_after, name)
/* Group tear-down: libcurl gives back what it keeps for the whole program. */
int net_group_over(void **state);

#endif
