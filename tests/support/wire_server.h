/*
 * A scripted HTTP/1.1 server for tests, on raw sockets and a thread of its own, so that it can do
 * what no decent server does: close without a reply, cut a body, send garbage, stall in the middle.
 *
 *     const wire_step steps[] = {
 *         {.status = 200, .body = "{}"},                        // Content-Length is added
 *         {.flags = WIRE_CLOSE},                                // reads the request, says nothing
 *         {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", .flags = WIRE_CLOSE},
 *         {.status = 200, .flags = WIRE_HOLD},  // answers after wire_server_release
 *     };
 *     SERVER(server, steps);
 *     … requests to wire_server_url(server) …
 *     assert_int_equal(wire_server_requests(server), 3);
 *     assert_string_equal(wire_server_request(server, 0)->method, "POST");
 *
 * The i-th request that arrives, on whichever connection, gets the i-th step; the last step serves
 * all that follow. Connections are kept alive unless a step closes them. Every request is recorded
 * before its step is acted on, so what the client has an answer to can be looked at.
 *
 * The functions may be called from any one thread; records stay valid until the server is stopped.
 */
#ifndef WIRE_SERVER_H
#define WIRE_SERVER_H

#include <stddef.h>

#include "test.h"

enum wire_flags {
    WIRE_CLOSE = 1, /* close after the reply, if there is one */
    WIRE_RESET = 2, /* the same with a TCP reset */
    WIRE_HOLD = 4,  /* wait for wire_server_release before acting */
    WIRE_HEAD_ONLY =
        8,          /* act on the request's head; its body, if any, is not waited for nor kept */
    WIRE_DRIP = 16, /* send the reply in single bytes */
};

typedef struct wire_step {
    const char *reply;   /* sent as it is; NULL: composed from the next three when status is set */
    size_t reply_len;    /* of reply; 0 = up to its NUL */
    int status;          /* 0 and no reply: nothing is sent */
    const char *headers; /* whole lines with \r\n, or NULL */
    const char *body;    /* NULL = empty */
    size_t fill;         /* this many 'x' are sent after the rest, and counted in Content-Length */
    unsigned flags;
} wire_step;

typedef struct wire_request {
    char method[16];
    char target[256];
    char *head; /* request line and headers, with their line ends */
    char *body; /* NUL-terminated; "" when there is none */
    size_t body_len;
    size_t connection; /* 0 for the first that was accepted */
} wire_request;

typedef struct wire_server wire_server;

/* Steps are borrowed until the server is stopped. Ends the test program when it cannot start. */
wire_server *wire_server_start(const wire_step *steps, size_t nsteps);
/* Closes all connections and ends the thread. NULL is fine. */
void wire_server_stop(wire_server *server);

#define STEPS(steps) (steps), sizeof(steps) / sizeof((steps)[0])
/* One that stops at the end of the block. */
#define SERVER(name, steps)                                                                        \
    wire_server *name LEFT_BY(wire_server_leave) = wire_server_start(STEPS(steps))
void wire_server_leave(wire_server **server);

const char *wire_server_url(const wire_server *server); /* "http://127.0.0.1:12345" */
int wire_server_port(const wire_server *server);

size_t wire_server_requests(wire_server *server);
size_t wire_server_connections(wire_server *server); /* accepted so far */
const wire_request *wire_server_request(wire_server *server, size_t index);
/* The value of a header of a request, copied to value; NULL when there is none. */
const char *wire_request_header(const wire_request *request, const char *name, char *value,
                                size_t size);

/* Lets every request that is held now, and that will be, go on. */
void wire_server_release(wire_server *server);
/* Closes every connection that waits for a request. */
void wire_server_close_idle(wire_server *server);
/* Blocks until this many requests have been read. Only for tests whose client is another thread or
 * process; a client on this thread needs its loop to run, see wire_server_notify. */
void wire_server_wait(wire_server *server, size_t requests);
/* Blocks until every connection that was accepted has been closed by a step or by the client. */
void wire_server_wait_closed(wire_server *server);
/* Calls told(ctx) on the server's thread after each request was read, and each connection closed.
 */
void wire_server_notify(wire_server *server, void (*told)(void *ctx), void *ctx);

#endif
