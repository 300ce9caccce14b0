#include "ledger/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/file.h"

enum {
    KEY_FILE_MAX = 4096,
    KEY_TEXT = sodium_base64_ENCODED_LEN(crypto_box_SECRETKEYBYTES, sodium_base64_VARIANT_ORIGINAL),
};

static const char heading[] =
    "# The private key of a trunkhost ledger: it opens every password in it. "
    "Keep a copy in a safe place and show it to nobody.\n";

/* --- reading ---------------------------------------------------------------------------------- */

/* The first line that is neither empty nor a comment, decoded. */
static bool key_parse(const char *text, size_t len, th_key_pair *pair)
{
    const char *end = text + len;
    size_t got = 0;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        if (*text != '#' && stop > text)
            return sodium_base642bin(pair->private_key, sizeof pair->private_key, text,
                                     (size_t)(stop - text), " \t\r", &got, NULL,
                                     sodium_base64_VARIANT_ORIGINAL) == 0 &&
                   got == sizeof pair->private_key &&
                   crypto_scalarmult_base(pair->public_key, pair->private_key) == 0;
        text = newline ? newline + 1 : end;
    }
    return false;
}

int th_key_refuse(th_error *err, const char *file, const char *reason, const char *advice)
{
    return th_fail(err, TH_INVALID, "cannot use the private key %s: %s. %s", file, reason, advice);
}

static int key_check(int fd, const char *file, th_error *err)
{
    struct stat st;

    if (fstat(fd, &st))
        return th_key_refuse(err, file, strerror(errno), "Name another with --key");
    if (S_ISDIR(st.st_mode))
        return th_key_refuse(err, file, "it is a directory", "Name a file in it with --key");
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
        return th_key_refuse(err, file, strerror(errno), "Name another with --key");
    rc = key_check(fd, file, err);
    if (!rc && (!(text = sodium_malloc(KEY_FILE_MAX)) || !(pair = sodium_malloc(sizeof *pair))))
        rc = th_key_refuse(err, file, "not enough memory", "Free some, then start again");
    while (!rc && len < KEY_FILE_MAX && n != 0) {
        n = read(fd, text + len, KEY_FILE_MAX - len);
        if (n > 0)
            len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            rc = th_key_refuse(err, file, strerror(errno), "Name another with --key");
    }
    close(fd);
    if (!rc && (!text || !pair || !key_parse(text, len, pair)))
        rc = th_key_refuse(err, file, "it does not hold a private key of trunkhost",
                           "Restore it from a backup, or name another with --key");
    sodium_free(text);
    if (rc)
        sodium_free(pair);
    else
        *out = pair;
    return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

int th_key_text(const th_key_pair *pair, th_buf *out)
{
    char text[KEY_TEXT];
    int rc;

    sodium_bin2base64(text, sizeof text, pair->private_key, sizeof pair->private_key,
                      sodium_base64_VARIANT_ORIGINAL);
    rc = th_buf_puts(out, heading) || th_buf_puts(out, text) || th_buf_putc(out, '\n');
    sodium_memzero(text, sizeof text);
    return rc ? -1 : 0;
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

int th_key_file_create(const char *file, const char *ledger_path, const th_key_pair *pair)
{
    th_buf text = {.sensitive = true};
    struct stat st;
    int fd, rc = -1, code;

    if (th_key_text(pair, &text)) {
        th_buf_close(&text);
        errno = ENOMEM;
        return -1;
    }
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    code = errno;
    if (fd >= 0) {
        if (write_all(fd, text.data, text.len) == 0 &&
            /* Root working on somebody's ledger leaves the key to its owner. */
            (geteuid() != 0 || stat(ledger_path, &st) || fchown(fd, st.st_uid, st.st_gid) == 0 ||
             errno == EPERM))
            rc = fsync(fd);
        code = errno;
        if (close(fd) && !rc) {
            rc = -1;
            code = errno;
        }
        if (!rc && th_folder_sync(file)) {
            rc = -1;
            code = errno;
        }
        if (rc)
            unlink(file);
    }
    th_buf_close(&text);
    errno = code;
    return rc;
}

/* Under a temporary name first: a power cut must not leave half a key under the real one. Callers
 * hold the ledger's write lock, so a temporary file that is there is a dead one's. */
int th_key_file_write(const char *file, const char *ledger_path, const th_key_pair *pair)
{
    char *temporary = NULL;
    int rc, code;

    if (asprintf(&temporary, "%s.new", file) < 0) {
        errno = ENOMEM;
        return -1;
    }
    unlink(temporary);
    rc = th_key_file_create(temporary, ledger_path, pair);
    if (!rc && (rename(temporary, file) || th_folder_sync(file)))
        rc = -1;
    code = errno;
    if (rc)
        unlink(temporary);
    free(temporary);
    errno = code;
    return rc;
}
