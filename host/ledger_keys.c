#include "ledger_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger.h"
#include "ledger_database.h"
#include "ledger_file.h"

enum {
    KEY_FILE_MAX = 4096,
    KEY_TEXT = sodium_base64_ENCODED_LEN(crypto_box_SECRETKEYBYTES, sodium_base64_VARIANT_ORIGINAL),
};

static const char heading[] =
    "# The private key of a trunkhost ledger: it opens every password in it. "
    "Keep a copy in a safe place and show it to nobody.\n";

char *th_ledger_key_path(const char *ledger_path)
{
    return th_ledger_beside(ledger_path, ".key");
}

/* --- the public half
 * ------------------------------------------------------------------------------- */

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

static int public_key_write(sqlite3 *db, const char *path, const unsigned char *public_key,
                            th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    char text[KEY_TEXT];
    int rc;

    sodium_bin2base64(text, sizeof(text), public_key, crypto_box_PUBLICKEYBYTES,
                      sodium_base64_VARIANT_ORIGINAL);
    rc = sqlite3_prepare_v2(db, "INSERT INTO meta (key, value) VALUES ('public_key', ?)", -1, &stmt,
                            NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    rc = rc == SQLITE_DONE ? 0 : th_database_fail(err, db, rc, "write to", path);
    sqlite3_finalize(stmt);
    return rc;
}

/* --- the private half
 * ------------------------------------------------------------------------------ */

/* The first line that is neither empty nor a comment, decoded. */
static bool key_parse(const char *text, size_t len, th_key_pair *pair)
{
    const char *end = text + len;
    size_t got = 0;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        if (*text != '#' && stop > text)
            return sodium_base642bin(pair->private_key, sizeof(pair->private_key), text,
                                     (size_t)(stop - text), " \t\r", &got, NULL,
                                     sodium_base64_VARIANT_ORIGINAL) == 0 &&
                   got == sizeof(pair->private_key) &&
                   crypto_scalarmult_base(pair->public_key, pair->private_key) == 0;
        text = newline ? newline + 1 : end;
    }
    return false;
}

static int key_refuse(th_error *err, const char *file, const char *reason, const char *advice)
{
    return th_fail(err, TH_INVALID, "cannot use the private key %s: %s. %s", file, reason, advice);
}

static int key_check(int fd, const char *file, th_error *err)
{
    struct stat st;

    if (fstat(fd, &st))
        return key_refuse(err, file, strerror(errno), "Name another with --key");
    if (S_ISDIR(st.st_mode))
        return key_refuse(err, file, "it is a directory", "Name a file in it with --key");
    /* A pipe from a password store has no mode to speak of. */
    if (S_ISREG(st.st_mode) && !th_mode_is_private(st.st_mode))
        return th_fail(err, TH_INVALID,
                       "cannot use the private key %s: its mode is %04o, so others can read it. "
                       "Run: chmod 600 %s",
                       file, (unsigned)(st.st_mode & 07777), file);
    return 0;
}

int th_key_file_read(const char *file, th_key_pair **out, th_error *err)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    th_key_pair *pair = NULL;
    size_t len = 0;
    ssize_t n = 1;
    int rc;

    if (fd < 0 && errno == ENOENT)
        return th_fail(err, TH_INVALID,
                       "cannot open the secrets: there is no private key at %s. Copy it there, or "
                       "name it with --key",
                       file);
    if (fd < 0)
        return key_refuse(err, file, strerror(errno), "Name another with --key");
    rc = key_check(fd, file, err);
    if (!rc && (!(text = sodium_malloc(KEY_FILE_MAX)) || !(pair = sodium_malloc(sizeof(*pair)))))
        rc = key_refuse(err, file, "out of memory", "Free some, then start again");
    while (!rc && len < KEY_FILE_MAX && n != 0) {
        n = read(fd, text + len, KEY_FILE_MAX - len);
        if (n > 0)
            len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            rc = key_refuse(err, file, strerror(errno), "Name another with --key");
    }
    close(fd);
    if (!rc && !key_parse(text, len, pair))
        rc = key_refuse(err, file, "it does not hold a private key of trunkhost",
                        "Restore it from a backup, or name another with --key");
    sodium_free(text);
    if (rc)
        sodium_free(pair);
    else
        *out = pair;
    return rc;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* Under a temporary name first: a power cut must not leave half a key under the real one. Callers
 * hold the ledger's write lock, so a temporary file that is there is a dead one's. */
static int key_file_write(const char *file, const char *ledger_path, const th_key_pair *pair)
{
    char text[KEY_TEXT];
    struct stat st;
    char *temporary = NULL;
    int fd, rc = -1, code;

    if (asprintf(&temporary, "%s.new", file) < 0) {
        errno = ENOMEM;
        return -1;
    }
    unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        sodium_bin2base64(text, sizeof(text), pair->private_key, sizeof(pair->private_key),
                          sodium_base64_VARIANT_ORIGINAL);
        text[KEY_TEXT - 1] = '\n';
        if (write_all(fd, heading, sizeof(heading) - 1) == 0 &&
            write_all(fd, text, sizeof(text)) == 0 &&
            /* Root working on somebody's ledger leaves the key to its owner. */
            (geteuid() != 0 || stat(ledger_path, &st) || fchown(fd, st.st_uid, st.st_gid) == 0))
            rc = fsync(fd);
        code = errno;
        sodium_memzero(text, sizeof(text));
        if (close(fd) && !rc) {
            rc = -1;
            code = errno;
        }
        errno = code;
    }
    if (!rc && (rename(temporary, file) || th_folder_sync(file)))
        rc = -1;
    code = errno;
    if (rc)
        unlink(temporary);
    free(temporary);
    errno = code;
    return rc;
}

/* The pair of the file beside the ledger, drawn and written there when there is no such file. */
static int key_file_ensure(const char *ledger_path, th_key_pair **out, th_error *err)
{
    char *file = th_ledger_key_path(ledger_path);
    th_key_pair *pair = NULL;
    struct stat st;
    int rc = 0;

    if (!file)
        return th_ledger_file_refuse(err, ledger_path, "out of memory",
                                     "Free some, then start again");
    if (lstat(file, &st) == 0 || errno != ENOENT) {
        rc = th_key_file_read(file, &pair, err);
    } else if (!(pair = sodium_malloc(sizeof(*pair)))) {
        rc = key_refuse(err, file, "out of memory", "Free some, then start again");
    } else {
        crypto_box_keypair(pair->public_key, pair->private_key);
        if (key_file_write(file, ledger_path, pair))
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

int th_public_key_ensure(sqlite3 *db, const char *path, unsigned char *public_key, bool *made,
                         th_error *err)
{
    th_key_pair *pair = NULL;
    bool found = false;
    int code, rc;

    if (made)
        *made = false;
    if (sodium_init() < 0)
        return th_ledger_file_refuse(err, path, "libsodium does not start",
                                     "Check that the system has a source of randomness");
    rc = th_public_key_read(db, path, public_key, &found, err);
    if (rc || found)
        return rc;
    /* The write lock keeps two programs from making two pairs: the second one finds the first's. */
    if ((code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL)))
        return th_database_fail(err, db, code, "write to", path);
    rc = th_public_key_read(db, path, public_key, &found, err);
    if (!rc && !found && !(rc = key_file_ensure(path, &pair, err))) {
        memcpy(public_key, pair->public_key, sizeof(pair->public_key));
        sodium_free(pair);
        rc = public_key_write(db, path, public_key, err);
    }
    if (!rc && (code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL)))
        rc = th_database_fail(err, db, code, "write to", path);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    if (made)
        *made = !rc && !found;
    return rc;
}
