/*
 * A ledger in a folder of its own and the loop that it lives on, for tests: one call for what a run
 * does in several steps. Each fails the test when it does not go well.
 */
#ifndef TH_TEST_LEDGER_WORLD_H
#define TH_TEST_LEDGER_WORLD_H

#include <uv.h>

#include "ledger/ledger.h"
#include "test.h"

struct world {
    char *folder, *path, *key; /* key: where the private key belongs */
    uv_loop_t loop;
    th_ledger *ledger; /* NULL until world_open */
    th_error err;
};

/* cmocka fixtures; the latter closes everything and fails when a handle or a secret is left. */
int world_set_up(void **state);
int world_tear_down(void **state);
#define WORLD_TEST(name) TEST_WITH(world_set_up, world_tear_down, name, struct world *w)

void world_open(struct world *w);
void world_shut(struct world *w);

/* A callback that adds one to the int in ctx. */
void world_count_up(th_ledger_op *op);
/* Submits one operation and runs the loop until nothing keeps it alive. Returns the result. */
int world_perform(struct world *w, th_ledger_op *op);
/* The same for one that must go well; returns its row. */
int64_t world_do(struct world *w, th_ledger_op op);
/* Begins run "r1". */
void world_begin_run(struct world *w);
/* The caller owns the reference. */
th_secret *world_secret(const char *text);
/* An operation that adds a sip_password of account famulor-prod; without callback. */
th_ledger_op world_add_op(const char *trunk, th_secret *secret);
/* Performs it and returns the row. */
int64_t world_add(struct world *w, const char *trunk, const char *text);
void world_set_state(struct world *w, int64_t row, enum th_secret_state state,
                     const char *evidence);

/* On a connection of their own, as another process would: the first number that sql gives; the
 * result code of sql. */
int world_query(const char *path, const char *sql);
int world_change(const char *path, const char *sql);
/* Compares all that sql gives, values parted by '|' and rows by ' ', with a text. */
void world_expect(struct world *w, const char *sql, const char *wanted);

/* For th_ledger_each_…: appends "state:secret:evidence " to the string in ctx, a char[1000]. */
int world_collect(const struct th_ledger_secret_row *row, void *ctx);
/* Compares what it collects. */
void world_expect_rows(struct world *w, const char *wanted);

#endif
