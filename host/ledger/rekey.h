/* A new key pair for a ledger, and every secret in it sealed anew. */
#ifndef TH_LEDGER_REKEY_H
#define TH_LEDGER_REKEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct th_rekey {
    const char *key;     /* the present private key; NULL: beside the ledger */
    const char *key_out; /* where the new one goes; NULL: beside the ledger */
    bool keep_old;       /* the present one stays behind as <ledger>.key.old */
    size_t secrets;      /* result: how many were sealed anew */
};

/*
 * Seals every secret of the ledger at path to a new key, in one transaction: all or none. At every
 * instant, whatever happens, one of the key files beside the ledger (.key, .key.next, .key.old), or
 * key_out, opens it. Runs that use the ledger meanwhile wait for it and seal to the new key from
 * then on. TH_INVALID with what to do, nothing changed; also when a secret does not open.
 */
int th_ledger_rekey(const char *path, struct th_rekey *rekey, th_error *err);

#endif
