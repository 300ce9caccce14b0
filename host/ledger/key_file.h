/*
 * The private key of a ledger as a file: two lines of text, mode 0600.
 */
#ifndef TH_LEDGER_KEY_FILE_H
#define TH_LEDGER_KEY_FILE_H

#include "base/buf.h"
#include "base/error.h"
#include "ledger/seal.h"

/*
 * Reads a private key file (or a pipe) and checks that it is private. The caller releases *out with
 * sodium_free. TH_INVALID with what to do.
 */
int th_key_file_read(const char *file, th_key_pair **out, th_error *err);

/* Writes the private key to a new file, durably, name and all. It gets the ledger's owner when root
 * makes it. 0, or -1 with errno (EEXIST: nothing is overwritten). */
int th_key_file_create(const char *file, const char *ledger_path, const th_key_pair *pair);
/* The same, whole or not at all, in place of what is there. */
int th_key_file_write(const char *file, const char *ledger_path, const th_key_pair *pair);

/* The text of such a file; out must be sensitive. 0, or -1 when memory runs out. */
int th_key_text(const th_key_pair *pair, th_buf *out);

/* "cannot use the private key FILE: REASON. ADVICE", TH_INVALID. */
int th_key_refuse(th_error *err, const char *file, const char *reason, const char *advice);

#endif
