#include "ledger_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch_folder.h"
#include "test.h"
#include "watched_disk.h"

int world_set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->folder = scratch_create();
    w->path = scratch_path(w->folder, "ledger.db");
    w->key = scratch_path(w->folder, "ledger.key");
    *state = w;
    return uv_loop_init(&w->loop);
}

void world_shut(struct world *w)
{
    th_ledger_close(w->ledger);
    w->ledger = NULL;
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

int world_tear_down(void **state)
{
    struct world *w = *state;
    int rc;

    world_shut(w);
    watched_disk_remove();
    rc = uv_loop_close(&w->loop); /* fails when a handle was left open */
    th_error_close(&w->err);
    scratch_destroy(w->folder);
    free(w->path);
    free(w->key);
    free(w);
    return rc || th_secret_count() != 0;
}

void world_open(struct world *w)
{
    if (th_ledger_open(&w->loop, w->path, &w->ledger, &w->err))
        fail_msg("%s", w->err.message);
}

void world_count_up(th_ledger_op *op)
{
    ++*(int *)op->ctx;
}

int world_perform(struct world *w, th_ledger_op *op)
{
    int called = 0;

    op->cb = world_count_up;
    op->ctx = &called;
    th_ledger_submit(w->ledger, op);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(called, 1);
    return op->result;
}

int64_t world_do(struct world *w, th_ledger_op op)
{
    if (world_perform(w, &op))
        fail_msg("%s", op.err.message);
    return op.row;
}

th_secret *world_secret(const char *text)
{
    th_secret *secret = NULL;

    assert_int_equal(th_secret_copy(text, strlen(text), &secret, NULL), 0);
    return secret;
}

void world_begin_run(struct world *w)
{
    th_ledger_op op = {.verb = TH_LEDGER_RUN_BEGIN,
                       .run = "r1",
                       .script = "rotate_passwords.lua",
                       .arguments = "[\"--yes\"]"};

    assert_int_equal(world_perform(w, &op), 0);
}

th_ledger_op world_add_op(const char *trunk, th_secret *secret)
{
    return (th_ledger_op){.verb = TH_LEDGER_SECRET_ADD,
                          .account = "famulor-prod",
                          .provider = "famulor",
                          .trunk = trunk,
                          .field = "sip_password",
                          .secret = secret};
}

int64_t world_add(struct world *w, const char *trunk, const char *text)
{
    th_secret *secret = world_secret(text);
    th_ledger_op op = world_add_op(trunk, secret);

    if (world_perform(w, &op))
        fail_msg("%s", op.err.message);
    th_secret_unref(secret);
    return op.row;
}

void world_set_state(struct world *w, int64_t row, enum th_secret_state state, const char *evidence)
{
    th_ledger_op op = {
        .verb = TH_LEDGER_SECRET_STATE, .row = row, .state = state, .evidence = evidence};

    if (world_perform(w, &op))
        fail_msg("%s", op.err.message);
}

/* A connection of the test's own: what another process would see. */
static sqlite3 *look(const char *path)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

int world_query(const char *path, const char *sql)
{
    sqlite3 *db = look(path);
    sqlite3_stmt *stmt = NULL;
    int value;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

int world_change(const char *path, const char *sql)
{
    sqlite3 *db = look(path);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    sqlite3_close(db);
    return rc;
}

void world_expect(struct world *w, const char *sql, const char *wanted)
{
    sqlite3 *db = look(w->path);
    sqlite3_stmt *stmt = NULL;
    char text[4000] = "";
    size_t len = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW && len < sizeof text) {
        for (int i = 0; i < sqlite3_column_count(stmt) && len < sizeof text; i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);

            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
                                    i ? "|" : (len ? " " : ""), value ? value : "-");
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    assert_string_equal(text, wanted);
}

int world_collect(const struct th_ledger_secret_row *row, void *ctx)
{
    char *text = ctx;
    size_t len = strlen(text);

    snprintf(text + len, 1000 - len, "%s:%.*s:%s ", th_secret_state_name(row->state),
             (int)row->secret_len, row->secret ? row->secret : "", row->evidence);
    return 0;
}

void world_expect_rows(struct world *w, const char *wanted)
{
    char text[1000] = "";

    if (th_ledger_each_secret(w->path, NULL, "famulor-prod", world_collect, text, &w->err))
        fail_msg("%s", w->err.message);
    assert_string_equal(text, wanted);
}
