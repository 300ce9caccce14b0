/*
 * HTTP transfers: libcurl multi on the libuv loop. One client per account: a multi handle with its
 * own connection cache, pooled easy handles and shared TLS sessions.
 *
 * A transfer ends exactly once, with a fate:
 *   replied   a complete reply; look at the status
 *   unsent    nothing was sent (no connection, TLS refused): repeating is safe for every method
 *   lost      sent, or perhaps sent, without a complete reply: it may have happened. When the head
 * of a reply came, status, pace and headers are what it said, but its body is not complete. libcurl
 * never repeats a request by itself here.
 *
 * Everything happens on the loop's thread. While transfers are in flight they keep the loop alive;
 * a client without any does not.
 */
#ifndef TH_TRANSFER_H
#define TH_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/pacer.h"

typedef struct th_client th_client;
typedef struct th_transfer th_transfer;

enum th_http { TH_HTTP_AUTO, TH_HTTP_1_1, TH_HTTP_2 };

typedef struct th_client_options {
    /* auto and 2: HTTP/2 when the server agrees during the TLS handshake, else 1.1. With 2 the
     * connections are bounded for HTTP/2 from the start, not only after the first reply. http:// is
     * always 1.1. */
    enum th_http http;
    const char *ca_file;     /* PEM, copied; NULL: see authorities.h */
    unsigned concurrency;    /* at most in flight; sizes the connection cache; 0 = 16 */
    long timeout_ms;         /* a whole transfer; 0 = 30 s */
    long connect_timeout_ms; /* 0 = 10 s */
    size_t max_response;     /* bytes of body; 0 = 64 MiB */
    bool plain_anywhere;     /* http:// to any host, not to loopback only; never by a proxy */
} th_client_options;

/* What an account and a client of another API are set up with. */
typedef struct th_connection_options {
    const th_window *windows; /* borrowed; NULL: the default; nwindows = 0 with a pointer: none */
    size_t nwindows;
    unsigned concurrency;       /* 0: the default */
    th_client_options transfer; /* concurrency is set from the one above */
} th_connection_options;

enum th_fate { TH_FATE_REPLIED, TH_FATE_UNSENT, TH_FATE_LOST };

/* Embedded in its owner. Inputs are the owner's and stay alive until done or abort. */
struct th_transfer {
    const char *method;         /* upper case: "GET", "POST", … */
    const char *url;            /* https, or http to loopback */
    struct curl_slist *headers; /* "Name: value", or NULL */
    const char *body;           /* NULL = none; sent with Content-Length */
    size_t body_len;
    /* The body comes from here instead, body_len bytes (above 0) of it: puts up to `room` bytes
     * from `offset` on into the buffer and returns how many; 0 = it cannot, and the transfer ends.
     */
    size_t (*give)(th_transfer *transfer, uint64_t offset, char *buffer, size_t room);
    /* The body of a 2xx reply goes there instead of into `reply`, piece by piece; false = it cannot
     * be taken, and the transfer ends. A repeat begins at offset 0 again. */
    bool (*take)(th_transfer *transfer, uint64_t offset, const char *data, size_t len);
    uint64_t max_reply; /* bytes of body; 0: the client's, and no bound for what is taken */
    bool keep_headers;  /* collect the reply's headers in reply_headers, one "Name: value\n" each */
    long timeout_ms;    /* 0: the client's */
    bool only_stalls;   /* timeout_ms bounds how long nothing moves, not the whole transfer */
    void (*done)(th_transfer *transfer); /* may start, abort, and destroy the client */
    void *ctx;

    /* results, valid in done(); fate, code, kind and problem also after an abort */
    enum th_fate fate;
    int status; /* 0 when not even the head of a reply came */
    CURLcode code;
    enum th_kind kind; /* TH_OK when replied, else network, tls, timeout, malformed, cancelled */
    char problem[CURL_ERROR_SIZE]; /* what went wrong, for an operator: one line that names the host
                                      and contains nothing of headers or bodies; "" when replied */
    th_buf reply; /* body; the owner closes it, and may set reply.sensitive before the start */
    th_buf reply_headers;  /* the owner closes it */
    th_pace_reply pace;    /* limits that the headers spoke of; status as above */
    bool json;             /* Content-Type of the reply is JSON */
    bool sent;             /* libcurl was allowed to send it */
    bool repeated;         /* libcurl wanted to send it again and was stopped */
    bool too_large;        /* the reply passed its bound, or its headers 256 KiB */
    bool stream_failed;    /* give or take has failed; kind is TH_REFUSED then */
    uint64_t given, taken; /* bytes of this run; after the last one, the size of what was taken */

    /* the client's */
    th_client *client;
    struct th_easy *easy; /* NULL when not in flight */
    struct curl_slist extra_headers[2];
    size_t header_bytes;
    bool head_complete; /* the empty line after the headers came */
    double head_at;     /* when the reply's head came, seconds since 1970 */
};

/* Fails with TH_INVALID: a CA file that cannot be read, or memory. options may be zeroed. Makes the
 * process ignore SIGPIPE when its disposition is still the default one: libcurl is told not to
 * touch signals, and TLS would die of a connection that the server has closed. */
int th_client_create(uv_loop_t *loop, const th_client_options *options, th_client **out,
                     th_error *err);
/* Aborts what is under way without calling done; NULL is fine. Handles close on the next turns of
 * the loop, so run it afterwards; the client frees itself then. */
void th_client_destroy(th_client *client);

/*
 * Queues the transfer; libcurl is driven once for all that were started in a turn of the loop. done
 * comes from the loop, never from inside this call. Clears the results of an earlier run, but keeps
 * the buffers' blocks. Fails with TH_INVALID (URL, memory): then nothing is in flight and done is
 * not called.
 */
int th_transfer_start(th_client *client, th_transfer *transfer, th_error *err);
/* Stops it at once; done will not be called. fate tells what may have happened, kind is
 * TH_CANCELLED. Nothing happens when it is not in flight. */
void th_transfer_abort(th_transfer *transfer);

struct th_client_stats {
    size_t in_flight, idle_easies, sockets; /* now */
    uint64_t transfers, connections;        /* ever started; sockets ever opened */
};
void th_client_stats(const th_client *client, struct th_client_stats *out);

/* Releases what libcurl keeps for the process, after the last client is gone. */
void th_transfer_global_cleanup(void);

#endif
