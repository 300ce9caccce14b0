/* Writing secrets: none is lost, one is current, and what is surely over is kept for a while. */
#include <stdlib.h>
#include <string.h>

#include "ledger/keys.h"
#include "ledger/writer_impl.h"

enum {
    KEEP_DEFAULT = 2,
    SEAL_MS = 1000, /* how long one ephemeral pair is used */
};

/* What a row is and whom it stands among. */
struct family {
    bool known;
    enum th_secret_state state;
    bool evident;    /* there is evidence for its state */
    bool superseded; /* which is that another one was proven */
    bool elsewhere;  /* it has a trunk, and not the one that was asked about */
    bool newer;      /* one of the same account, trunk and field came after it */
    bool older_candidates;
    int64_t count;
    int64_t current; /* another row; 0: none */
};

static void note_self(sqlite3_stmt *stmt, const char *trunk, struct family *out)
{
    const char *state = (const char *)sqlite3_column_text(stmt, 0);
    const char *evidence = (const char *)sqlite3_column_text(stmt, 1);
    const char *own = (const char *)sqlite3_column_text(stmt, 2);

    out->known = true;
    out->state = state ? th_secret_state_of(state) : TH_CANDIDATE;
    out->evident = evidence && evidence[0];
    out->superseded = evidence && strcmp(evidence, "superseded") == 0;
    out->elsewhere = own && own[0] && trunk && strcmp(own, trunk) != 0;
}

static void note_other(int64_t row, int64_t id, const char *state, struct family *out)
{
    if (id > row)
        out->newer = true;
    if (strcmp(state, "current") == 0)
        out->current = id;
    if (id < row && strcmp(state, "candidate") == 0)
        out->older_candidates = true;
}

/* trunk: which a create that has none yet is about to get; or NULL. */
static int look_at(th_ledger_writer *writer, int64_t row, const char *trunk, struct family *out)
{
    const enum th_statement sql = TH_SQL_SECRET_FAMILY;
    sqlite3_stmt *stmt = writer->statements[sql];
    int rc = th_write_int(writer, sql, 1, row);

    *out = (struct family){0};
    if (rc == SQLITE_OK)
        rc = th_write_text(writer, sql, 2, trunk);
    while (rc == SQLITE_OK && (rc = th_write_step(writer, sql)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(stmt, 3);
        const char *state = id ? (const char *)sqlite3_column_text(stmt, 4) : NULL;

        if (!out->known)
            note_self(stmt, trunk, out);
        out->count++;
        if (state && id != row)
            note_other(row, id, state, out);
        rc = SQLITE_OK;
    }
    th_write_reset(writer, sql);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A value of the meta table, which the caller releases with th_write_reset; NULL when there is
 * none, or it cannot be read. */
static const char *read_setting(th_ledger_writer *writer, const char *name)
{
    const enum th_statement sql = TH_SQL_SETTING;

    if (th_write_text(writer, sql, 1, name) || th_write_step(writer, sql) != SQLITE_ROW)
        return NULL;
    return (const char *)sqlite3_column_text(writer->statements[sql], 0);
}

/* How many secrets that are over stay for each account, trunk and field; the default for a setting
 * that is no number. */
static int64_t read_keep(th_ledger_writer *writer)
{
    const char *text = read_setting(writer, "keep_previous");
    int64_t keep = KEEP_DEFAULT;

    if (text && text[0] && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10)
        keep = strtol(text, NULL, 10);
    th_write_reset(writer, TH_SQL_SETTING);
    return keep;
}

/* The two curve operations of an ephemeral pair cost as much as writing several secrets, so it
 * lasts for a while where commit follows upon commit. Who could read it from this memory could read
 * the secrets. */
static int renew_seal(th_ledger_writer *writer, th_error *err)
{
    struct th_write_seal *seal = writer->seal;
    unsigned char key[crypto_box_PUBLICKEYBYTES];
    bool found = false;
    int rc = th_public_key_read(writer->db, writer->path, key, &found, err);

    if (!rc && !found)
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s has lost its public key. Restore it from a backup",
                     writer->path);
    if (!rc)
        rc = th_sealer_renew(&seal->sealer, key, err);
    if (rc) {
        th_ledger_writer_forget(writer);
        return rc;
    }
    th_public_key_text(key, seal->key);
    seal->until = writer->clock + SEAL_MS;
    return 0;
}

/* The public key is looked at in every transaction, so that one that another process has set since
 * is used. */
static int ready_to_seal(th_ledger_writer *writer, th_error *err)
{
    const struct th_write_seal *seal = writer->seal;
    const char *key;
    bool fit;

    if (writer->sealing)
        return 0;
    key = read_setting(writer, "public_key");
    fit = key && strcmp(key, seal->key) == 0 && writer->clock < seal->until &&
          writer->clock >= seal->until - SEAL_MS;
    th_write_reset(writer, TH_SQL_SETTING);
    writer->sealing = fit || renew_seal(writer, err) == 0;
    return writer->sealing ? 0 : -TH_INVALID;
}

enum th_write th_write_secret_add(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_SECRET_ADD;
    struct th_seal_names names = {op->account, op->trunk ? op->trunk : "", op->field};
    struct family family;
    const char *bytes;
    size_t len = 0, sealed_len = 0;
    enum th_write outcome;

    if (!op->account || !op->account[0] || !op->field || !op->field[0] || !op->secret)
        return th_write_fault(op, "the ledger needs account, field and secret to store one");
    if (op->row) {
        if (look_at(writer, op->row, NULL, &family))
            return TH_WRITE_BROKEN;
        if (family.known && !family.newer &&
            (family.state == TH_CANDIDATE || family.state == TH_CURRENT))
            return TH_WRITE_DONE;
    }
    bytes = th_secret_bytes(op->secret, &len);
    if ((op->result = ready_to_seal(writer, &op->err)) ||
        (op->result = th_seal(&writer->seal->sealer, &names, bytes, len, writer->plain,
                              writer->sealed, &sealed_len, &op->err)))
        return TH_WRITE_FAULT;
    if (th_write_text(writer, sql, 1, op->run) || th_write_text(writer, sql, 2, names.account) ||
        th_write_text(writer, sql, 3, op->provider ? op->provider : "") ||
        th_write_text(writer, sql, 4, names.trunk) || th_write_text(writer, sql, 5, names.field) ||
        sqlite3_bind_blob(writer->statements[sql], 6, writer->sealed, (int)sealed_len,
                          SQLITE_STATIC) ||
        th_write_text(writer, sql, 7, writer->now) || th_write_row(writer, sql, 8, op->item) ||
        th_write_row(writer, sql, 9, op->attempt ? *op->attempt : 0))
        return TH_WRITE_BROKEN;
    outcome = th_write_judge(writer, op, th_write_run(writer, sql),
                             "the secret's run, item or attempt is not in it");
    if (outcome == TH_WRITE_DONE)
        op->row = sqlite3_last_insert_rowid(writer->db);
    return outcome;
}

/* The current one, `row`, makes room for another. */
static int demote(th_ledger_writer *writer, int64_t row)
{
    const enum th_statement sql = TH_SQL_DEMOTE;

    if (th_write_int(writer, sql, 1, row) || th_write_text(writer, sql, 2, writer->now))
        return SQLITE_NOMEM;
    return th_write_run(writer, sql);
}

/* The row is current now. With proof of it, nothing that was over before it was sent can be live.
 * What was under way beside it may have come later, whatever its row says. */
static int tidy(th_ledger_writer *writer, int64_t row, const struct family *family)
{
    const enum th_statement supersede = TH_SQL_SUPERSEDE, prune = TH_SQL_PRUNE;
    int64_t keep;
    int rc;

    if (family->state != TH_CURRENT || !family->evident || family->count < 2)
        return SQLITE_OK;
    if (family->older_candidates && ((rc = th_write_int(writer, supersede, 1, row)) ||
                                     (rc = th_write_text(writer, supersede, 2, writer->now)) ||
                                     (rc = th_write_run(writer, supersede))))
        return rc;
    keep = read_keep(writer);
    if (family->count - 1 <= keep)
        return SQLITE_OK;
    if ((rc = th_write_int(writer, prune, 1, row)) || (rc = th_write_int(writer, prune, 2, keep)))
        return rc;
    return th_write_run(writer, prune);
}

/*
 * Each of the following two consists of several updates that hold together or not at all. What can
 * be wrong with the operation is found before the first of them, so that no savepoint is needed,
 * which would cost more than they do: what fails then is the database.
 */
enum th_write th_write_secret_state(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_SECRET_STATE;
    const char *evidence = op->evidence;
    struct family family;

    if (op->state > TH_REJECTED)
        return th_write_fault(op, "this is no state of a secret");
    if (look_at(writer, op->row, NULL, &family))
        return TH_WRITE_BROKEN;
    if (!family.known)
        return th_write_fault(op, "the ledger has no secret in row %lld", (long long)op->row);
    if (op->state == TH_CURRENT && family.current && demote(writer, family.current))
        return TH_WRITE_BROKEN;
    if (th_write_int(writer, sql, 1, op->row) ||
        th_write_text(writer, sql, 2, th_secret_state_name(op->state)) ||
        th_write_text(writer, sql, 3, evidence) || th_write_text(writer, sql, 4, writer->now) ||
        th_write_run(writer, sql))
        return TH_WRITE_BROKEN;
    family.state = op->state;
    family.evident = evidence ? evidence[0] : family.evident && !family.superseded;
    return tidy(writer, op->row, &family) ? TH_WRITE_BROKEN : TH_WRITE_DONE;
}

enum th_write th_write_secret_trunk(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_SECRET_TRUNK;
    struct family family;

    if (!op->trunk || !op->trunk[0] || strlen(op->trunk) > TH_NAME_MAX)
        return th_write_fault(op, "the ledger needs the id of the trunk, 1 to %d bytes",
                              (int)TH_NAME_MAX);
    if (look_at(writer, op->row, op->trunk, &family))
        return TH_WRITE_BROKEN;
    if (!family.known || family.elsewhere)
        return th_write_fault(op, "the ledger has no secret in row %lld that waits for a trunk",
                              (long long)op->row);
    if (family.state == TH_CURRENT && family.current && demote(writer, family.current))
        return TH_WRITE_BROKEN;
    if (th_write_int(writer, sql, 1, op->row) || th_write_text(writer, sql, 2, op->trunk) ||
        th_write_text(writer, sql, 3, writer->now) || th_write_run(writer, sql) ||
        look_at(writer, op->row, NULL, &family) || tidy(writer, op->row, &family))
        return TH_WRITE_BROKEN;
    return TH_WRITE_DONE;
}

enum th_write th_write_secret_delivered(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_SECRET_DELIVERED;
    enum th_write outcome;

    if (th_write_text(writer, sql, 1, op->account) || th_write_text(writer, sql, 2, op->trunk) ||
        th_write_text(writer, sql, 3, op->field) || th_write_text(writer, sql, 4, writer->now))
        return TH_WRITE_BROKEN;
    outcome = th_write_judge(writer, op, th_write_run(writer, sql), "it cannot be delivered");
    if (outcome == TH_WRITE_DONE && sqlite3_changes(writer->db) == 0)
        return th_write_fault(op, "the ledger has no current %s of trunk %s on %s",
                              op->field ? op->field : "secret", op->trunk ? op->trunk : "(none)",
                              op->account ? op->account : "(none)");
    return outcome;
}
