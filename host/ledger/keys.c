#include "ledger/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/database.h"
#include "ledger/file.h"
#include "ledger/ledger.h"
#include "ledger/sql.h"

char *th_ledger_key_path(const char *ledger_path)
{
    return th_ledger_beside(ledger_path, ".key");
}

void th_public_key_text(const unsigned char *public_key, char text[static TH_PUBLIC_KEY_TEXT])
{
    sodium_bin2base64(text, TH_PUBLIC_KEY_TEXT, public_key, crypto_box_PUBLICKEYBYTES,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool th_public_key_parse(const char *text, unsigned char *public_key)
{
    unsigned char probe[crypto_box_SEALBYTES + 1];
    size_t len = 0;

    return sodium_base642bin(public_key, crypto_box_PUBLICKEYBYTES, text, strlen(text), " \t\r\n",
                             &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == crypto_box_PUBLICKEYBYTES &&
           /* Some points of the curve are no keys at all. */
           crypto_box_seal(probe, (const unsigned char *)"", 1, public_key) == 0;
}

/* --- the public half -------------------------------------------------------------------------- */

int th_public_key_read(sqlite3 *db, const char *path, unsigned char *public_key, bool *found,
                       th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    size_t len = 0;
    int rc =
        sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key = 'public_key'", -1, &stmt, NULL);

    *found = false;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        rc = 0;
    } else if (rc != SQLITE_ROW) {
        rc = th_database_fail(err, db, rc, "read", path);
    } else if (sodium_base642bin(public_key, crypto_box_PUBLICKEYBYTES,
                                 (const char *)sqlite3_column_text(stmt, 0),
                                 (size_t)sqlite3_column_bytes(stmt, 0), NULL, &len, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) ||
               len != crypto_box_PUBLICKEYBYTES) {
        rc = th_ledger_file_refuse(err, path, "its public key is damaged",
                                   "Restore it from a backup, or name another with --ledger");
    } else {
        *found = true;
        rc = 0;
    }
    sqlite3_finalize(stmt);
    return rc;
}

int th_public_key_write(sqlite3 *db, const char *path, const unsigned char *public_key,
                        th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    char text[TH_PUBLIC_KEY_TEXT];
    int rc;

    th_public_key_text(public_key, text);
    rc = sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO meta (key, value) VALUES ('public_key', ?)",
                            -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    rc = rc == SQLITE_DONE ? 0 : th_database_fail(err, db, rc, "write to", path);
    sqlite3_finalize(stmt);
    return rc;
}

/* --- the pair beside the ledger --------------------------------------------------------------- */

/* The pair of the file beside the ledger, drawn and written there when there is no such file. */
static int key_file_ensure(const char *ledger_path, th_key_pair **out, th_error *err)
{
    char *file = th_ledger_key_path(ledger_path);
    th_key_pair *pair = NULL;
    struct stat st;
    int rc = 0;

    if (!file)
        return th_ledger_file_refuse(err, ledger_path, "not enough memory",
                                     "Free some, then start again");
    if (lstat(file, &st) == 0 || errno != ENOENT) {
        rc = th_key_file_read(file, &pair, err);
    } else if (!(pair = sodium_malloc(sizeof *pair))) {
        rc = th_key_refuse(err, file, "not enough memory", "Free some, then start again");
    } else {
        crypto_box_keypair(pair->public_key, pair->private_key);
        if (th_key_file_write(file, ledger_path, pair))
            rc = th_fail(err, TH_INVALID,
                         "cannot write the private key %s: %s. Make room for it there, or name "
                         "another ledger with --ledger",
                         file, strerror(errno));
    }
    free(file);
    if (rc)
        sodium_free(pair);
    else
        *out = pair;
    return rc;
}

static int start_sodium(const char *path, th_error *err)
{
    if (sodium_init() < 0)
        return th_ledger_file_refuse(err, path, "libsodium does not start",
                                     "Check that the system has a source of randomness");
    return 0;
}

/* Gives a ledger that has no public key the one that `find` finds. The write lock keeps two
 * programs from making two pairs: the second one gets the first's. */
static int set_once(sqlite3 *db, const char *path, unsigned char *public_key, bool *made,
                    int (*find)(const char *path, unsigned char *public_key, void *ctx,
                                th_error *err),
                    void *ctx, th_error *err)
{
    bool found = false;
    int code, rc;

    *made = false;
    if ((rc = th_public_key_read(db, path, public_key, &found, err)) || found)
        return rc;
    if ((code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL)))
        return th_database_fail(err, db, code, "write to", path);
    rc = th_public_key_read(db, path, public_key, &found, err);
    if (!rc && !found && !(rc = find(path, public_key, ctx, err)))
        rc = th_public_key_write(db, path, public_key, err);
    if (!rc && (code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL)))
        rc = th_database_fail(err, db, code, "write to", path);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    *made = !rc && !found;
    return rc;
}

static int find_beside(const char *path, unsigned char *public_key, void *ctx, th_error *err)
{
    th_key_pair *pair = NULL;
    int rc = key_file_ensure(path, &pair, err);

    (void)ctx;
    if (!rc && pair)
        memcpy(public_key, pair->public_key, sizeof pair->public_key);
    sodium_free(pair);
    return rc;
}

int th_public_key_ensure(sqlite3 *db, const char *path, unsigned char *public_key, bool *made,
                         th_error *err)
{
    bool ignored = false;
    int rc = start_sodium(path, err);

    return rc ? rc : set_once(db, path, public_key, made ? made : &ignored, find_beside, NULL, err);
}

/* --- making a ledger -------------------------------------------------------------------------- */

struct elsewhere {
    const unsigned char *given; /* NULL: draw a pair and hand the private half out */
    int (*store)(const th_key_pair *pair, void *ctx, th_error *err);
    void *ctx;
};

static int find_elsewhere(const char *path, unsigned char *public_key, void *ctx, th_error *err)
{
    const struct elsewhere *elsewhere = ctx;
    th_key_pair *pair;
    int rc;

    if (elsewhere->given) {
        memcpy(public_key, elsewhere->given, crypto_box_PUBLICKEYBYTES);
        return 0;
    }
    if (!(pair = sodium_malloc(sizeof *pair)))
        return th_ledger_file_refuse(err, path, "not enough memory", "Free some, then start again");
    crypto_box_keypair(pair->public_key, pair->private_key);
    memcpy(public_key, pair->public_key, sizeof pair->public_key);
    rc = elsewhere->store(pair, elsewhere->ctx, err);
    sodium_free(pair);
    return rc;
}

static int init(const char *path, struct elsewhere *elsewhere, th_error *err)
{
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    sqlite3 *db = NULL;
    bool made = false;
    int rc = start_sodium(path, err);

    if (rc || (rc = th_database_open(path, TH_DATABASE_RUN, &db, err)))
        return rc;
    rc = set_once(db, path, public_key, &made, elsewhere ? find_elsewhere : find_beside, elsewhere,
                  err);
    sqlite3_close(db);
    if (!rc && !made)
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s is there already, with its keys. Nothing was changed", path);
    return rc;
}

int th_ledger_init(const char *path, th_error *err)
{
    return init(path, NULL, err);
}

int th_ledger_init_public(const char *path, const unsigned char *public_key,
                          int (*store)(const th_key_pair *pair, void *ctx, th_error *err),
                          void *ctx, th_error *err)
{
    struct elsewhere elsewhere = {public_key, store, ctx};

    return init(path, &elsewhere, err);
}

int th_ledger_public_key(const char *path, char text[static TH_PUBLIC_KEY_TEXT], th_error *err)
{
    unsigned char key[crypto_box_PUBLICKEYBYTES] = {0};
    sqlite3 *db = NULL;
    bool found = false;
    int rc = th_database_open(path, TH_DATABASE_COMMAND, &db, err);

    if (rc)
        return rc;
    rc = th_public_key_read(db, path, key, &found, err);
    sqlite3_close(db);
    if (!rc && !found)
        rc = th_fail(err, TH_INVALID,
                     "the ledger %s has no keys yet. Make them with: trunkhost secrets init", path);
    th_public_key_text(key, text);
    return rc;
}

/* --- the pair that opens a ledger ------------------------------------------------------------- */

/* Reads a key file; a key that does not fit, and a file that is not there, are no errors here. */
static int try_file(const char *file, const unsigned char *public_key, th_key_pair **out,
                    th_error *err)
{
    th_key_pair *pair = NULL;
    int rc;

    *out = NULL;
    if (access(file, F_OK) != 0 && errno == ENOENT)
        return 0;
    if ((rc = th_key_file_read(file, &pair, err)))
        return rc;
    if (memcmp(public_key, pair->public_key, crypto_box_PUBLICKEYBYTES) != 0) {
        sodium_free(pair);
        return 0;
    }
    *out = pair;
    return 0;
}

int th_key_pair_load(const char *ledger_path, const char *key_path, const unsigned char *public_key,
                     th_key_pair **out, th_error *err)
{
    char *beside = th_ledger_beside(ledger_path, ".key");
    char *next = th_ledger_beside(ledger_path, TH_KEY_NEXT);
    const char *file = key_path ? key_path : beside;
    int rc = 0;

    *out = NULL;
    /* A rekey that was cut off after its commit has left the key there. */
    if (next && !key_path)
        try_file(next, public_key, out, NULL);
    if (!beside || !next)
        rc = th_fail(err, TH_INVALID, "cannot read the ledger %s: not enough memory", ledger_path);
    else if (!*out)
        rc = th_key_file_read(file, out, err);
    if (!rc && *out && memcmp(public_key, (*out)->public_key, crypto_box_PUBLICKEYBYTES) != 0) {
        rc = th_fail(err, TH_INVALID,
                     "the private key %s does not belong to the ledger %s. Name the right one with "
                     "--key",
                     file, ledger_path);
        sodium_free(*out);
        *out = NULL;
    }
    free(beside);
    free(next);
    return rc;
}
