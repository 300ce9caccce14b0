/*
 * Inside the scripted server: one connection. wire_server.c has the thread and the records.
 */
#ifndef WIRE_CONNECTION_H
#define WIRE_CONNECTION_H

#include <stdbool.h>

#include "wire_server.h"

enum wire_state { WIRE_READING, WIRE_HELD, WIRE_SENDING };

typedef struct wire_connection {
    int fd;
    size_t number;
    enum wire_state state;
    char *in; /* what was read and is not part of a recorded request yet */
    size_t in_len, in_cap;
    const wire_step *step; /* of the request that is being answered */
    bool head;             /* its method is HEAD: the reply has no body */
    char *out;             /* the reply without its fill */
    size_t out_len, out_sent, fill_left;
} wire_connection;

wire_connection *wire_connection_open(int fd, size_t number);
void wire_connection_close(wire_connection *c, bool reset);
/* Both do what can be done without waiting; false when the connection has broken. */
bool wire_connection_read(wire_connection *c);
bool wire_connection_send(wire_connection *c);
bool wire_connection_sent_all(const wire_connection *c);
/* Takes the next request off what was read (the caller owns it); NULL when it is not complete. */
wire_request *wire_connection_request(wire_connection *c, bool head_only);
/* Begins to answer with what c->step says. */
void wire_connection_answer(wire_connection *c);

/* Ends the program: a test cannot go on without its server. */
void wire_die(const char *what) __attribute__((noreturn));
void *wire_need(void *memory);

#endif
