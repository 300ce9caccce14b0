/* `trunkhost secrets export`: the passwords for another program. On a terminal, without --csv or
 * --json, the program lists them instead (trunkhost.commands.secrets_list). */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/line.h"
#include "command/secrets_impl.h"
#include "command/secrets_output.h"
#include "ledger/view.h"

enum { FLUSH_AT = 32 * 1024 };

static const char help[] =
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

struct export
{
    const char *trunk; /* NULL: any */
    bool json;
    th_buf out; /* sensitive */
    size_t rows;
    th_error err; /* why standard output cannot be written */
};

static int drain(struct export *export, size_t at_least)
{
    return export->out.len < at_least ? 0 : th_command_write(&export->out, &export->err);
}

static int export_row(const struct th_ledger_secret_row *row, void *ctx)
{
    struct export *export = ctx;

    if (export->trunk && !th_trunk_is(row->trunk, export->trunk))
        return 0;
    export->rows++;
    if (export->json ? th_secrets_json(&export->out, row)
                     : th_secrets_csv(&export->out, row, isatty(STDOUT_FILENO)))
        return -1;
    return drain(export, FLUSH_AT);
}

/* Nothing was found: is that because of the name? */
static int know_account(const char *ledger, const char *account, th_error *err)
{
    th_ledger_view *view = NULL;
    int rc = th_ledger_view_open(ledger, &view, err);

    if (!rc)
        rc = th_view_know_account(view, account, err);
    th_ledger_view_close(view);
    return rc;
}

static int run(struct export *export, const char *ledger, const char *key, const char *account)
{
    th_error err = {0};
    int rc;

    if (export->json || !th_secrets_csv_heading(&export->out))
        rc = th_ledger_each_secret(ledger, key, account, export_row, export, &err);
    else
        rc = -1;
    if (rc == 0 && export->rows == 0 && (rc = know_account(ledger, account, &err)))
        th_buf_clear(&export->out);
    /* Rows that could be opened are worth having even when others could not. */
    if ((rc == 0 || err.message) && drain(export, 0))
        rc = -1;
    th_buf_close(&export->out);
    if (rc && export->err.kind)
        th_error_move(&err, &export->err);
    if (rc)
        return th_command_complain(&err);
    if (export->rows == 0)
        fprintf(stderr, "trunkhost: the ledger %s has no such secret\n", ledger);
    return 0;
}

int th_secrets_export(int argc, char **argv, const char *ledger)
{
    struct export export = {.out = {.sensitive = true}};
    const char *account = NULL, *key = NULL;
    bool csv = false;
    int count = 0, rc;
    th_error err = {0};
    const struct th_command_option options[] = {{"--ledger", &ledger, NULL},
                                                {"--account", &account, NULL},
                                                {"--key", &key, NULL},
                                                {"--trunk", &export.trunk, NULL},
                                                {"--json", NULL, &export.json},
                                                {"--csv", NULL, &csv},
                                                {NULL}};

    rc = th_command_parse("secrets export", argc, argv, 2, options, NULL, 0, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help, stdout);
        return 0;
    }
    if (rc)
        return rc;
    if (export.json && csv) {
        th_fail(&err, TH_INVALID, "secrets export: --json and --csv exclude each other");
        return th_command_complain(&err);
    }
    if (!export.json && !csv && isatty(STDOUT_FILENO)) {
        th_fail(&err, TH_INVALID,
                "secrets export: a terminal gets no passwords unless you write --csv or --json");
        return th_command_complain(&err);
    }
    if (account && strcmp(account, "all") == 0)
        account = NULL;
    return run(&export, ledger, key, account);
}
