#include "ledger_writer.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger_keys.h"
#include "ledger_schema.h"
#include "ledger_seal.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    SAVE,
    RELEASE,
    UNDO,
    RUN_BEGIN,
    RUN_END,
    SECRET_ADD,
    DEMOTE,
    SECRET_STATE,
    SECRET_TRUNK,
    STATEMENTS
};

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [SAVE] = "SAVEPOINT op",
    [RELEASE] = "RELEASE op",
    [UNDO] = "ROLLBACK TO op",
    [RUN_BEGIN] = "INSERT INTO runs (id, script, arguments, started_at) VALUES (?1, ?2, ?3, ?4)",
    [RUN_END] = "UPDATE runs SET ended_at = ?2, status = ?3 WHERE id = ?1",
    [SECRET_ADD] = "INSERT INTO secrets (run, account, provider, trunk, field, state, sealed,"
                   " created_at, changed_at)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, 'candidate', ?6, ?7, ?7)",
    /* Makes room for row ?1 as the current one of its trunk. With a trunk in ?3 that is about to
     * become the row's, only if the row is current already. */
    [DEMOTE] = "UPDATE secrets SET state = 'previous', changed_at = ?2"
               " FROM (SELECT account AS a, coalesce(?3, trunk) AS t, field AS f FROM secrets"
               "       WHERE id = ?1 AND (?3 IS NULL OR state = 'current'))"
               " WHERE account = a AND trunk = t AND field = f AND trunk <> ''"
               " AND state = 'current' AND id <> ?1",
    [SECRET_STATE] = "UPDATE secrets SET state = ?2, evidence = coalesce(?3, evidence),"
                     " changed_at = ?4 WHERE id = ?1",
    [SECRET_TRUNK] = "UPDATE secrets SET trunk = ?2, changed_at = ?3"
                     " WHERE id = ?1 AND trunk IN ('', ?2)",
};

struct th_ledger_writer {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[STATEMENTS];
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    unsigned char *plain; /* TH_PLAIN_MAX bytes from sodium_malloc */
    unsigned char sealed[TH_SEALED_MAX];
    char now[sizeof("2000-01-01T00:00:00.000Z")];
};

/* What became of one operation within its transaction. */
enum outcome {
    WENT_WELL,
    OWN_FAULT,      /* the operation's err says what; the others are not concerned */
    NO_TRANSACTION, /* the database cannot go on, and knows why */
};

int th_ledger_writer_create(const char *path, th_ledger_writer **out, th_error *err)
{
    th_ledger_writer *writer = calloc(1, sizeof(*writer));
    int rc;

    if (!writer)
        return th_fail(err, TH_INVALID, "cannot open the ledger %s: out of memory", path);
    rc = th_database_open(path, true, &writer->db, err);
    if (!rc)
        rc = th_public_key_ensure(writer->db, path, writer->public_key, NULL, err);
    if (!rc && (!(writer->path = strdup(path)) || !(writer->plain = sodium_malloc(TH_PLAIN_MAX))))
        rc = th_fail(err, TH_INVALID, "cannot open the ledger %s: out of memory", path);
    for (int i = 0; !rc && i < STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(writer->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &writer->statements[i], NULL);

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
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(writer->statements[i]);
    sqlite3_close(writer->db);
    sodium_free(writer->plain);
    free(writer->path);
    free(writer);
}

static void set_now(th_ledger_writer *writer)
{
    struct timespec ts;
    struct tm tm;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    len = strftime(writer->now, sizeof(writer->now), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(writer->now + len, sizeof(writer->now) - len, ".%03dZ",
             (int)(ts.tv_nsec / 1000000 % 1000));
}

/* Runs a statement whose parameters are bound. SQLITE_OK or an error code. */
static int run(th_ledger_writer *writer, enum statement which)
{
    sqlite3_stmt *stmt = writer->statements[which];
    int rc = sqlite3_step(stmt);

    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* The strings outlive the statement's run, so nothing is copied. NULL becomes NULL. */
static int bind_text(th_ledger_writer *writer, enum statement which, int at, const char *text)
{
    return sqlite3_bind_text(writer->statements[which], at, text, -1, SQLITE_STATIC);
}

static int bind_int(th_ledger_writer *writer, enum statement which, int at, int64_t value)
{
    return sqlite3_bind_int64(writer->statements[which], at, value);
}

/* Tells a fault of the operation's own from a database that cannot go on. */
static enum outcome judge(th_ledger_writer *writer, th_ledger_op *op, int rc, const char *fault)
{
    if (rc == SQLITE_OK)
        return WENT_WELL;
    if ((rc & 0xff) != SQLITE_CONSTRAINT && (rc & 0xff) != SQLITE_TOOBIG)
        return NO_TRANSACTION;
    op->result = th_fail(&op->err, TH_INVALID, "the ledger refuses this: %s (%s)", fault,
                         sqlite3_errmsg(writer->db));
    return OWN_FAULT;
}

static enum outcome own_fault(th_ledger_op *op, int result)
{
    op->result = result;
    return OWN_FAULT;
}

static enum outcome run_begin(th_ledger_writer *writer, th_ledger_op *op)
{
    int rc;

    if (!op->run || !op->run[0])
        return own_fault(op, th_fail(&op->err, TH_INVALID, "the ledger needs the id of the run"));
    if ((rc = bind_text(writer, RUN_BEGIN, 1, op->run)) ||
        (rc = bind_text(writer, RUN_BEGIN, 2, op->script ? op->script : "")) ||
        (rc = bind_text(writer, RUN_BEGIN, 3, op->arguments ? op->arguments : "[]")) ||
        (rc = bind_text(writer, RUN_BEGIN, 4, writer->now)))
        return NO_TRANSACTION;
    return judge(writer, op, run(writer, RUN_BEGIN), "there is a run of this id already");
}

static enum outcome run_end(th_ledger_writer *writer, th_ledger_op *op)
{
    enum outcome outcome;

    if (bind_text(writer, RUN_END, 1, op->run) || bind_text(writer, RUN_END, 2, writer->now) ||
        bind_int(writer, RUN_END, 3, op->status))
        return NO_TRANSACTION;
    outcome = judge(writer, op, run(writer, RUN_END), "the run cannot be ended");
    if (outcome == WENT_WELL && sqlite3_changes(writer->db) == 0)
        return own_fault(op, th_fail(&op->err, TH_INVALID, "the ledger has no run %s",
                                     op->run ? op->run : "without an id"));
    return outcome;
}

static enum outcome secret_add(th_ledger_writer *writer, th_ledger_op *op)
{
    struct th_seal_names names = {op->account, op->trunk ? op->trunk : "", op->field};
    const char *bytes;
    size_t len = 0, sealed_len = 0;
    enum outcome outcome;
    int rc;

    if (!op->account || !op->account[0] || !op->field || !op->field[0] || !op->secret)
        return own_fault(op, th_fail(&op->err, TH_INVALID,
                                     "the ledger needs account, field and secret to store one"));
    bytes = th_secret_bytes(op->secret, &len);
    if ((rc = th_seal(writer->public_key, &names, bytes, len, writer->plain, writer->sealed,
                      &sealed_len, &op->err)))
        return own_fault(op, rc);
    if (bind_text(writer, SECRET_ADD, 1, op->run) ||
        bind_text(writer, SECRET_ADD, 2, names.account) ||
        bind_text(writer, SECRET_ADD, 3, op->provider ? op->provider : "") ||
        bind_text(writer, SECRET_ADD, 4, names.trunk) ||
        bind_text(writer, SECRET_ADD, 5, names.field) ||
        sqlite3_bind_blob(writer->statements[SECRET_ADD], 6, writer->sealed, (int)sealed_len,
                          SQLITE_STATIC) ||
        bind_text(writer, SECRET_ADD, 7, writer->now))
        return NO_TRANSACTION;
    outcome = judge(writer, op, run(writer, SECRET_ADD), "the secret's run is not in it");
    if (outcome == WENT_WELL)
        op->row = sqlite3_last_insert_rowid(writer->db);
    return outcome;
}

static enum outcome demote(th_ledger_writer *writer, th_ledger_op *op, const char *trunk)
{
    if (bind_int(writer, DEMOTE, 1, op->row) || bind_text(writer, DEMOTE, 2, writer->now) ||
        bind_text(writer, DEMOTE, 3, trunk))
        return NO_TRANSACTION;
    return judge(writer, op, run(writer, DEMOTE), "the earlier secret cannot become previous");
}

static enum outcome secret_state(th_ledger_writer *writer, th_ledger_op *op)
{
    enum outcome outcome = WENT_WELL;

    if (op->state == TH_CURRENT)
        outcome = demote(writer, op, NULL);
    if (outcome != WENT_WELL)
        return outcome;
    if (bind_int(writer, SECRET_STATE, 1, op->row) ||
        bind_text(writer, SECRET_STATE, 2, th_secret_state_name(op->state)) ||
        bind_text(writer, SECRET_STATE, 3, op->evidence) ||
        bind_text(writer, SECRET_STATE, 4, writer->now))
        return NO_TRANSACTION;
    outcome = judge(writer, op, run(writer, SECRET_STATE), "this is not a state of a secret");
    if (outcome == WENT_WELL && sqlite3_changes(writer->db) == 0)
        return own_fault(op, th_fail(&op->err, TH_INVALID, "the ledger has no secret in row %lld",
                                     (long long)op->row));
    return outcome;
}

static enum outcome secret_trunk(th_ledger_writer *writer, th_ledger_op *op)
{
    enum outcome outcome;

    if (!op->trunk || !op->trunk[0] || strlen(op->trunk) > TH_NAME_MAX)
        return own_fault(op, th_fail(&op->err, TH_INVALID,
                                     "the ledger needs the id of the trunk, 1 to %d bytes",
                                     (int)TH_NAME_MAX));
    outcome = demote(writer, op, op->trunk);
    if (outcome != WENT_WELL)
        return outcome;
    if (bind_int(writer, SECRET_TRUNK, 1, op->row) ||
        bind_text(writer, SECRET_TRUNK, 2, op->trunk) ||
        bind_text(writer, SECRET_TRUNK, 3, writer->now))
        return NO_TRANSACTION;
    outcome = judge(writer, op, run(writer, SECRET_TRUNK), "the secret cannot have this trunk");
    if (outcome == WENT_WELL && sqlite3_changes(writer->db) == 0)
        return own_fault(op, th_fail(&op->err, TH_INVALID,
                                     "the ledger has no secret in row %lld that waits for a trunk",
                                     (long long)op->row));
    return outcome;
}

/* Two updates that hold together or not at all. */
static enum outcome within_savepoint(th_ledger_writer *writer, th_ledger_op *op,
                                     enum outcome (*apply)(th_ledger_writer *, th_ledger_op *))
{
    enum outcome outcome;

    if (run(writer, SAVE))
        return NO_TRANSACTION;
    outcome = apply(writer, op);
    if (outcome == NO_TRANSACTION || (outcome == OWN_FAULT && run(writer, UNDO)) ||
        run(writer, RELEASE))
        return NO_TRANSACTION;
    return outcome;
}

static enum outcome apply(th_ledger_writer *writer, th_ledger_op *op)
{
    switch (op->verb) {
    case TH_LEDGER_RUN_BEGIN:
        return run_begin(writer, op);
    case TH_LEDGER_RUN_END:
        return run_end(writer, op);
    case TH_LEDGER_SECRET_ADD:
        return secret_add(writer, op);
    case TH_LEDGER_SECRET_STATE:
        return within_savepoint(writer, op, secret_state);
    case TH_LEDGER_SECRET_TRUNK:
        return within_savepoint(writer, op, secret_trunk);
    case TH_LEDGER_SYNC:
        break;
    }
    return WENT_WELL;
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
        failed = (!begun && run(writer, BEGIN)) || apply(writer, op) == NO_TRANSACTION;
        begun = true;
    }
    if (!failed && begun)
        failed = run(writer, COMMIT) != SQLITE_OK;
    if (!failed)
        return begun;

    th_database_fail(&problem, writer->db, sqlite3_extended_errcode(writer->db), "write to",
                     writer->path);
    if (!sqlite3_get_autocommit(writer->db))
        run(writer, ROLLBACK);
    for (th_ledger_op *op = first; op; op = op->next) {
        if (op->verb == TH_LEDGER_SECRET_ADD)
            op->row = 0;
        if (op->result == 0)
            op->result = th_fail(&op->err, TH_INVALID, "%s",
                                 problem.message ? problem.message : "the ledger is out of memory");
    }
    th_error_close(&problem);
    return 0;
}
