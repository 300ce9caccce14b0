#include "ledger/rekey.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/database.h"
#include "ledger/file.h"
#include "ledger/keys.h"
#include "ledger/sql.h"

/*
 * The order, where each step is on disk before the next:
 *
 *   1  the present key is copied to .key.old     .key opens the ledger
 *   2  the new key is written to .key.next       .key
 *   3  the transaction                           .key.next, which is looked for from here on
 *   4  .key.next is renamed to .key              .key
 *   5  .key.old is removed                       .key
 *
 * Cut off anywhere, the next rekey takes up what is there.
 */
struct work {
    const char *path;
    struct th_rekey *wanted;
    sqlite3 *db;
    char *beside, *next, *old;
    th_key_pair *present, *fresh; /* from sodium_malloc */
    unsigned char *plain;         /* TH_PLAIN_MAX bytes from sodium_malloc */
    th_sealer *sealer;            /* from sodium_malloc */
    bool made_old, made_new;
    bool tried; /* to commit: a commit that failed may still come back from the log after a crash */
};

static int no_memory(const struct work *work, th_error *err)
{
    th_fail(err, TH_INVALID, "cannot rekey the ledger %s: not enough memory", work->path);
    return -TH_INVALID;
}

static int cannot_write(const char *file, th_error *err)
{
    return th_fail(err, TH_INVALID, "cannot write the private key %s: %s. Nothing was changed",
                   file, strerror(errno));
}

/* --- before ----------------------------------------------------------------------------------- */

static bool is_there(const char *file)
{
    return access(file, F_OK) == 0;
}

/* Whether the file holds this pair. */
static bool holds(const char *file, const th_key_pair *pair)
{
    th_key_pair *there = NULL;
    bool same = th_key_file_read(file, &there, NULL) == 0 && there &&
                memcmp(there->public_key, pair->public_key, sizeof pair->public_key) == 0;

    sodium_free(there);
    return same;
}

/* An earlier rekey was cut off between its commit and its end. */
static int take_up(struct work *work, th_error *err)
{
    if (work->wanted->key || !is_there(work->next) || !holds(work->next, work->present))
        return 0;
    if (rename(work->next, work->beside) || th_folder_sync(work->beside))
        return cannot_write(work->beside, err);
    return 0;
}

static int load(struct work *work, th_error *err)
{
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    bool found = false;
    int rc;

    if (sodium_init() < 0)
        return th_fail(err, TH_INVALID, "libsodium does not start: no source of randomness");
    work->beside = th_ledger_beside(work->path, ".key");
    work->next = th_ledger_beside(work->path, TH_KEY_NEXT);
    work->old = th_ledger_beside(work->path, TH_KEY_OLD);
    work->fresh = sodium_malloc(sizeof *work->fresh);
    work->plain = sodium_malloc(TH_PLAIN_MAX);
    work->sealer = sodium_malloc(sizeof *work->sealer);
    if (!work->beside || !work->next || !work->old || !work->fresh || !work->plain || !work->sealer)
        return no_memory(work, err);
    if ((rc = th_database_open(work->path, TH_DATABASE_COMMAND, &work->db, err)) ||
        (rc = th_public_key_read(work->db, work->path, public_key, &found, err)))
        return rc;
    if (!found)
        return th_fail(err, TH_INVALID,
                       "the ledger %s has no keys yet. Make them with: trunkhost secrets init",
                       work->path);
    if ((rc = th_key_pair_load(work->path, work->wanted->key, public_key, &work->present, err)))
        return rc;
    return work->present ? take_up(work, err) : no_memory(work, err);
}

/* Refuses what would lose a key, or bring one to where it was kept away from. */
static int check(const struct work *work, th_error *err)
{
    if (work->wanted->key_out)
        return 0;
    if (!is_there(work->beside) || !holds(work->beside, work->present))
        return th_fail(err, TH_INVALID,
                       "the private key of the ledger %s is not kept beside it. Say with --key-out "
                       "where the new one goes",
                       work->path);
    if (is_there(work->old) && !holds(work->old, work->present))
        return th_fail(err, TH_INVALID,
                       "%s is there already, with the key of an earlier time. Move it to a safe "
                       "place first",
                       work->old);
    return 0;
}

static int write_keys(struct work *work, th_error *err)
{
    crypto_box_keypair(work->fresh->public_key, work->fresh->private_key);
    if (work->wanted->key_out) {
        if (th_key_file_create(work->wanted->key_out, work->path, work->fresh))
            return cannot_write(work->wanted->key_out, err);
        work->made_new = true;
        return 0;
    }
    if (!is_there(work->old)) {
        if (th_key_file_create(work->old, work->path, work->present))
            return cannot_write(work->old, err);
    }
    work->made_old = true;
    if (th_key_file_write(work->next, work->path, work->fresh))
        return cannot_write(work->next, err);
    work->made_new = true;
    return 0;
}

/* Nothing was changed, so nothing is left; unless that is not certain. */
static void withdraw(const struct work *work)
{
    if (work->tried)
        return;
    if (work->made_new)
        unlink(work->wanted->key_out ? work->wanted->key_out : work->next);
    if (work->made_old)
        unlink(work->old);
}

/* --- the transaction -------------------------------------------------------------------------- */

static int broken(const struct work *work, int rc, th_error *err)
{
    return th_database_fail(err, work->db, rc, "rekey", work->path);
}

/* The secret of the row that `read` stands on, sealed anew and written back. */
static int seal_row(struct work *work, sqlite3_stmt *read, sqlite3_stmt *write, th_error *err)
{
    unsigned char sealed[TH_SEALED_MAX];
    const struct th_seal_names names = {(const char *)sqlite3_column_text(read, 1),
                                        (const char *)sqlite3_column_text(read, 2),
                                        (const char *)sqlite3_column_text(read, 3)};
    long long row = sqlite3_column_int64(read, 0);
    const char *secret = NULL;
    size_t len = 0, sealed_len = 0;
    th_error problem = {0};
    int rc;

    if (!names.account || !names.trunk || !names.field)
        return no_memory(work, err);
    if (th_unseal(work->present, &names, sqlite3_column_blob(read, 4),
                  (size_t)sqlite3_column_bytes(read, 4), work->plain, &secret, &len, &problem)) {
        rc = th_fail(err, TH_INVALID,
                     "cannot rekey the ledger %s: the secret in row %lld (account %s, trunk %s) "
                     "does not open: %s. Nothing was changed",
                     work->path, row, names.account, names.trunk,
                     problem.message ? problem.message : "not enough memory");
    } else {
        /* In the plain text the secret stands behind its names, where th_seal puts it again. */
        unsigned char *copy = sodium_malloc(len);

        if (!copy) {
            rc = no_memory(work, err);
        } else {
            memcpy(copy, secret, len);
            rc = th_seal(work->sealer, &names, copy, len, work->plain, sealed, &sealed_len, err);
            sodium_free(copy);
        }
    }
    th_error_close(&problem);
    sodium_memzero(work->plain, TH_PLAIN_MAX);
    if (rc)
        return rc;
    if ((rc = sqlite3_bind_int64(write, 1, row)) ||
        (rc = sqlite3_bind_blob(write, 2, sealed, (int)sealed_len, SQLITE_STATIC)) ||
        (rc = sqlite3_step(write)) != SQLITE_DONE)
        return broken(work, rc, err);
    sqlite3_reset(write);
    work->wanted->secrets++;
    return 0;
}

/* Row by row, so that no statement reads what another changes. */
static int seal_all(struct work *work, th_error *err)
{
    sqlite3_stmt *read = NULL, *write = NULL;
    sqlite3_int64 last = 0;
    int code, rc = 0;

    code = sqlite3_prepare_v2(work->db,
                              "SELECT id, account, trunk, field, sealed FROM secrets"
                              " WHERE id > ?1 ORDER BY id LIMIT 1",
                              -1, &read, NULL);
    if (!code)
        code = sqlite3_prepare_v2(work->db, "UPDATE secrets SET sealed = ?2 WHERE id = ?1", -1,
                                  &write, NULL);
    while (!rc && !code) {
        if ((code = sqlite3_bind_int64(read, 1, last)) || (code = sqlite3_step(read)) != SQLITE_ROW)
            break;
        code = 0;
        last = sqlite3_column_int64(read, 0);
        rc = seal_row(work, read, write, err);
        sqlite3_reset(read);
    }
    if (!rc && code && code != SQLITE_DONE)
        rc = broken(work, code, err);
    sqlite3_finalize(read);
    sqlite3_finalize(write);
    return rc;
}

/* Whether the ledger has the new key, whatever the commit said. */
static bool took_effect(const struct work *work)
{
    unsigned char key[crypto_box_PUBLICKEYBYTES];
    bool found = false;

    return th_public_key_read(work->db, work->path, key, &found, NULL) == 0 && found &&
           memcmp(key, work->fresh->public_key, sizeof key) == 0;
}

static int replace(struct work *work, th_error *err)
{
    unsigned char key[crypto_box_PUBLICKEYBYTES];
    bool found = false;
    int rc, code;

    /* What was sealed to the old key shall not linger in free pages. */
    if ((rc = th_database_execute(work->db, work->path, "PRAGMA secure_delete = ON", err)) ||
        (rc = th_database_execute(work->db, work->path, "BEGIN IMMEDIATE", err)))
        return rc;
    rc = th_public_key_read(work->db, work->path, key, &found, err);
    if (!rc && (!found || memcmp(key, work->present->public_key, sizeof key) != 0))
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s was given another key just now. Nothing was changed",
                     work->path);
    if (!rc && !(rc = th_sealer_renew(work->sealer, work->fresh->public_key, err)) &&
        !(rc = seal_all(work, err)))
        rc = th_public_key_write(work->db, work->path, work->fresh->public_key, err);
    if (!rc) {
        work->tried = true;
        if ((code = sqlite3_exec(work->db, "COMMIT", NULL, NULL, NULL)))
            rc = broken(work, code, err);
    }
    if (!sqlite3_get_autocommit(work->db))
        sqlite3_exec(work->db, "ROLLBACK", NULL, NULL, NULL);
    if (rc && took_effect(work)) {
        th_error_close(err);
        rc = 0;
    }
    if (!rc)
        sqlite3_wal_checkpoint_v2(work->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc;
}

/* --- after ------------------------------------------------------------------------------------ */

static int put_in_place(const struct work *work, th_error *err)
{
    if (work->wanted->key_out)
        return 0;
    if (rename(work->next, work->beside) || th_folder_sync(work->beside))
        return th_fail(err, TH_INVALID,
                       "every secret is sealed to the new key, which is %s, but it cannot be "
                       "renamed to %s: %s. Do that by hand",
                       work->next, work->beside, strerror(errno));
    if (!work->wanted->keep_old)
        unlink(work->old);
    return 0;
}

/* After a commit that failed: what to keep. */
static int doubtful(const struct work *work, th_error *err)
{
    char *cause = err ? err->message : NULL;
    int rc;

    if (err)
        err->message = NULL;
    rc = th_fail(err, TH_INVALID,
                 "%s. Keep %s beside the key of before until a rekey has ended well",
                 cause ? cause : "the ledger cannot be rekeyed",
                 work->wanted->key_out ? work->wanted->key_out : work->next);
    free(cause);
    return rc;
}

int th_ledger_rekey(const char *path, struct th_rekey *rekey, th_error *err)
{
    struct work work = {.path = path, .wanted = rekey};
    int rc = load(&work, err);

    rekey->secrets = 0;
    if (!rc)
        rc = work.present && work.fresh ? check(&work, err) : no_memory(&work, err);
    if (!rc && ((rc = write_keys(&work, err)) || (rc = replace(&work, err)))) {
        withdraw(&work);
        if (work.tried)
            rc = doubtful(&work, err);
    } else if (!rc) {
        rc = put_in_place(&work, err);
    }
    sqlite3_close(work.db);
    sodium_free(work.present);
    sodium_free(work.fresh);
    sodium_free(work.plain);
    sodium_free(work.sealer);
    free(work.beside);
    free(work.next);
    free(work.old);
    return rc;
}
