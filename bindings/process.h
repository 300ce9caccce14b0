/* A child process: between its parts (process.c), and the functions of Lua that start one
 * (process_commands.c), with what they feed it line by line (process_feed.c). */
#ifndef TH_PROCESS_H
#define TH_PROCESS_H

#include <lua.h>
#include <uv.h>

#include "../host/base/buf.h"
#include "base/secret.h"
#include "runtime/runtime.h"

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

enum {
    TH_CHILD_OUTPUT = 16 * 1024, /* of what it prints; the rest is read and dropped */
    TH_CHILD_VAULT = TH_SECRET_MAX + 2,
};

/* What the processes of a run share, and how many of them run; a guest of it. */
struct th_children;

struct th_child {
    uv_process_t process;
    uv_pipe_t in, out, err;
    struct th_children *children;
    th_waker waker;
    th_timer limit;
    uint64_t limit_ns; /* from when it has been given everything */
    th_feed *feed;     /* NULL: everything is known at the start; borrowed, the task holds it */
    th_buf printed, complained;
    char *
        vault; /* locked memory for TH_CHILD_VAULT bytes of its output, which is a secret; or NULL */
    size_t vault_len;
    char *name;
    unsigned open;    /* uv handles that are not closed yet */
    unsigned waits;   /* process, out and err: what must end before the task goes on */
    unsigned writing; /* pieces that are on their way to it */
    bool patient;     /* its output is wanted to the end and in full, however long that takes */
    bool input_ended, released, exited, timed_out, overflowed, ending;
    int64_t status;
    int signal;
};

/* Attaches one to the running task that is not started yet. seconds: it is ended that long after it
 * has been given all of its input; 0: no limit. Raises when memory runs out. */
th_child *th_child_create(lua_State *L, const struct th_wait_ops *ops, const char *name,
                          double seconds);
/* Starts the process. env and cwd may be NULL: ours. A code of libuv. */
int th_child_spawn(th_child *child, char **argv, char **env, const char *cwd);
/* After that: writes the input (emptied) and reads what it prints, to the end; then the task goes on. */
void th_child_start(th_child *child, th_buf *input);
/* Members of its th_wait_ops. Cancelled or released, it gets SIGTERM and, when it has not ended soon,
 * SIGKILL, with all that it has started. */
void th_child_cancel(void *ptr);
void th_child_release(void *ptr);
void th_child_describe(const void *ptr, th_buf *out);

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
