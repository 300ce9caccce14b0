#include "wire/authorities.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { FILE_MAX = 64 << 20 };

const char *th_authorities_default(const char **variable)
{
    static const char system_file[] = "/etc/ssl/certs/ca-certificates.crt";
    const char *named = getenv("SSL_CERT_FILE");

    *variable = named && named[0] ? "SSL_CERT_FILE" : NULL;
    if (*variable)
        return named;
    return access(system_file, R_OK) == 0 ? system_file : NULL;
}

static int read_file(const char *path, th_buf *out)
{
    char chunk[16384];
    ssize_t n;
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int problem = fd < 0 ? errno : fstat(fd, &st) != 0 ? errno : 0;

    if (!problem && S_ISDIR(st.st_mode))
        problem = EISDIR;
    while (!problem && (n = read(fd, chunk, sizeof chunk)) != 0)
        if (n < 0 && errno != EINTR)
            problem = errno;
        else if (n > 0 && (out->len > FILE_MAX || th_buf_append(out, chunk, (size_t)n) != 0))
            problem = EFBIG;
    if (fd >= 0)
        close(fd);
    return problem;
}

/* Whether base64 between two marks is a DER sequence that is as long as it says. */
static bool is_certificate(const char *begin, const char *end)
{
    size_t room = (size_t)(end - begin), len = 0;
    unsigned char *der = malloc(room + 1);
    bool good = der && sodium_base642bin(der, room, begin, room, " \t\r\n", &len, NULL,
                                         sodium_base64_VARIANT_ORIGINAL) == 0;
    good = good && len > 4 && der[0] == 0x30 && der[1] == 0x82 &&
           ((size_t)der[2] << 8 | der[3]) + 4 <= len;
    free(der);
    return good;
}

static bool holds_certificate(const char *text)
{
    static const char *const marks[][2] = {
        {"-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"},
        {"-----BEGIN X509 CERTIFICATE-----", "-----END X509 CERTIFICATE-----"},
        {"-----BEGIN TRUSTED CERTIFICATE-----", "-----END TRUSTED CERTIFICATE-----"}};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        for (const char *at = text; (at = strstr(at, marks[i][0]));) {
            at += strlen(marks[i][0]);
            const char *end = strstr(at, marks[i][1]);
            if (end && is_certificate(at, end))
                return true;
        }
    }
    return false;
}

int th_authorities_check(const char *path, const char *source, th_error *err)
{
    th_buf text = {0};
    int problem = read_file(path, &text), rc = 0;

    if (problem)
        rc = th_fail(err, TH_INVALID,
                     "cannot read the CA file %s (%s): %s. Nothing was sent; check its path and "
                     "mode",
                     path, source, strerror(problem));
    else if (!text.data || !holds_certificate(text.data))
        rc = th_fail(err, TH_INVALID,
                     "the CA file %s (%s) holds no certificate. Nothing was sent; it has to be "
                     "PEM: -----BEGIN CERTIFICATE-----",
                     path, source);
    th_buf_close(&text);
    return rc;
}
