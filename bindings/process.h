/* A child process that is handed secrets: between its parts. */
#ifndef TH_PROCESS_H
#define TH_PROCESS_H

#include <lua.h>
#include <uv.h>

#include "../host/buf.h"
#include "runtime.h"

typedef struct th_child th_child;

/*
 * What a child reads, line by line, when not all of it is known at its start. A userdata: it may be
 * written to before the child runs and after it has ended. Its user value is the list of the
 * secrets in it.
 */
typedef struct th_feed {
    th_child *child; /* NULL before it runs and after it has ended; borrowed */
    th_buf waiting;  /* written before it ran */
    bool closed;     /* no more will come */
} th_feed;

/* The feed at idx, or NULL when it is something else. */
th_feed *th_feed_test(lua_State *L, int idx);
/* feed() → feed; feed:write(value): a line of JSON, secrets in clear; feed:close() */
void th_feed_open(lua_State *L);

/* Hands text over (it is emptied); a child that does not read any more gets nothing. */
void th_child_write(th_child *child, th_buf *text);
/* What was handed over was all. */
void th_child_close_input(th_child *child);

/* Hides every secret, and parts of those that the value at idx holds: a table's own members, or what
 * went into a feed. `full`: the text was cut at its end, which may be inside of a secret. */
void th_scrub_output(lua_State *L, int idx, th_buf *text, bool full);

#endif
