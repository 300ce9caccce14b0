#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "ledger_keys.h"
#include "ledger_database.h"
#include "ledger_seal.h"

static const char query[] =
    "SELECT id, account, provider, trunk, field, state, evidence, created_at, coalesce(run, ''),"
    " sealed FROM secrets WHERE ?1 IS NULL OR account = ?1 ORDER BY id";

struct reader {
    const char *path;
    th_key_pair *keys;    /* NULL: leave the secrets sealed */
    unsigned char *plain; /* TH_PLAIN_MAX bytes from sodium_malloc */
    int (*each)(const struct th_ledger_secret_row *row, void *ctx);
    void *ctx;
    size_t rows, broken;
    th_error first; /* of the broken ones */
};

int th_ledger_init(const char *path, th_error *err)
{
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    sqlite3 *db = NULL;
    bool made = false;
    int rc = th_database_open(path, true, &db, err);

    if (rc)
        return rc;
    rc = th_public_key_ensure(db, path, public_key, &made, err);
    sqlite3_close(db);
    if (!rc && !made)
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s is there already, with its keys. Nothing was changed", path);
    return rc;
}

static enum th_secret_state state_of(const char *name)
{
    enum th_secret_state state = TH_CANDIDATE;

    while (state < TH_REJECTED && strcmp(name, th_secret_state_name(state)) != 0)
        state++;
    return state;
}

static const char *column(sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    return text ? text : "";
}

/* Hands one row to the caller, opened when there are keys. What each returns, or 0. */
static int hand_row(struct reader *reader, sqlite3_stmt *stmt)
{
    struct th_ledger_secret_row row = {
        .row = sqlite3_column_int64(stmt, 0),
        .account = column(stmt, 1),
        .provider = column(stmt, 2),
        .trunk = column(stmt, 3),
        .field = column(stmt, 4),
        .state = state_of(column(stmt, 5)),
        .evidence = column(stmt, 6),
        .created_at = column(stmt, 7),
        .run = column(stmt, 8),
    };
    struct th_seal_names names = {row.account, row.trunk, row.field};
    th_error problem = {0};
    int rc = 0;

    reader->rows++;
    if (reader->keys && th_unseal(reader->keys, &names, sqlite3_column_blob(stmt, 9),
                                  (size_t)sqlite3_column_bytes(stmt, 9), reader->plain, &row.secret,
                                  &row.secret_len, &problem)) {
        if (reader->broken++ == 0)
            th_fail(&reader->first, TH_INVALID, "row %lld (account %s, trunk %s, field %s): %s",
                    (long long)row.row, row.account, row.trunk[0] ? row.trunk : "not known",
                    row.field, problem.message ? problem.message : "out of memory");
    } else {
        rc = reader->each(&row, reader->ctx);
    }
    if (reader->keys)
        sodium_memzero(reader->plain, TH_PLAIN_MAX);
    th_error_close(&problem);
    return rc;
}

static int read_rows(struct reader *reader, sqlite3 *db, const char *account, th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int stopped = 0;
    int rc = sqlite3_prepare_v2(db, query, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, account, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) {
        while (!stopped && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
            stopped = hand_row(reader, stmt);
    }
    if (!stopped && rc != SQLITE_DONE)
        stopped = th_database_fail(err, db, rc, "read", reader->path);
    else if (!stopped && reader->broken)
        stopped = th_fail(err, TH_INVALID,
                          "%zu of %zu secrets in the ledger %s cannot be opened; the first is %s. "
                          "Restore the ledger from a backup to get at them",
                          reader->broken, reader->rows, reader->path,
                          reader->first.message ? reader->first.message : "not known");
    sqlite3_finalize(stmt);
    return stopped;
}

/* The private key of this ledger, and room to open secrets in. */
static int load_keys(struct reader *reader, sqlite3 *db, const char *key_path, th_error *err)
{
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    char *beside = key_path ? NULL : th_ledger_key_path(reader->path);
    const char *file = key_path ? key_path : beside;
    bool found = false;
    int rc = th_public_key_read(db, reader->path, public_key, &found, err);

    if (!rc && !found)
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s has no keys yet. Make them with: trunkhost secrets init",
                     reader->path);
    if (!rc && (!file || !(reader->plain = sodium_malloc(TH_PLAIN_MAX))))
        rc = th_fail(err, TH_INVALID, "cannot read the ledger %s: out of memory", reader->path);
    if (!rc)
        rc = th_key_file_read(file, &reader->keys, err);
    if (!rc && memcmp(public_key, reader->keys->public_key, sizeof(public_key)) != 0)
        rc = th_fail(err, TH_INVALID,
                     "the private key %s does not belong to the ledger %s. Name the right one with "
                     "--key",
                     file, reader->path);
    free(beside);
    return rc;
}

static int read_ledger(struct reader *reader, bool open, const char *key_path, const char *account,
                       th_error *err)
{
    sqlite3 *db = NULL;
    int rc;

    if (sodium_init() < 0)
        return th_fail(err, TH_INVALID, "libsodium does not start: no source of randomness");
    rc = th_database_open(reader->path, false, &db, err);
    if (rc)
        return rc;
    if (open)
        rc = load_keys(reader, db, key_path, err);
    if (!rc)
        rc = read_rows(reader, db, account, err);
    sodium_free(reader->keys);
    sodium_free(reader->plain);
    th_error_close(&reader->first);
    sqlite3_close(db);
    return rc;
}

int th_ledger_each_secret(const char *path, const char *key_path, const char *account,
                          int (*each)(const struct th_ledger_secret_row *row, void *ctx), void *ctx,
                          th_error *err)
{
    struct reader reader = {.path = path, .each = each, .ctx = ctx};

    return read_ledger(&reader, true, key_path, account, err);
}

int th_ledger_each_row(const char *path, const char *account,
                       int (*each)(const struct th_ledger_secret_row *row, void *ctx), void *ctx,
                       th_error *err)
{
    struct reader reader = {.path = path, .each = each, .ctx = ctx};

    return read_ledger(&reader, false, NULL, account, err);
}
