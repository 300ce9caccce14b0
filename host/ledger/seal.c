#include "ledger/seal.h"

#include <stdbool.h>
#include <string.h>

enum { SEAL_VERSION = 1, MAGIC = 4 };

/* Not a byte of it is checked for more than knowing which kind of box to try first. */
static const unsigned char magic[MAGIC] = {'t', 'h', 's', 2};

int th_sealer_renew(th_sealer *sealer, const unsigned char *public_key, th_error *err)
{
    unsigned char private_key[crypto_box_SECRETKEYBYTES];
    int rc;

    crypto_box_keypair(sealer->ephemeral, private_key);
    randombytes_buf(sealer->nonce, sizeof sealer->nonce);
    rc = crypto_box_beforenm(sealer->shared, public_key, private_key);
    sodium_memzero(private_key, sizeof private_key);
    if (rc)
        return th_fail(err, TH_INVALID,
                       "cannot store a secret: the public key of the ledger is not usable");
    return 0;
}

static unsigned char *put_name(unsigned char *at, const char *name)
{
    size_t len = strlen(name);

    *at++ = (unsigned char)(len >> 8);
    *at++ = (unsigned char)(len & 0xff);
    memcpy(at, name, len);
    return at + len;
}

int th_seal(th_sealer *sealer, const struct th_seal_names *names, const void *secret, size_t len,
            unsigned char *plain, unsigned char *sealed, size_t *sealed_len, th_error *err)
{
    unsigned char *at = plain, *nonce;
    int rc;

    if (strlen(names->account) > TH_NAME_MAX || strlen(names->trunk) > TH_NAME_MAX ||
        strlen(names->field) > TH_NAME_MAX)
        return th_fail(err, TH_INVALID,
                       "cannot store a secret: account, trunk or field is longer than %d bytes",
                       (int)TH_NAME_MAX);
    if (len == 0 || len > TH_SECRET_MAX)
        return th_fail(err, TH_INVALID, "cannot store a secret of %zu bytes: 1 to %d are possible",
                       len, (int)TH_SECRET_MAX);
    *at++ = SEAL_VERSION;
    at = put_name(at, names->account);
    at = put_name(at, names->trunk);
    at = put_name(at, names->field);
    memcpy(at, secret, len);
    at += len;
    memcpy(sealed, magic, MAGIC);
    memcpy(sealed + MAGIC, sealer->ephemeral, sizeof sealer->ephemeral);
    nonce = sealed + MAGIC + sizeof sealer->ephemeral;
    memcpy(nonce, sealer->nonce, sizeof sealer->nonce);
    sodium_increment(sealer->nonce, sizeof sealer->nonce);
    rc = crypto_box_easy_afternm(sealed + TH_SEAL_HEAD, plain, (unsigned long long)(at - plain),
                                 nonce, sealer->shared);
    *sealed_len = TH_SEAL_HEAD + crypto_box_MACBYTES + (size_t)(at - plain);
    sodium_memzero(plain, (size_t)(at - plain));
    if (rc)
        return th_fail(err, TH_INVALID, "cannot store a secret: it cannot be sealed");
    return 0;
}

/* Takes one name off [*at, end) and compares it. False when it is cut or another one. */
static bool take_name(const unsigned char **at, const unsigned char *end, const char *name,
                      bool may_be_empty)
{
    size_t len;

    if (end - *at < 2)
        return false;
    len = (size_t)(*at)[0] << 8 | (*at)[1];
    *at += 2;
    if ((size_t)(end - *at) < len)
        return false;
    *at += len;
    return (len == 0 && may_be_empty) || (len == strlen(name) && memcmp(*at - len, name, len) == 0);
}

/* Returns the length of what was in the box, 0 when it does not open. */
static size_t open_box(const th_key_pair *keys, const unsigned char *sealed, size_t len,
                       unsigned char *plain)
{
    const unsigned char *ephemeral = sealed + MAGIC;
    const unsigned char *nonce = ephemeral + crypto_box_PUBLICKEYBYTES;

    if (len > TH_SEALED_MAX)
        return 0;
    if (len > TH_SEAL_HEAD + crypto_box_MACBYTES && memcmp(sealed, magic, MAGIC) == 0 &&
        crypto_box_open_easy(plain, sealed + TH_SEAL_HEAD, len - TH_SEAL_HEAD, nonce, ephemeral,
                             keys->private_key) == 0)
        return len - TH_SEAL_HEAD - crypto_box_MACBYTES;
    if (len > crypto_box_SEALBYTES && len - crypto_box_SEALBYTES <= TH_PLAIN_MAX &&
        crypto_box_seal_open(plain, sealed, len, keys->public_key, keys->private_key) == 0)
        return len - crypto_box_SEALBYTES;
    return 0;
}

int th_unseal(const th_key_pair *keys, const struct th_seal_names *names, const void *sealed,
              size_t sealed_len, unsigned char *plain, const char **secret, size_t *len,
              th_error *err)
{
    const unsigned char *at = plain, *end = plain + open_box(keys, sealed, sealed_len, plain);

    if (at == end)
        return th_fail(err, TH_INVALID, "it is damaged, or sealed to another key");
    if (*at++ != SEAL_VERSION)
        return th_fail(err, TH_INVALID, "it was sealed by a newer trunkhost");
    if (!take_name(&at, end, names->account, false) || !take_name(&at, end, names->trunk, true) ||
        !take_name(&at, end, names->field, false) || at == end)
        return th_fail(err, TH_INVALID, "it was sealed for another row, so the row was altered");
    *secret = (const char *)at;
    *len = (size_t)(end - at);
    return 0;
}
