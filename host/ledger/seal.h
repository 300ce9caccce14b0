/*
 * What a sealed secret is: a box to the ledger's public key around
 *
 *     version 1 | account | trunk | field | secret
 *
 * where each name is preceded by its length (two bytes, big end first) and the secret is the rest.
 * The names bind the box to its row. An empty trunk is a create that had no id yet: it fits any
 * trunk.
 *
 * The box is  magic | ephemeral public key | nonce | crypto_box . The ephemeral pair lasts for the
 * secrets of about one second, which share the cost of its two curve operations. Ledgers of schema
 * 1 hold libsodium sealed boxes, which are opened too.
 */
#ifndef TH_LEDGER_SEAL_H
#define TH_LEDGER_SEAL_H

#include <sodium.h>
#include <stddef.h>

#include "base/error.h"
#include "base/secret.h"

enum {
    TH_NAME_MAX = 1024, /* bytes of an account, trunk or field */
    TH_PLAIN_MAX = 1 + 3 * (2 + TH_NAME_MAX) + TH_SECRET_MAX,
    TH_SEAL_HEAD = 4 + crypto_box_PUBLICKEYBYTES + crypto_box_NONCEBYTES,
    TH_SEALED_MAX = TH_SEAL_HEAD + crypto_box_MACBYTES + TH_PLAIN_MAX,
};

/* Both halves; lives in memory from sodium_malloc, released with sodium_free (which wipes it). */
typedef struct th_key_pair {
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    unsigned char private_key[crypto_box_SECRETKEYBYTES];
} th_key_pair;

struct th_seal_names {
    const char *account, *trunk, *field;
};

/* What seals; lives in memory from sodium_malloc, as what it holds opens what it sealed. */
typedef struct th_sealer {
    unsigned char ephemeral[crypto_box_PUBLICKEYBYTES];
    unsigned char shared[crypto_box_BEFORENMBYTES];
    unsigned char
        nonce[crypto_box_NONCEBYTES]; /* of the next secret: a random start, then counted */
} th_sealer;

/* Draws a new ephemeral pair for this public key. TH_INVALID when that is no usable key. The caller
 * wipes the struct when it is done. */
int th_sealer_renew(th_sealer *sealer, const unsigned char *public_key, th_error *err);

/*
 * Seals `len` bytes of secret. plain is TH_PLAIN_MAX bytes of locked memory, wiped before the
 * return; sealed takes at most TH_SEALED_MAX bytes. TH_INVALID when a name or the secret is empty
 * or too long.
 */
int th_seal(th_sealer *sealer, const struct th_seal_names *names, const void *secret, size_t len,
            unsigned char *plain, unsigned char *sealed, size_t *sealed_len, th_error *err);

/*
 * Opens a sealed secret and checks that it belongs to names. *secret points into plain
 * (TH_PLAIN_MAX bytes of locked memory), which the caller wipes. TH_INVALID says what is wrong,
 * without naming the row.
 */
int th_unseal(const th_key_pair *keys, const struct th_seal_names *names, const void *sealed,
              size_t sealed_len, unsigned char *plain, const char **secret, size_t *len,
              th_error *err);

#endif
