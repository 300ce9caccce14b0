/*
 * The ledger's key pair: the public half in its meta table, the private half in a file beside it,
 * which may be moved to another machine.
 */
#ifndef TH_LEDGER_KEYS_H
#define TH_LEDGER_KEYS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "error.h"
#include "ledger_seal.h"

/* Reads the public key of the ledger at path. *found is false when it has none yet. */
int th_public_key_read(sqlite3 *db, const char *path, unsigned char *public_key, bool *found,
                       th_error *err);

/*
 * The same, and makes the pair when there is none: the private key is on disk, name and all, before
 * the public key is committed, so no secret is ever sealed to a key that nobody has. A private key
 * file that is there already is taken over, never overwritten. *made (may be NULL) says whether the
 * ledger had none.
 */
int th_public_key_ensure(sqlite3 *db, const char *path, unsigned char *public_key, bool *made,
                         th_error *err);

/*
 * Reads a private key file (or a pipe) and checks that it is private. The caller releases *out with
 * sodium_free. TH_INVALID with what to do.
 */
int th_key_file_read(const char *file, th_key_pair **out, th_error *err);

#endif
