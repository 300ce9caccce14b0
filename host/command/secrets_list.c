/* `trunkhost secrets list`: what passwords there are, without them. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command/line.h"
#include "command/secrets_impl.h"
#include "command/secrets_output.h"
#include "ledger/view.h"

enum { FLUSH_AT = 32 * 1024 };

static const char help[] =
    "Usage: trunkhost [--ledger FILE] secrets list [option…]\n"
    "\n"
    "  --account NAME|all  only this account's (default: all)\n"
    "  --trunk ID          only this trunk's\n"
    "  --json              one JSON object a line\n"
    "  -h, --help          this text\n"
    "\n"
    "What passwords the ledger holds and what proves them; the passwords are not shown, and no\n"
    "private key is needed. A candidate may be live: it was sent, or about to be, and nothing has\n"
    "proven it. `trunkhost explain TRUNK` tells how it came to that.\n";

struct list {
    bool json;
    th_buf out;
    size_t rows;
    th_error err;
};

static int list_row(const struct th_ledger_secret_row *row, void *ctx)
{
    struct list *list = ctx;
    int rc;

    if (list->json)
        rc = th_secrets_list_json(&list->out, row);
    else
        rc = (list->rows == 0 && th_secrets_table_heading(&list->out)) ||
                     th_secrets_table(&list->out, row)
                 ? -1
                 : 0;
    list->rows++;
    if (rc || list->out.len < FLUSH_AT)
        return rc;
    return th_command_write(&list->out, &list->err);
}

int th_secrets_list(int argc, char **argv, const char *ledger)
{
    struct th_view_filter filter = {0};
    struct list list = {0};
    th_ledger_view *view = NULL;
    th_error err = {0};
    int count = 0, rc;
    const struct th_command_option options[] = {{"--ledger", &ledger, NULL},
                                                {"--account", &filter.account, NULL},
                                                {"--trunk", &filter.trunk, NULL},
                                                {"--json", NULL, &list.json},
                                                {NULL}};

    rc = th_command_parse("secrets list", argc, argv, 2, options, NULL, 0, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help, stdout);
        return 0;
    }
    if (rc)
        return rc;
    if (filter.account && strcmp(filter.account, "all") == 0)
        filter.account = NULL;
    if (!(rc = th_ledger_view_open(ledger, &view, &err)) &&
        !(rc = th_view_know_account(view, filter.account, &err)) &&
        !(rc = th_view_secrets(view, &filter, list_row, &list, &err)))
        rc = th_command_write(&list.out, &list.err);
    th_ledger_view_close(view);
    th_buf_close(&list.out);
    if (rc && list.err.kind)
        th_error_move(&err, &list.err);
    if (rc)
        return th_command_complain(&err);
    if (list.rows == 0)
        fprintf(stderr, "trunkhost: the ledger %s holds no such secret\n", ledger);
    return 0;
}
