#include "ledger/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/database.h"
#include "ledger/keys.h"
#include "ledger/sql.h"
#include "ledger/writer_impl.h"

int th_ledger_writer_create(const char *path, th_ledger_writer **out, th_error *err)
{
    th_ledger_writer *writer = calloc(1, sizeof *writer);
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    int rc;

    if (!writer)
        return th_fail(err, TH_INVALID, "cannot open the ledger %s: not enough memory", path);
    rc = th_database_open(path, TH_DATABASE_RUN, &writer->db, err);
    /* SQLite carries out each "state IN (…)" of the tables with a table that it makes and drops
     * again, which takes longer than all else that a write is made of. What they say holds of
     * everything that the operations let through; and the tables are checked when they are opened.
     */
    if (!rc)
        rc = th_database_execute(writer->db, path, "PRAGMA ignore_check_constraints = ON", err);
    if (!rc)
        rc = th_public_key_ensure(writer->db, path, public_key, NULL, err);
    if (!rc && (!(writer->path = strdup(path)) || !(writer->plain = sodium_malloc(TH_PLAIN_MAX)) ||
                !(writer->seal = sodium_malloc(sizeof *writer->seal))))
        rc = th_fail(err, TH_INVALID, "cannot open the ledger %s: not enough memory", path);
    if (!rc)
        th_ledger_writer_forget(writer);
    for (int i = 0; !rc && i < TH_STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(writer->db, th_ledger_statements[i], -1,
                                      SQLITE_PREPARE_PERSISTENT, &writer->statements[i], NULL);

        if (code)
            rc = th_database_fail(err, writer->db, code, "open", path);
    }
    if (rc) {
        th_ledger_writer_destroy(writer);
        return rc;
    }
    *out = writer;
    return 0;
}

void th_ledger_writer_destroy(th_ledger_writer *writer)
{
    if (!writer)
        return;
    for (int i = 0; i < TH_STATEMENTS; i++)
        sqlite3_finalize(writer->statements[i]);
    sqlite3_close(writer->db);
    sodium_free(writer->plain);
    sodium_free(writer->seal);
    free(writer->path);
    free(writer);
}

bool th_ledger_writer_holds_key(const th_ledger_writer *writer)
{
    return writer->seal->until != 0;
}

/* Each transaction has a time of its own, so that what ended before another thing began is told by
 * its times. A clock that was set back is followed. */
static void set_now(th_ledger_writer *writer)
{
    struct timespec ts;
    struct tm tm;
    time_t seconds;
    int64_t clock;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &ts);
    clock = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    if (clock <= writer->clock && clock > writer->clock - 1000)
        clock = writer->clock + 1;
    writer->clock = clock;
    seconds = (time_t)(clock / 1000);
    gmtime_r(&seconds, &tm);
    len = strftime(writer->now, sizeof writer->now, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(writer->now + len, sizeof writer->now - len, ".%03dZ", (int)(clock % 1000));
}

static enum th_write apply(th_ledger_writer *writer, th_ledger_op *op)
{
    switch (op->verb) {
    case TH_LEDGER_RUN_BEGIN:
        return th_write_run_begin(writer, op);
    case TH_LEDGER_RUN_CONCLUDE:
        return th_write_run_conclude(writer, op);
    case TH_LEDGER_RUN_END:
        return th_write_run_end(writer, op);
    case TH_LEDGER_ITEM_BEGIN:
        return th_write_item_begin(writer, op);
    case TH_LEDGER_ITEM_END:
        return th_write_item_end(writer, op);
    case TH_LEDGER_ATTEMPT_BEGIN:
        return th_write_attempt_begin(writer, op);
    case TH_LEDGER_ATTEMPT_END:
        return th_write_attempt_end(writer, op);
    case TH_LEDGER_CREATE_INTENT:
        return th_write_create_intent(writer, op);
    case TH_LEDGER_CREATE_END:
        return th_write_create_end(writer, op);
    case TH_LEDGER_SECRET_ADD:
        return th_write_secret_add(writer, op);
    case TH_LEDGER_SECRET_STATE:
        return th_write_secret_state(writer, op);
    case TH_LEDGER_SECRET_TRUNK:
        return th_write_secret_trunk(writer, op);
    case TH_LEDGER_SECRET_DELIVERED:
        return th_write_secret_delivered(writer, op);
    case TH_LEDGER_SYNC:
        break;
    }
    return TH_WRITE_DONE;
}

/* Whether the row of an operation is one that it made. */
static bool makes_a_row(const th_ledger_op *op)
{
    return op->verb == TH_LEDGER_SECRET_ADD || op->verb == TH_LEDGER_ITEM_BEGIN ||
           op->verb == TH_LEDGER_ATTEMPT_BEGIN || op->verb == TH_LEDGER_CREATE_INTENT;
}

unsigned th_ledger_writer_run(th_ledger_writer *writer, th_ledger_op *first)
{
    th_error problem = {0};
    bool begun = false, failed = false;

    set_now(writer);
    for (th_ledger_op *op = first; op; op = op->next)
        op->result = 0;
    for (th_ledger_op *op = first; op && !failed; op = op->next) {
        if (op->verb == TH_LEDGER_SYNC)
            continue;
        failed =
            (!begun && th_write_run(writer, TH_SQL_BEGIN)) || apply(writer, op) == TH_WRITE_BROKEN;
        begun = true;
    }
    if (!failed && begun)
        failed = th_write_run(writer, TH_SQL_COMMIT) != SQLITE_OK;
    writer->sealing = false;
    if (!failed)
        return begun;

    th_database_fail(&problem, writer->db, sqlite3_extended_errcode(writer->db), "write to",
                     writer->path);
    if (!sqlite3_get_autocommit(writer->db))
        th_write_run(writer, TH_SQL_ROLLBACK);
    for (th_ledger_op *op = first; op; op = op->next) {
        if (makes_a_row(op))
            op->row = 0;
        if (op->result == 0)
            op->result =
                th_fail(&op->err, TH_INVALID, "%s",
                        problem.message ? problem.message : "the ledger has not enough memory");
    }
    th_error_close(&problem);
    return 0;
}
