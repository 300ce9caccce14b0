/* `trunkhost secrets init` and `rekey`: the key pair of a ledger, made and replaced. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/line.h"
#include "command/secrets_impl.h"
#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/rekey.h"

static const char help_init[] =
    "Usage: trunkhost [--ledger FILE] secrets init\n"
    "       trunkhost [--ledger FILE] secrets init --public-only [--key-out FILE]\n"
    "       trunkhost [--ledger FILE] secrets init --public-only --public-key KEY\n"
    "\n"
    "Makes the ledger and its key pair, and says what to back up. Rotating does the same at\n"
    "its first use. A ledger that has its keys is left alone (exit status 2).\n"
    "\n"
    "  --public-only     keep only the public key here: this machine can store passwords, and\n"
    "                    cannot read them. The private key goes into FILE, or to standard output:\n"
    "                      trunkhost secrets init --public-only | ssh vault 'umask 077; cat "
    ">ledger.key'\n"
    "  --key-out FILE    a new file, mode 0600\n"
    "  --public-key KEY  the public key of a pair that was made elsewhere (`secrets init` there\n"
    "                    prints it)\n"
    "  -h, --help        this text\n";

static const char help_rekey[] =
    "Usage: trunkhost [--ledger FILE] secrets rekey [option…]\n"
    "\n"
    "Makes a new key pair and seals every password of the ledger to it, all or none. Use it when\n"
    "somebody may have seen the private key, and change the passwords as well. Backups of the\n"
    "ledger stay sealed to the key of their time: keep that as long as you keep them\n"
    "(--keep-old), if there is no other copy of it.\n"
    "\n"
    "  --key FILE      the present private key (default: beside the ledger, ledger.key)\n"
    "  --key-out FILE  where the new one goes: a new file (default: beside the ledger; while it\n"
    "                  works the present one is ledger.key.old)\n"
    "  --keep-old      leave the present one behind as ledger.key.old\n"
    "  -h, --help      this text\n";

static int finish_output(th_error *err)
{
    if (fflush(stdout) == 0)
        return 0;
    return th_fail(err, TH_INVALID, "cannot write to standard output: %s", strerror(errno));
}

/* --- init ------------------------------------------------------------------------------------- */

static int init_pair(const char *ledger)
{
    char public_key[TH_PUBLIC_KEY_TEXT];
    th_error err = {0};
    char *key = th_ledger_key_path(ledger);
    int rc = th_ledger_init(ledger, &err);

    if (!rc && !key)
        rc = -1;
    if (!rc && !(rc = th_ledger_public_key(ledger, public_key, &err))) {
        printf(
            "Ledger       %s\n"
            "Private key  %s\n"
            "Public key   %s\n"
            "\n"
            "Back up both. Without the private key nobody can read the passwords in the ledger,\n"
            "you included; with it anybody can. Keep a copy away from this machine. You may also\n"
            "move it away altogether: rotating does not need it, only `secrets export` does\n"
            "(--key FILE).\n",
            ledger, key, public_key);
        rc = finish_output(&err);
    }
    free(key);
    return rc ? th_command_complain(&err) : 0;
}

struct destination {
    const char *ledger;
    const char *file; /* NULL: standard output */
};

static int store_key(const th_key_pair *pair, void *ctx, th_error *err)
{
    const struct destination *to = ctx;
    th_buf text = {.sensitive = true};
    int rc;

    if (to->file) {
        if (th_key_file_create(to->file, to->ledger, pair) == 0)
            return 0;
        return th_fail(err, TH_INVALID, "cannot write the private key %s: %s. Nothing was changed",
                       to->file, strerror(errno));
    }
    rc = th_key_text(pair, &text) ? th_fail(err, TH_INVALID, "not enough memory")
                                  : th_command_write(&text, err);
    th_buf_close(&text);
    return rc;
}

static int init_public(const char *ledger, const char *file, const char *given)
{
    unsigned char key[crypto_box_PUBLICKEYBYTES];
    char public_key[TH_PUBLIC_KEY_TEXT];
    struct destination to = {ledger, file};
    th_error err = {0};
    int rc = 0;

    if (sodium_init() < 0)
        rc = th_fail(&err, TH_INVALID, "libsodium does not start: no source of randomness");
    else if (given && !th_public_key_parse(given, key))
        rc = th_fail(&err, TH_INVALID,
                     "secrets init: %s is no public key. It is what `secrets init` prints where "
                     "the pair is made, 44 characters",
                     given);
    if (!rc && !(rc = th_ledger_init_public(ledger, given ? key : NULL, store_key, &to, &err)))
        rc = th_ledger_public_key(ledger, public_key, &err);
    if (rc)
        return th_command_complain(&err);
    /* Standard output may be the private key's. */
    fprintf(stderr, "Ledger       %s\nPublic key   %s\n", ledger, public_key);
    if (file)
        fprintf(stderr, "Private key  %s\n", file);
    fprintf(stderr, "\nThis machine stores passwords and cannot read them. Keep the private key "
                    "safe, and a copy of it:\n`trunkhost secrets export --key FILE` needs it.\n");
    return 0;
}

int th_secrets_init(int argc, char **argv, const char *ledger)
{
    const char *file = NULL, *given = NULL;
    bool public_only = false;
    int count = 0, rc;
    th_error err = {0};
    const struct th_command_option options[] = {{"--ledger", &ledger, NULL},
                                                {"--key-out", &file, NULL},
                                                {"--public-key", &given, NULL},
                                                {"--public-only", NULL, &public_only},
                                                {NULL}};

    rc = th_command_parse("secrets init", argc, argv, 2, options, NULL, 0, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help_init, stdout);
        return 0;
    }
    if (rc)
        return rc;
    if (!public_only && (file || given))
        th_fail(&err, TH_INVALID, "secrets init: %s needs --public-only beside it",
                file ? "--key-out" : "--public-key");
    else if (file && given)
        th_fail(&err, TH_INVALID,
                "secrets init: with --public-key there is no private key to write, so --key-out "
                "has no meaning");
    if (err.kind)
        return th_command_complain(&err);
    return public_only ? init_public(ledger, file, given) : init_pair(ledger);
}

/* --- rekey ------------------------------------------------------------------------------------ */

int th_secrets_rekey(int argc, char **argv, const char *ledger)
{
    struct th_rekey rekey = {0};
    char *beside = NULL;
    int count = 0, rc;
    th_error err = {0};
    const struct th_command_option options[] = {{"--ledger", &ledger, NULL},
                                                {"--key", &rekey.key, NULL},
                                                {"--key-out", &rekey.key_out, NULL},
                                                {"--keep-old", NULL, &rekey.keep_old},
                                                {NULL}};

    rc = th_command_parse("secrets rekey", argc, argv, 2, options, NULL, 0, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help_rekey, stdout);
        return 0;
    }
    if (rc)
        return rc;
    if (th_ledger_rekey(ledger, &rekey, &err))
        return th_command_complain(&err);
    beside = th_ledger_key_path(ledger);
    printf("%zu %s sealed to a new key. Private key  %s\n"
           "Back it up, in another place than the ledger.\n%s",
           rekey.secrets, rekey.secrets == 1 ? "password is" : "passwords are",
           rekey.key_out ? rekey.key_out
           : beside      ? beside
                         : "beside the ledger",
           rekey.keep_old || rekey.key_out
               ? ""
               : "The old key was removed. Backups of the ledger that were made before need a copy "
                 "of it.\n");
    free(beside);
    return finish_output(&err) ? th_command_complain(&err) : 0;
}
