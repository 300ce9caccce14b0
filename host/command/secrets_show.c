/* `trunkhost secrets show`: the password of one trunk, for the person who asks. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command/line.h"
#include "command/secrets_impl.h"
#include "ledger/view.h"

enum { FIELDS_MAX = 8, FIELD_ROOM = 128 };

static const char help[] =
    "Usage: trunkhost [--ledger FILE] secrets show --account NAME TRUNK [FIELD] [option…]\n"
    "\n"
    "  --account NAME  the trunk's account\n"
    "  --key FILE      the private key (default: beside the ledger, ledger.key)\n"
    "  -y, --yes       do not ask; needed without a terminal\n"
    "  -h, --help      this text\n"
    "\n"
    "Prints the current password of a trunk on standard output, after asking on the terminal. "
    "With\n"
    "FIELD only that one; without, where a trunk has several, each behind its field. Passwords "
    "that\n"
    "are not proven are not shown: see `trunkhost secrets export`.\n";

/* The fields of the trunk that have a current password. */
struct fields {
    char names[FIELDS_MAX][FIELD_ROOM];
    int count, candidates;
    bool any;
};

static int note_field(const struct th_ledger_secret_row *row, void *ctx)
{
    struct fields *fields = ctx;

    fields->any = true;
    fields->candidates += row->state == TH_CANDIDATE;
    if (row->state == TH_CURRENT && fields->count < FIELDS_MAX)
        snprintf(fields->names[fields->count++], sizeof fields->names[0], "%s", row->field);
    return 0;
}

static int find_fields(th_ledger_view *view, const char *ledger,
                       const struct th_view_filter *filter, struct fields *fields, th_error *err)
{
    int rc = th_view_secrets(view, filter, note_field, fields, err);

    if (rc || fields->count)
        return rc;
    if (fields->any)
        return th_fail(err, TH_NOT_FOUND,
                       "the ledger %s has no proven %s of trunk %s on %s. See what it has with: "
                       "trunkhost explain %s",
                       ledger, filter->field ? filter->field : "password", filter->trunk,
                       filter->account, filter->trunk);
    return th_fail(err, TH_NOT_FOUND,
                   "the ledger %s has no %s of trunk %s on %s. See what it has with: trunkhost "
                   "secrets list",
                   ledger, filter->field ? filter->field : "password", filter->trunk,
                   filter->account);
}

static int agree(const struct th_view_filter *filter, bool yes, th_error *err)
{
    th_buf question = {0};
    int answer = 1;

    if (!yes &&
        !th_buf_printf(&question, "show the %s of trunk %s on %s?",
                       filter->field ? filter->field : "password", filter->trunk, filter->account))
        answer = th_command_ask(question.data);
    th_buf_close(&question);
    if (answer < 0)
        return th_fail(err, TH_INVALID,
                       "secrets show: there is no terminal to ask on. Add --yes, or see: trunkhost "
                       "secrets export --help");
    return answer ? 0 : th_fail(err, TH_CANCELLED, "nothing was shown");
}

static int print_one(th_ledger_view *view, const char *key, const struct th_view_filter *filter,
                     const char *field, bool named, th_buf *out, th_error *err)
{
    th_secret *secret = NULL;
    const char *bytes;
    size_t len;
    int rc = th_view_open_secret(view, key, filter->account, filter->trunk, field, TH_CURRENT,
                                 &secret, err);

    if (rc)
        return rc;
    bytes = th_secret_bytes(secret, &len);
    if ((named && th_buf_printf(out, "%s: ", field)) || th_buf_append(out, bytes, len) ||
        th_buf_putc(out, '\n'))
        rc = th_fail(err, TH_INVALID, "not enough memory");
    th_secret_unref(secret);
    return rc;
}

static int show(const char *ledger, const char *key, const struct th_view_filter *filter, bool yes)
{
    struct fields fields = {0};
    th_ledger_view *view = NULL;
    th_buf out = {.sensitive = true};
    th_error err = {0};
    int rc = th_ledger_view_open(ledger, &view, &err);

    if (!rc && !(rc = find_fields(view, ledger, filter, &fields, &err)))
        rc = agree(filter, yes, &err);
    for (int i = 0; !rc && i < fields.count; i++)
        rc = print_one(view, key, filter, fields.names[i], fields.count > 1, &out, &err);
    if (!rc)
        rc = th_command_write(&out, &err);
    th_buf_close(&out);
    th_ledger_view_close(view);
    if (rc)
        return th_command_complain(&err);
    if (fields.candidates)
        fprintf(stderr,
                "trunkhost: there is also a password that was sent later and is not proven; either "
                "may be live. See: trunkhost explain %s\n",
                filter->trunk);
    return 0;
}

int th_secrets_show(int argc, char **argv, const char *ledger)
{
    struct th_view_filter filter = {0};
    const char *key = NULL, *words[2] = {NULL, NULL};
    bool yes = false;
    int count = 0, rc;
    th_error err = {0};
    const struct th_command_option options[] = {
        {"--ledger", &ledger, NULL}, {"--account", &filter.account, NULL},
        {"--key", &key, NULL},       {"--yes", NULL, &yes},
        {"-y", NULL, &yes},          {NULL}};

    rc = th_command_parse("secrets show", argc, argv, 2, options, words, 2, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help, stdout);
        return 0;
    }
    if (rc)
        return rc;
    filter.trunk = words[0];
    filter.field = words[1];
    if (!filter.account)
        th_fail(&err, TH_INVALID, "secrets show: which account? Name it with --account");
    else if (!filter.trunk)
        th_fail(&err, TH_INVALID, "secrets show: which trunk? See: trunkhost secrets show --help");
    return err.kind ? th_command_complain(&err) : show(ledger, key, &filter, yes);
}
