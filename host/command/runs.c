#include "command/runs.h"

#include <stdio.h>
#include <string.h>

#include "command/line.h"
#include "ledger/backup.h"
#include "json/print.h"

enum {
    RUNS_SHOWN = 20,
    ITEMS_SHOWN = 60, /* of a run; beyond them only those that need a person */
    FLUSH_AT = 32 * 1024,
};

static const char help_runs[] =
    "Usage: trunkhost [--ledger FILE] runs [--json] [--limit N]\n"
    "       trunkhost [--ledger FILE] runs show RUN [--all] [--json]\n"
    "       trunkhost [--ledger FILE] runs backup FILE\n"
    "\n"
    "What ran, and what became of it: the newest runs first.\n"
    "\n"
    "  show     one run and its items\n"
    "  backup   copy the ledger to a new file, also while it is in use\n"
    "\n"
    "  --limit N    how many runs (default: 20; 0: all)\n"
    "  --json       one JSON object a line\n"
    "  -h, --help   this text\n"
    "\n"
    "RESULT is done, some failed (or unknown), error (usage, configuration, script), halted (by a\n"
    "limit, a deadline or a signal), locked out (another run held the account), running, or "
    "killed.\n"
    "An item that is half-way had begun when its run ended.\n"
    "`trunkhost explain TRUNK` tells the story of one trunk.\n";

static const char help_show[] =
    "Usage: trunkhost [--ledger FILE] runs show RUN [--all] [--json]\n"
    "\n"
    "RUN is the id of a run, the start of it as far as only one begins so, or `last`: the latest\n"
    "that was not locked out.\n"
    "\n"
    "  --all        every item; else, of more than 60, those that need a person\n"
    "  --json       one JSON object a line: the run, its items, creates and attempts\n"
    "  -h, --help   this text\n";

static const char help_backup[] =
    "Usage: trunkhost [--ledger FILE] runs backup FILE\n"
    "\n"
    "Copies the ledger as of this moment to FILE, which must not be there, and checks the copy.\n"
    "Runs that use the ledger meanwhile are not disturbed. The passwords in it stay sealed: to "
    "open\n"
    "them, the private key is needed (ledger.key), which belongs in another place.\n";

struct page {
    bool json, all;
    bool over; /* the run has ended or died */
    th_buf out;
    struct th_table table, words;
    int64_t shown, left_out;
    th_error err;
};

static int page_flush(struct page *page, size_t at_least)
{
    if (page->out.len < at_least)
        return 0;
    return th_command_write(&page->out, &page->err);
}

/* Prints what is left, complains about what went wrong, and releases everything. rc: what the last
 * query said; page->err or err tells why. */
static int page_end(struct page *page, int rc, th_error *err)
{
    if (!rc && page->table.columns && th_table_print(&page->table, &page->out))
        rc = -1;
    if (!rc)
        rc = page_flush(page, 0);
    th_buf_close(&page->out);
    th_buf_close(&page->table.cells);
    th_buf_close(&page->words.cells);
    if (!rc) {
        th_error_close(&page->err);
        return 0;
    }
    if (page->err.kind)
        th_error_move(err, &page->err);
    return th_command_complain(err);
}

static const char *text_of(const th_buf *buf)
{
    return buf->data ? buf->data : "";
}

/* --- runs ------------------------------------------------------------------------------------- */

static int list_run(const struct th_run_row *row, void *ctx)
{
    struct page *page = ctx;
    char started[24], took[32];
    th_buf text = {0};

    page->shown++;
    if (page->json)
        return th_run_json(row, NULL, &page->out) ? -1 : page_flush(page, FLUSH_AT);
    th_table_cell(&page->table, row->id);
    th_table_cell(&page->table, th_print_time(row->started_at, started));
    th_table_cell(&page->table,
                  th_print_seconds(th_run_seconds(row->started_at, row->ended_at), took));
    th_table_cell(&page->table, th_run_result(row));
    if (!th_run_counts(row, &text))
        th_table_cell(&page->table, text_of(&text));
    th_buf_clear(&text);
    if (!th_run_command_text(row, &text))
        th_table_cell(&page->table, text_of(&text));
    th_buf_close(&text);
    return 0;
}

static void heading(struct th_table *table, const char *const *names)
{
    for (; *names; names++, table->columns++)
        th_table_cell(table, *names);
}

static int list(const char *path, bool json, int64_t limit)
{
    static const char *const names[] = {"RUN",   "STARTED (UTC)", "TOOK", "RESULT",
                                        "ITEMS", "SCRIPT",        NULL};
    struct page page = {.json = json};
    th_ledger_view *view = NULL;
    th_error err = {0};
    int rc = th_ledger_view_open(path, &view, &err);

    if (rc)
        return th_command_complain(&err);
    if (!json)
        heading(&page.table, names);
    rc = th_view_runs(view, NULL, limit, list_run, &page, &err);
    th_ledger_view_close(view);
    if (!rc && page.shown == 0) {
        th_buf_close(&page.table.cells);
        page.table = (struct th_table){0};
        fprintf(stderr, "trunkhost: the ledger %s has no runs yet\n", path);
    }
    return page_end(&page, rc, &err);
}

/* --- one run ---------------------------------------------------------------------------------- */

static int show_run(const struct th_run_row *row, void *ctx)
{
    struct page *page = ctx;
    th_buf *out = &page->out, text = {0};
    char started[24], ended[24], took[32];
    int64_t total = 0;
    int rc;

    for (int i = 0; i < 6; i++)
        total += row->items[i];
    if (total <= ITEMS_SHOWN || page->json)
        page->all = true;
    page->left_out = total;
    page->over = row->life != TH_RUN_ALIVE;
    if (page->json)
        return th_run_json(row, "run", out);
    if (th_run_words(row, &page->words))
        return -1;
    rc = th_run_command_text(row, &text);
    rc = rc || th_buf_printf(out, "Run       %s\nScript    %s\n", row->id, text_of(&text)) ? -1 : 0;
    if (!rc && row->script_hash[0])
        rc = th_buf_printf(out, "SHA-256   %s\n", row->script_hash);
    if (!rc && row->host[0])
        rc = th_buf_printf(out, "Where     %s, process %lld\n", row->host, (long long)row->pid);
    if (!rc && row->resumed_from[0])
        rc = th_buf_printf(out, "Continues %s\n", row->resumed_from);
    if (!rc && row->undoes[0])
        rc = th_buf_printf(out, "Undoes    %s\n", row->undoes);
    if (!rc)
        rc = th_buf_printf(out, "Started   %s UTC\n", th_print_time(row->started_at, started));
    if (!rc && row->life == TH_RUN_ENDED)
        rc = th_buf_printf(out, "Ended     %s UTC, after %s: %s (exit status %d)\n",
                           th_print_time(row->ended_at, ended),
                           th_print_seconds(th_run_seconds(row->started_at, row->ended_at), took),
                           th_run_result(row), row->status);
    else if (!rc)
        rc = th_buf_printf(out, "Ended     no: %s\n", th_run_result(row));
    th_buf_clear(&text);
    if (!rc)
        rc = th_run_counts(row, &text);
    if (!rc && text.len)
        rc = th_buf_printf(out, "Items     %s\n%s", text.data, total ? "\n" : "");
    th_buf_close(&text);
    return rc;
}

static int show_item(const struct th_item_row *row, void *ctx)
{
    static const char *const names[] = {"ACCOUNT", "TRUNK", "STATE", "EVIDENCE",
                                        "TRIES",   "TOOK",  "NOTE",  NULL};
    struct page *page = ctx;
    enum th_item_state state = th_item_state_of(row->state);
    char took[32], tries[24];
    th_buf text = {0};

    if (page->json)
        return th_item_json(row, &page->out) ? -1 : page_flush(page, FLUSH_AT);
    page->left_out--;
    if (page->shown++ == 0)
        heading(&page->table, names);
    snprintf(tries, sizeof tries, "%lld", (long long)row->attempts);
    th_table_cell(&page->table, row->account);
    th_table_cell(&page->table, row->trunk);
    th_table_cell(&page->table, th_item_state_text(state, page->over));
    th_table_cell(&page->table, state == TH_ITEM_SKIPPED ? "" : row->evidence);
    th_table_cell(&page->table, row->attempts ? tries : "");
    th_table_cell(&page->table,
                  state == TH_ITEM_SKIPPED
                      ? ""
                      : th_print_seconds(th_run_seconds(row->started_at, row->ended_at), took));
    if (!th_item_note(row, &text))
        th_table_cell(&page->table, text_of(&text));
    th_buf_close(&text);
    return 0;
}

static int show_create(const struct th_create_row *row, void *ctx)
{
    struct page *page = ctx;

    if (page->json)
        return th_create_json(row, &page->out) ? -1 : page_flush(page, FLUSH_AT);
    if (strcmp(row->state, "intended") != 0 && strcmp(row->state, "unknown") != 0)
        return 0;
    return th_buf_printf(&page->out,
                         "\nIt is not known whether this create has happened (%s on %s%s%s): %s\n",
                         row->endpoint, row->account, row->source[0] ? ", item " : "", row->source,
                         row->natural_key);
}

static int show_attempt(const struct th_attempt_row *row, void *ctx)
{
    struct page *page = ctx;

    if (page->json)
        return th_attempt_json(row, &page->out) ? -1 : page_flush(page, FLUSH_AT);
    page->left_out++;
    return 0;
}

static int show_rest(th_ledger_view *view, struct page *page, struct th_view_filter *filter,
                     th_error *err)
{
    int rc;

    if (!page->json && page->table.columns && th_table_print(&page->table, &page->out))
        return -1;
    page->table = (struct th_table){0};
    if (page->words.count) {
        if (th_buf_putc(&page->out, '\n') || th_table_print(&page->words, &page->out))
            return -1;
        page->words = (struct th_table){0};
    }
    if (page->left_out && !page->json &&
        th_buf_printf(&page->out, "… and %lld more; --all shows them.\n",
                      (long long)page->left_out))
        return -1;
    page->left_out = 0;
    if ((rc = th_view_creates(view, filter, show_create, page, err)))
        return rc;
    filter->loose = !page->json;
    if ((rc = th_view_attempts(view, filter, show_attempt, page, err)))
        return rc;
    if (page->left_out)
        return th_buf_printf(&page->out, "%lld %s outside of items; --json shows them.\n",
                             (long long)page->left_out,
                             page->left_out == 1 ? "request" : "requests");
    return 0;
}

static int show(const char *path, const char *name, bool json, bool all)
{
    struct page page = {.json = json, .all = all};
    struct th_view_filter filter = {0};
    th_ledger_view *view = NULL;
    th_error err = {0};
    char id[64] = "";
    int rc = th_ledger_view_open(path, &view, &err);

    if (rc)
        return th_command_complain(&err);
    if (!(rc = th_view_begin(view, &err)) && !(rc = th_view_run_find(view, name, id, &err))) {
        filter.run = id;
        rc = th_view_runs(view, id, 1, show_run, &page, &err);
    }
    filter.attention = !page.all;
    if (!rc)
        rc = th_view_items(view, &filter, show_item, &page, &err);
    if (!rc)
        rc = show_rest(view, &page, &filter, &err);
    th_view_end(view);
    th_ledger_view_close(view);
    return page_end(&page, rc, &err);
}

static int backup(const char *path, const char *file)
{
    th_error err = {0};

    if (th_ledger_backup(path, file, &err))
        return th_command_complain(&err);
    printf("%s is a copy of the ledger. Without the private key nobody can read the passwords in\n"
           "it: keep that as well, in another place.\n",
           file);
    if (fflush(stdout)) {
        th_fail(&err, TH_INVALID, "cannot write to standard output");
        return th_command_complain(&err);
    }
    return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static int need_word(const char *command, const char *word)
{
    th_error err = {0};

    th_fail(&err, TH_INVALID, "%s: %s is missing. See: trunkhost %s --help", command, word,
            command);
    return th_command_complain(&err);
}

static int list_command(int argc, char **argv, const char *path)
{
    const char *ledger = path, *limit = NULL, *word = NULL;
    bool json = false;
    int64_t most = RUNS_SHOWN;
    int count = 0, rc;
    th_error err = {0};
    const struct th_command_option options[] = {
        {"--ledger", &ledger, NULL}, {"--limit", &limit, NULL}, {"--json", NULL, &json}, {NULL}};

    rc = th_command_parse("runs", argc, argv, 1, options, &word, 1, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help_runs, stdout);
        return 0;
    }
    if (rc)
        return rc;
    if (word) {
        th_fail(&err, TH_INVALID, "runs: there is no command %s. See: trunkhost runs --help", word);
        return th_command_complain(&err);
    }
    if (limit && th_command_number("runs: --limit", limit, &most, &err))
        return th_command_complain(&err);
    return list(ledger, json, most);
}

static int show_command(int argc, char **argv, const char *path)
{
    const char *ledger = path, *run = NULL;
    bool json = false, all = false;
    int count = 0, rc;
    const struct th_command_option options[] = {
        {"--ledger", &ledger, NULL}, {"--json", NULL, &json}, {"--all", NULL, &all}, {NULL}};

    rc = th_command_parse("runs show", argc, argv, 2, options, &run, 1, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help_show, stdout);
        return 0;
    }
    if (rc)
        return rc;
    return run ? show(ledger, run, json, all) : need_word("runs show", "the id of a run");
}

static int backup_command(int argc, char **argv, const char *path)
{
    const char *ledger = path, *file = NULL;
    int count = 0, rc;
    const struct th_command_option options[] = {{"--ledger", &ledger, NULL}, {NULL}};

    rc = th_command_parse("runs backup", argc, argv, 2, options, &file, 1, &count);
    if (rc == TH_COMMAND_HELP) {
        fputs(help_backup, stdout);
        return 0;
    }
    if (rc)
        return rc;
    return file ? backup(ledger, file) : need_word("runs backup", "the file");
}

int th_runs_command(int argc, char **argv, const char *ledger_path)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (strcmp(command, "show") == 0)
        return show_command(argc, argv, ledger_path);
    if (strcmp(command, "backup") == 0)
        return backup_command(argc, argv, ledger_path);
    return list_command(argc, argv, ledger_path);
}
