/* Reading the secrets of a ledger: as they lie there, and opened with the private key. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/database.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/view_impl.h"

static const char columns[] =
    "SELECT id, account, provider, trunk, field, state, evidence, created_at, run, sealed,"
    " changed_at, proven_at, delivered_at, item, attempt FROM secrets AS t WHERE 1";

struct reader {
    th_ledger_view *view;
    bool open;            /* the secrets are opened with the view's keys */
    unsigned char *plain; /* TH_PLAIN_MAX bytes from sodium_malloc */
    int (*each)(const struct th_ledger_secret_row *row, void *ctx);
    void *ctx;
    size_t rows, broken;
    th_error first; /* of the broken ones */
};

/* --- rows ------------------------------------------------------------------------------------- */

/* Hands one row to the caller, opened when that is wanted. What each returns, or 0. */
static int hand_row(sqlite3_stmt *stmt, void *ctx)
{
    struct reader *reader = ctx;
    struct th_ledger_secret_row row = {
        .row = sqlite3_column_int64(stmt, 0),
        .account = th_column(stmt, 1),
        .provider = th_column(stmt, 2),
        .trunk = th_column(stmt, 3),
        .field = th_column(stmt, 4),
        .state = th_secret_state_of(th_column(stmt, 5)),
        .evidence = th_column(stmt, 6),
        .created_at = th_column(stmt, 7),
        .run = th_column(stmt, 8),
        .changed_at = th_column(stmt, 10),
        .proven_at = th_column(stmt, 11),
        .delivered_at = th_column(stmt, 12),
        .item = sqlite3_column_int64(stmt, 13),
        .attempt = sqlite3_column_int64(stmt, 14),
    };
    struct th_seal_names names = {row.account, row.trunk, row.field};
    th_error problem = {0};
    int rc = 0;

    reader->rows++;
    if (reader->open && th_unseal(reader->view->keys, &names, sqlite3_column_blob(stmt, 9),
                                  (size_t)sqlite3_column_bytes(stmt, 9), reader->plain, &row.secret,
                                  &row.secret_len, &problem)) {
        if (reader->broken++ == 0)
            th_fail(&reader->first, TH_INVALID, "row %lld (account %s, trunk %s, field %s): %s",
                    (long long)row.row, row.account, row.trunk[0] ? row.trunk : "not known",
                    row.field, problem.message ? problem.message : "not enough memory");
    } else {
        rc = reader->each(&row, reader->ctx);
    }
    if (reader->open)
        sodium_memzero(reader->plain, TH_PLAIN_MAX);
    th_error_close(&problem);
    return rc;
}

static int read_rows(struct reader *reader, const struct th_view_query *query, th_error *err)
{
    int rc;

    if (reader->open && !(reader->plain = sodium_malloc(TH_PLAIN_MAX)))
        return th_fail(err, TH_INVALID, "cannot read the ledger %s: not enough memory",
                       reader->view->path);
    rc = th_query_each(reader->view, query, hand_row, reader, err);
    if (!rc && reader->broken)
        rc = th_fail(err, TH_INVALID,
                     "%zu of %zu secrets in the ledger %s cannot be opened; the first is %s. "
                     "Restore the ledger from a backup to get at them",
                     reader->broken, reader->rows, reader->view->path,
                     reader->first.message ? reader->first.message : "not known");
    sodium_free(reader->plain);
    th_error_close(&reader->first);
    return rc;
}

int th_view_secrets(th_ledger_view *view, const struct th_view_filter *filter,
                    int (*each)(const struct th_ledger_secret_row *row, void *ctx), void *ctx,
                    th_error *err)
{
    struct reader reader = {.view = view, .each = each, .ctx = ctx};
    struct th_view_query query;

    th_query_init(&query, columns);
    th_query_text(&query, "run = ?", filter->run);
    th_query_trunk(&query, filter->trunk);
    th_query_text(&query, "account = ?", filter->account);
    th_query_text(&query, "field = ?", filter->field);
    if (filter->unsettled)
        th_query_append(&query, " AND state = 'candidate'");
    if (filter->undelivered)
        th_query_append(&query, " AND state = 'current' AND trunk <> '' AND delivered_at IS NULL");
    th_query_finish(&query, filter);
    return read_rows(&reader, &query, err);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The private key that opens this ledger; read at the first call. */
static int load_keys(th_ledger_view *view, const char *key_path, th_error *err)
{
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    bool found = false;
    int rc;

    if (view->keys)
        return 0;
    rc = th_public_key_read(view->db, view->path, public_key, &found, err);
    if (!rc && !found)
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s has no keys yet. Make them with: trunkhost secrets init",
                     view->path);
    return rc ? rc : th_key_pair_load(view->path, key_path, public_key, &view->keys, err);
}

int th_ledger_each_secret(const char *path, const char *key_path, const char *account,
                          int (*each)(const struct th_ledger_secret_row *row, void *ctx), void *ctx,
                          th_error *err)
{
    struct reader reader = {.open = true, .each = each, .ctx = ctx};
    struct th_view_query query;
    int rc = th_ledger_view_open(path, &reader.view, err);

    if (rc)
        return rc;
    th_query_init(&query, columns);
    th_query_text(&query, "account = ?", account);
    th_query_append(&query, " ORDER BY id");
    /* Of one moment: a rekey replaces the key and every secret at once. */
    if (!(rc = th_view_begin(reader.view, err)))
        rc = load_keys(reader.view, key_path, err);
    if (!rc)
        rc = read_rows(&reader, &query, err);
    th_view_end(reader.view);
    th_ledger_view_close(reader.view);
    return rc;
}

struct taker {
    th_secret **out;
    th_error *err;
};

static int take_secret(const struct th_ledger_secret_row *row, void *ctx)
{
    struct taker *taker = ctx;

    return th_secret_copy(row->secret, row->secret_len, taker->out, taker->err);
}

int th_view_open_secret(th_ledger_view *view, const char *key_path, const char *account,
                        const char *trunk, const char *field, enum th_secret_state state,
                        th_secret **out, th_error *err)
{
    struct taker taker = {out, err};
    struct reader reader = {.view = view, .open = true, .each = take_secret, .ctx = &taker};
    struct th_view_query query;
    int rc;

    *out = NULL;
    th_query_init(&query, columns);
    th_query_trunk(&query, trunk);
    th_query_text(&query, "account = ?", account);
    th_query_text(&query, "field = ?", field);
    th_query_text(&query, "state = ?", th_secret_state_name(state));
    if (state == TH_PREVIOUS) /* the one that was current last, which need not be the newest */
        th_query_append(&query, " AND evidence <> 'superseded' ORDER BY turn DESC, id DESC");
    else
        th_query_append(&query, " ORDER BY id DESC");
    th_query_append(&query, " LIMIT 1");
    if ((rc = load_keys(view, key_path, err)))
        return rc;
    if ((rc = read_rows(&reader, &query, err))) {
        /* The key may have been replaced since it was read: the next call reads it again. */
        sodium_free(view->keys);
        view->keys = NULL;
        return rc;
    }
    if (!*out)
        return th_fail(err, TH_NOT_FOUND, "the ledger %s has no %s %s of trunk %s on %s",
                       view->path, th_secret_state_name(state), field, trunk, account);
    return 0;
}
