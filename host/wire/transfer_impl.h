/*
 * Inside the transfer engine: what client.c (multi handle, options), easy.c (pool), socket.c (libcurl
 * on the loop), request.c, callbacks.c and transfer.c (one request) share. Nobody else includes it.
 */
#ifndef TH_TRANSFER_IMPL_H
#define TH_TRANSFER_IMPL_H

#include "wire/socket.h"
#include "wire/transfer.h"

/* A pooled easy handle with what it is set to, so that only what changes is set again. */
typedef struct th_easy {
    CURL *curl;            /* owned */
    th_client *client;     /* the pool it belongs to */
    th_transfer *transfer; /* NULL while it lies in the pool */
    struct th_easy *next;  /* in the pool, or among those in flight */
    struct th_easy *prev;  /* among those in flight */
    char method[16];       /* CURLOPT_CUSTOMREQUEST; "" = none */
    enum {
        TH_SHAPE_GET,
        TH_SHAPE_HEAD,
        TH_SHAPE_BODY,
        TH_SHAPE_STREAM, /* a body that is asked for piece by piece */
    } shape;             /* libcurl's own idea of the method */
    bool plain;          /* set up for http:// */
    unsigned origin;     /* which of the client's CURLOPT_URL is; 0: a whole URL */
    bool target;         /* CURLOPT_REQUEST_TARGET is set */
    size_t body_len;
    long timeout_ms;
    long stall_s; /* CURLOPT_LOW_SPEED_TIME */
    curl_off_t max_reply;
    char error[CURL_ERROR_SIZE]; /* libcurl writes here */
} th_easy;

struct th_client {
    th_driver driver; /* the multi handle on the loop */
    CURLSH *share;    /* TLS sessions */
    struct curl_slist *no_expect,
        *no_content_type; /* headers that keep libcurl from adding its own */
    th_easy *idle;        /* the pool, last used first: its memory is still warm */
    th_easy *in_flight;   /* a list */
    size_t nidle, nin_flight;

    enum th_http http;
    char *origin; /* owned: "https://host:port/" that was found good last, and nearly always comes
                     again */
    size_t origin_len;
    unsigned norigins;  /* how many there were: the number of this one */
    char *ca_file;      /* owned; NULL: libcurl's default */
    char *proxy;        /* owned; "" = none, whatever the environment says later */
    char *no_proxy;     /* owned */
    th_error tls_fault; /* why no https:// request can be sent; kind TH_OK: it can */
    unsigned concurrency;
    long timeout_ms, connect_timeout_ms;
    size_t max_response;
    bool plain_anywhere;

    enum { TH_SPEAKS_UNKNOWN, TH_SPEAKS_1, TH_SPEAKS_2 } speaks; /* what the server answered with */
    uint64_t transfers;
};

/* --- easy.c ----------------------------------------------------------------------------------- */

/* With everything that does not change set; NULL when memory runs out. */
th_easy *th_easy_create(th_client *client);
void th_easy_destroy(th_easy *easy);
/* The same from the pool, where there is one. */
th_easy *th_easy_take(th_client *client);
/* Back into the pool (or away, when the pool is full). It must have left the multi handle. */
void th_easy_give(th_easy *easy);
/* Chooses the HTTP version for https:// or (plain) http://. */
CURLcode th_easy_set_scheme(th_easy *easy, bool plain);
/* A reply came with this CURLINFO_HTTP_VERSION: sizes the connections per host and corks
 * accordingly. */
void th_client_learn_version(th_client *client, long version);

/* --- callbacks.c ------------------------------------------------------------------------------ */

/* Sets the callbacks that belong to one transfer; their argument is the th_easy. */
CURLcode th_transfer_set_callbacks(th_easy *easy);
/* Bytes of body that the reply may have. */
uint64_t th_transfer_bound(const th_transfer *transfer, const th_client *client);

/* --- request.c -------------------------------------------------------------------------------- */

/* TH_INVALID: the method or the URL cannot be sent. */
int th_request_check(th_client *client, const th_transfer *transfer, th_error *err);
/* Makes the easy handle ready to send it. */
CURLcode th_request_set(th_easy *easy, th_transfer *transfer);

/* --- transfer.c ------------------------------------------------------------------------------- */

/* The multi handle says that this one is through: settles its fate and calls done. */
void th_transfer_finish(th_easy *easy, CURLcode code);

/* --- transfer_fate.c -------------------------------------------------------------------------- */

/* Sets fate, code, kind and problem of a transfer that has ended. words: what libcurl says, or "".
 */
void th_transfer_settle(th_transfer *transfer, CURLcode code, const char *words);

#endif
