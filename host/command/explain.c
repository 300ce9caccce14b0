#include "command/explain.h"

#include <stdio.h>
#include <string.h>

#include "command/explain_story.h"
#include "command/line.h"

static const char help[] =
    "Usage: trunkhost [--ledger FILE] explain TRUNK [--account NAME] [--json]\n"
    "\n"
    "What happened to a trunk, from the ledger: the items of jobs that it was in, every request\n"
    "that was sent for it and how that ended, and what is known of its passwords and why. No\n"
    "password is shown.\n"
    "\n"
    "  --account NAME  only on this account (default: on every one that has such a trunk)\n"
    "  --json          one JSON object a line, in order of time\n"
    "  -h, --help      this text\n"
    "\n"
    "A request that was `sent` has no end on record: its run was killed, and it may have "
    "happened.\n"
    "A password is a candidate until something proves it (it may be live all the same), then\n"
    "current, later previous; `superseded` means that a proven one came after it.\n";

static int explain(const char *path, const char *trunk, const char *account, bool json)
{
    struct th_view_filter filter = {.trunk = trunk, .account = account};
    struct th_story story = {.json = json};
    th_ledger_view *view = NULL;
    th_buf out = {0};
    th_error err = {0};
    int rc = th_ledger_view_open(path, &view, &err);

    if (rc)
        return th_command_complain(&err);
    if (!(rc = th_view_begin(view, &err)))
        rc = th_story_gather(&story, view, &filter, &err);
    th_view_end(view);
    th_ledger_view_close(view);
    if (!rc && story.count == 0)
        rc = th_fail(&err, TH_NOT_FOUND,
                     "the ledger %s knows nothing of a trunk %s%s%s. Only what carried a secret, "
                     "created something or belonged to a job is on record",
                     path, trunk, account ? " on " : "", account ? account : "");
    if (!rc)
        rc = th_story_print(&story, &out) ? -1 : th_command_write(&out, &err);
    th_story_close(&story);
    th_buf_close(&out);
    return rc ? th_command_complain(&err) : 0;
}

int th_explain_command(int argc, char **argv, const char *ledger_path)
{
    const char *ledger = ledger_path, *account = NULL, *trunk = NULL;
    bool json = false;
    int count = 0, rc;
    th_error err = {0};
    const struct th_command_option options[] = {{"--ledger", &ledger, NULL},
                                                {"--account", &account, NULL},
                                                {"--json", NULL, &json},
                                                {NULL}};

    rc = th_command_parse("explain", argc, argv, 1, options, &trunk, 1, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help, stdout);
        return 0;
    }
    if (rc)
        return rc;
    if (!trunk) {
        th_fail(&err, TH_INVALID, "explain: which trunk? See: trunkhost explain --help");
        return th_command_complain(&err);
    }
    if (account && strcmp(account, "all") == 0)
        account = NULL;
    return explain(ledger, trunk, account, json);
}
