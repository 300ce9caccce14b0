#include "secrets_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "ledger.h"
#include "secrets_output.h"

enum { USAGE = 2, FLUSH_AT = 32 * 1024 };

static const char help_secrets[] =
    "Usage: trunkhost [--ledger FILE] secrets init | export [option…]\n"
    "\n"
    "The ledger keeps every password that trunkhost has sent, sealed to a key.\n"
    "\n"
    "  init     make the ledger and its key pair\n"
    "  export   print the passwords, opened with the private key\n"
    "\n"
    "`trunkhost secrets export --help` lists the options of export.\n";

static const char help_init[] =
    "Usage: trunkhost [--ledger FILE] secrets init\n"
    "\n"
    "Makes the ledger and its key pair, and says what to back up. Rotating does the same at\n"
    "its first use. A ledger that has its keys is left alone (exit status 2).\n";

static const char help_export[] =
    "Usage: trunkhost [--ledger FILE] secrets export [option…]\n"
    "\n"
    "  --account NAME|all  only this account's (default: all)\n"
    "  --trunk ID          only this trunk's\n"
    "  --key FILE          the private key (default: beside the ledger, ledger.key)\n"
    "  --json              one JSON object a line\n"
    "  --csv               CSV with a heading line (default, unless the output is a terminal)\n"
    "  -h, --help          this text\n"
    "\n"
    "Columns: account, trunk, field, state, secret, created_at, evidence, run. state is candidate\n"
    "(sent or about to be sent, not proven), current, previous or rejected. A secret that is not\n"
    "UTF-8 appears in JSON as base64, with \"encoding\":\"base64\".\n"
    "A terminal gets a table without the passwords.\n"
    "\n"
    "  (umask 077; trunkhost secrets export --account famulor --csv > passwords.csv)\n";

enum format { FORMAT_AUTO, FORMAT_JSON, FORMAT_CSV };

struct options {
    const char *ledger, *account, *trunk, *key;
    enum format format;
    bool help;
};

struct export
{
    const struct options *options;
    th_buf out; /* sensitive */
    size_t rows;
    int code; /* errno of the row that could not be written */
};

static int complain(const th_error *err)
{
    fprintf(stderr, "trunkhost: %s\n", err->message ? err->message : "out of memory");
    return USAGE;
}

/* The value of option `name` at argv[*i], as `--name VALUE` or `--name=VALUE`; *i moves on over it.
 * False when argv[*i] is another option. *value is NULL when the value is missing. */
static bool take_value(const char *name, int argc, char **argv, int *i, const char **value)
{
    size_t len = strlen(name);

    if (strncmp(argv[*i], name, len) != 0)
        return false;
    if (argv[*i][len] == '=') {
        *value = argv[*i] + len + 1;
        return true;
    }
    if (argv[*i][len] != '\0')
        return false;
    *value = *i + 1 < argc ? argv[++*i] : NULL;
    return true;
}

/* 0, or 2 with the complaint printed. argv[1] is the subcommand. */
static int parse(int argc, char **argv, bool is_export, struct options *options)
{
    th_error err = {0};
    int rc = 0;

    for (int i = 2; i < argc && !rc; i++) {
        const char *given = argv[i], *value = "";

        if (strcmp(given, "-h") == 0 || strcmp(given, "--help") == 0) {
            options->help = true;
        } else if (take_value("--ledger", argc, argv, &i, &value)) {
            options->ledger = value;
        } else if (is_export && take_value("--account", argc, argv, &i, &value)) {
            options->account = value;
        } else if (is_export && take_value("--trunk", argc, argv, &i, &value)) {
            options->trunk = value;
        } else if (is_export && take_value("--key", argc, argv, &i, &value)) {
            options->key = value;
        } else if (is_export && (strcmp(given, "--json") == 0 || strcmp(given, "--csv") == 0)) {
            enum format format = given[2] == 'j' ? FORMAT_JSON : FORMAT_CSV;

            if (options->format != FORMAT_AUTO && options->format != format)
                rc = th_fail(&err, TH_INVALID,
                             "secrets export: --json and --csv exclude each other");
            options->format = format;
        } else {
            rc = th_fail(&err, TH_INVALID, "secrets %s: %s %s. See: trunkhost secrets %s --help",
                         argv[1], given[0] == '-' ? "there is no option" : "unexpected argument",
                         given, argv[1]);
        }
        if (!rc && !value)
            rc = th_fail(&err, TH_INVALID, "secrets %s: %s needs a value", argv[1], given);
    }
    if (rc)
        rc = complain(&err);
    th_error_close(&err);
    return rc;
}

static int init(const char *ledger)
{
    th_error err = {0};
    char *key = th_ledger_key_path(ledger);
    int rc = th_ledger_init(ledger, &err);

    if (rc || !key) {
        rc = complain(&err);
    } else {
        printf(
            "Ledger       %s\n"
            "Private key  %s\n"
            "\n"
            "Back up both. Without the private key nobody can read the passwords in the ledger,\n"
            "you included; with it anybody can. Keep a copy away from this machine. You may also\n"
            "move it away altogether: rotating does not need it, only `secrets export` does\n"
            "(--key FILE).\n",
            ledger, key);
        if (fflush(stdout)) {
            fprintf(stderr, "trunkhost: cannot write to standard output: %s\n", strerror(errno));
            rc = USAGE;
        }
    }
    free(key);
    th_error_close(&err);
    return rc;
}

/* Past stdio: its buffer would keep the passwords. */
static int flush(th_buf *out)
{
    size_t done = 0;

    while (done < out->len) {
        ssize_t n = write(STDOUT_FILENO, out->data + done, out->len - done);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            done += (size_t)n;
    }
    th_buf_clear(out);
    return 0;
}

/* Writes out when there is as much as `at_least`. 0, or -1 with the code kept. */
static int drain(struct export *export, size_t at_least)
{
    if (export->out.len < at_least || flush(&export->out) == 0)
        return 0;
    export->code = errno;
    return -1;
}

static bool wanted(const struct options *options, const struct th_ledger_secret_row *row)
{
    return !options->trunk || strcmp(options->trunk, row->trunk) == 0;
}

static int export_row(const struct th_ledger_secret_row *row, void *ctx)
{
    struct export *export = ctx;

    if (!wanted(export->options, row))
        return 0;
    export->rows++;
    if (export->options->format == FORMAT_JSON ? th_secrets_json(&export->out, row)
                                               : th_secrets_csv(&export->out, row))
        return -1;
    return drain(export, FLUSH_AT);
}

/* One cell of the table. What would steer the terminal is shown as a question mark. */
static int cell(th_buf *out, const char *text, int width)
{
    for (; *text; text++, width--) {
        unsigned char c = (unsigned char)*text;

        if (th_buf_putc(out, c < 0x20 || c == 0x7f ? '?' : *text))
            return -1;
        width += (c & 0xc0) == 0x80; /* the rest of a character takes no place of its own */
    }
    return th_buf_printf(out, "%*s", width > 0 ? width + 2 : 2, "");
}

static int table_row(const struct th_ledger_secret_row *row, void *ctx)
{
    struct export *export = ctx;
    th_buf *out = &export->out;

    if (!wanted(export->options, row))
        return 0;
    if (export->rows++ == 0 &&
        (cell(out, "ACCOUNT", 16) || cell(out, "TRUNK", 38) || cell(out, "FIELD", 22) ||
         cell(out, "STATE", 9) || cell(out, "CREATED", 24) || th_buf_puts(out, "EVIDENCE\n")))
        return -1;
    if (cell(out, row->account, 16) || cell(out, row->trunk, 38) || cell(out, row->field, 22) ||
        cell(out, th_secret_state_name(row->state), 9) || cell(out, row->created_at, 24) ||
        cell(out, row->evidence, 0))
        return -1;
    while (out->len && out->data[out->len - 1] == ' ')
        out->len--;
    return th_buf_putc(out, '\n') ? -1 : drain(export, FLUSH_AT);
}

static int export_secrets(const struct options *options)
{
    struct export export = {.options = options, .out = {.sensitive = true}, .code = ENOMEM};
    const char *account = options->account;
    bool table = options->format == FORMAT_AUTO && isatty(STDOUT_FILENO);
    th_error err = {0};
    int rc = 0;

    if (account && strcmp(account, "all") == 0)
        account = NULL;
    if (table)
        rc = th_ledger_each_row(options->ledger, account, table_row, &export, &err);
    else if (options->format == FORMAT_JSON || !th_secrets_csv_heading(&export.out))
        rc = th_ledger_each_secret(options->ledger, options->key, account, export_row, &export,
                                   &err);
    else
        rc = -1;
    /* Rows that could be opened are worth having even when others could not. */
    if ((rc == 0 || err.message) && drain(&export, 0))
        rc = -1;
    if (rc && !err.message)
        th_fail(&err, TH_INVALID, "cannot write to standard output: %s", strerror(export.code));
    if (rc)
        rc = complain(&err);
    else if (export.rows == 0)
        fprintf(stderr, "trunkhost: the ledger %s holds no such secret\n", options->ledger);
    else if (table)
        fprintf(stderr, "\nA terminal does not get the passwords. For all columns: "
                        "(umask 077; trunkhost secrets export --csv > FILE), or --json\n");
    th_buf_close(&export.out);
    th_error_close(&err);
    return rc;
}

int th_secrets_command(int argc, char **argv, const char *ledger_path)
{
    struct options options = {.ledger = ledger_path};
    const char *command = argc > 1 ? argv[1] : "";
    bool is_export = strcmp(command, "export") == 0;
    char *standard = NULL;
    int rc;

    if (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0) {
        fputs(help_secrets, stdout);
        return 0;
    }
    if (!is_export && strcmp(command, "init") != 0) {
        if (command[0])
            fprintf(stderr,
                    "trunkhost: secrets: there is no command %s. See: trunkhost secrets --help\n",
                    command);
        else
            fprintf(stderr,
                    "trunkhost: secrets: say init or export. See: trunkhost secrets --help\n");
        return USAGE;
    }
    if ((rc = parse(argc, argv, is_export, &options)))
        return rc;
    if (options.help) {
        fputs(is_export ? help_export : help_init, stdout);
        return 0;
    }
    if (!options.ledger)
        options.ledger = standard = th_ledger_default_path();
    if (!options.ledger) {
        fputs("trunkhost: neither XDG_STATE_HOME nor HOME is set. Name the ledger with --ledger\n",
              stderr);
        return USAGE;
    }
    rc = is_export ? export_secrets(&options) : init(options.ledger);
    free(standard);
    return rc;
}
