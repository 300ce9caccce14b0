/*
 * What a sealed secret is: a libsodium sealed box around
 *
 *     version 1 | account | trunk | field | secret
 *
 * where each name is preceded by its length (two bytes, big end first) and the secret is the rest.
 * The names bind the box to its row. An empty trunk is a create that had no id yet: it fits any
 * trunk.
 */
#ifndef TH_LEDGER_SEAL_H
#define TH_LEDGER_SEAL_H

#include <sodium.h>
#include <stddef.h>

#include "error.h"
#include "secret.h"

enum {
    TH_NAME_MAX = 1024, /* bytes of an account, trunk or field */
    TH_PLAIN_MAX = 1 + 3 * (2 + TH_NAME_MAX) + TH_SECRET_MAX,
    TH_SEALED_MAX = TH_PLAIN_MAX + crypto_box_SEALBYTES,
};

/* Both halves; lives in memory from sodium_malloc, released with sodium_free (which wipes it). */
typedef struct th_key_pair {
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    unsigned char private_key[crypto_box_SECRETKEYBYTES];
} th_key_pair;

struct th_seal_names {
    const char *account, *trunk, *field;
};

/*
 * Seals `len` bytes of secret. plain is TH_PLAIN_MAX bytes of locked memory, wiped before the
 * return; sealed takes at most TH_SEALED_MAX bytes. TH_INVALID when a name or the secret is empty
 * or too long.
 */
int th_seal(const unsigned char *public_key, const struct th_seal_names *names, const void *secret,
            size_t len, unsigned char *plain, unsigned char *sealed, size_t *sealed_len,
            th_error *err);

/*
 * Opens a sealed secret and checks that it belongs to names. *secret points into plain
 * (TH_PLAIN_MAX bytes of locked memory), which the caller wipes. TH_INVALID says what is wrong,
 * without naming the row.
 */
int th_unseal(const th_key_pair *keys, const struct th_seal_names *names, const void *sealed,
              size_t sealed_len, unsigned char *plain, const char **secret, size_t *len,
              th_error *err);

#endif
