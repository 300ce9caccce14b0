/* The file of certificate authorities that TLS trusts: one PEM file, never a folder. */
#ifndef TH_AUTHORITIES_H
#define TH_AUTHORITIES_H

#include "base/error.h"

/* What is used where an account names none: $SSL_CERT_FILE, else the system's bundle; NULL when
 * there is neither, and libcurl's own default holds. *variable becomes "SSL_CERT_FILE" or NULL. */
const char *th_authorities_default(const char **variable);

/* Whether the file can be read and holds a certificate. TH_INVALID otherwise; `source` is what the
 * error calls it: "ca_file", "SSL_CERT_FILE". */
int th_authorities_check(const char *path, const char *source, th_error *err);

#endif
