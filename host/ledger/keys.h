/*
 * The ledger's key pair: the public half in its meta table, the private half in a file beside it,
 * which may be moved to another machine.
 */
#ifndef TH_LEDGER_KEYS_H
#define TH_LEDGER_KEYS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/error.h"
#include "ledger/key_file.h"
#include "ledger/seal.h"

enum {
    TH_PUBLIC_KEY_TEXT =
        sodium_base64_ENCODED_LEN(crypto_box_PUBLICKEYBYTES, sodium_base64_VARIANT_ORIGINAL),
};

/* The endings of a ledger's key files while `secrets rekey` replaces the key, and of the key
 * before. */
#define TH_KEY_NEXT ".key.next"
#define TH_KEY_OLD  ".key.old"

/* A public key as people and the meta table have it. */
void th_public_key_text(const unsigned char *public_key, char text[static TH_PUBLIC_KEY_TEXT]);
/* False for anything that nothing can be sealed to. */
bool th_public_key_parse(const char *text, unsigned char *public_key);

/* Reads the public key of the ledger at path. *found is false when it has none yet. */
int th_public_key_read(sqlite3 *db, const char *path, unsigned char *public_key, bool *found,
                       th_error *err);
/* Sets it, within the caller's transaction. */
int th_public_key_write(sqlite3 *db, const char *path, const unsigned char *public_key,
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
 * Makes a ledger whose private key lies elsewhere: with this public key, or (NULL) with a new pair,
 * which `store` puts into a safe place before the public half is committed. TH_INVALID when the
 * ledger has keys already.
 */
int th_ledger_init_public(const char *path, const unsigned char *public_key,
                          int (*store)(const th_key_pair *pair, void *ctx, th_error *err),
                          void *ctx, th_error *err);

/* The public key of the ledger at path, for people. TH_INVALID when it has none. */
int th_ledger_public_key(const char *path, char text[static TH_PUBLIC_KEY_TEXT], th_error *err);

/*
 * The pair that opens the ledger with this public key: from key_path, or (NULL) from beside the
 * ledger. The caller releases *out with sodium_free. TH_INVALID with what to do.
 */
int th_key_pair_load(const char *ledger_path, const char *key_path, const unsigned char *public_key,
                     th_key_pair **out, th_error *err);

#endif
