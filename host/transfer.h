/*
 * HTTP transfers: libcurl multi on the libuv loop. One client per account: a multi handle with its own
 * connection cache, pooled easy handles and shared TLS sessions.
 *
 * A transfer ends exactly once, with a fate:
 *   replied   a complete reply; look at the status
 *   unsent    nothing was sent (no connection, TLS refused): repeating is safe for every method
 *   lost      sent, or perhaps sent, without a complete reply: it may have happened
 * libcurl never repeats a request by itself here.
 */
#ifndef TH_TRANSFER_H
#define TH_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "error.h"
#include "pacer.h"

typedef struct th_client th_client;
typedef struct th_transfer th_transfer;

enum th_http { TH_HTTP_AUTO, TH_HTTP_1_1, TH_HTTP_2 };

typedef struct th_client_options {
    enum th_http http;      /* auto: HTTP/2 where TLS negotiates it, else 1.1 */
    const char *ca_file;    /* NULL: the system's bundle */
    unsigned concurrency;   /* sizes the connection cache */
    long timeout_ms;        /* a whole transfer; 0 = 30 s */
    long connect_timeout_ms; /* 0 = 10 s */
    size_t max_response;    /* bytes of body; 0 = 64 MiB */
} th_client_options;

enum th_fate { TH_FATE_REPLIED, TH_FATE_UNSENT, TH_FATE_LOST };

/* Embedded in its owner. Inputs are the owner's and stay alive until done or abort. */
struct th_transfer {
    const char *method;
    const char *url;
    struct curl_slist *headers;
    const char *body; /* NULL = none */
    size_t body_len;
    bool keep_headers; /* collect all reply headers as lines in reply_headers */
    long timeout_ms;   /* 0: the client's */
    void (*done)(th_transfer *transfer);
    void *ctx;

    /* results, valid in done() */
    enum th_fate fate;
    int status;          /* 0 unless replied */
    CURLcode code;
    enum th_kind kind;   /* of a failure without a reply: network, tls, timeout, malformed */
    char problem[CURL_ERROR_SIZE]; /* libcurl's words, "" when there are none */
    th_buf reply;        /* body; the owner closes it */
    th_buf reply_headers;
    th_pace_reply pace;  /* limits that the headers spoke of */
    bool json;           /* Content-Type of the reply is JSON */

    /* the client's */
    th_client *client;
    CURL *easy;
    bool sent;
    bool repeated; /* libcurl wanted to send it again and was stopped */
    bool too_large;
    curl_socket_t socket;
};

int th_client_create(uv_loop_t *loop, const th_client_options *options, th_client **out, th_error *err);
/* Aborts what is under way without calling done. Handles close on the next turns of the loop. */
void th_client_destroy(th_client *client);

/* Hands the transfer to libcurl. done comes from the loop, never from inside this call. */
int th_transfer_start(th_client *client, th_transfer *transfer, th_error *err);
/* Stops it; done will not be called. Fate and sent tell what may have happened. */
void th_transfer_abort(th_transfer *transfer);

struct th_client_stats {
    size_t in_flight, idle_easies, sockets;
    uint64_t transfers, connections;
};
void th_client_stats(const th_client *client, struct th_client_stats *out);

/* https, or http to a loopback host (127.0.0.0/8, ::1, localhost). Fills err otherwise. */
int th_url_check(const char *url, th_error *err);

/* Releases what libcurl keeps for the process. */
void th_transfer_global_cleanup(void);

#endif
