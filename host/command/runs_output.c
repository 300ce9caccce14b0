/* Runs, items, attempts and creates as people and programs get to see them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "command/runs.h"
#include "ledger/alive.h"
#include "json/print.h"

/* --- in words --------------------------------------------------------------------------------- */

/* A word as it would be typed. */
static int append_word(th_buf *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./,=:@%+";

    if (word[0] && strspn(word, plain) == strlen(word))
        return th_buf_puts(out, word);
    if (th_buf_putc(out, '\''))
        return -1;
    for (; *word; word++)
        if (*word == '\'' ? th_buf_puts(out, "'\\''") : th_buf_putc(out, *word))
            return -1;
    return th_buf_putc(out, '\'');
}

int th_run_command_text(const struct th_run_row *row, th_buf *out)
{
    const char *slash = strrchr(row->script, '/');
    json_t *words = json_loads(row->arguments, 0, NULL);
    int rc = append_word(out, slash ? slash + 1 : row->script);

    for (size_t i = 0; !rc && i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));

        rc = th_buf_putc(out, ' ') || append_word(out, word ? word : "?") ? -1 : 0;
    }
    json_decref(words);
    return rc;
}

const char *th_run_result(const struct th_run_row *row)
{
    if (row->life == TH_RUN_ALIVE)
        return "running";
    if (row->life == TH_RUN_DIED)
        return "killed";
    switch (row->status) {
    case 0:
        return "done";
    case 1:
        return "some failed";
    case 2:
        return "error";
    case 3:
        return "halted";
    case 75:
        return "locked out";
    default:
        return "other status";
    }
}

const char *th_item_state_text(enum th_item_state state, bool over)
{
    return state == TH_ITEM_RUNNING && over ? "half-way" : th_item_state_name(state);
}

const char *th_item_left_text(const struct th_item_row *row)
{
    static const char *const texts[] = {
        [TH_ITEM_NOT_LEFT] = "",
        [TH_ITEM_LEFT_UNSENT] = "begun, but nothing was sent to a platform",
        [TH_ITEM_LEFT_SENT] = "the run ended in the middle of it: it may have happened",
    };

    return texts[row->left];
}

/* ", 3 not tried" */
static int add_count(th_buf *out, int64_t number, const char *what)
{
    return number > 0
               ? th_buf_printf(out, "%s%lld %s", out->len ? ", " : "", (long long)number, what)
               : 0;
}

int th_run_counts(const struct th_run_row *row, th_buf *out)
{
    static const enum th_item_state order[] = {TH_ITEM_DONE,    TH_ITEM_FAILED,  TH_ITEM_UNKNOWN,
                                               TH_ITEM_SKIPPED, TH_ITEM_RUNNING, TH_ITEM_PLANNED};
    json_t *conclusion = row->conclusion[0] ? json_loads(row->conclusion, 0, NULL) : NULL;
    int64_t left = json_integer_value(json_object_get(conclusion, "left"));
    int64_t silent = (int64_t)json_array_size(json_object_get(conclusion, "not_listed"));
    int rc = th_buf_puts(out, "");

    json_decref(conclusion);
    for (size_t i = 0; !rc && i < sizeof order / sizeof order[0]; i++) {
        /* What was put back is among those that were not tried. */
        if (order[i] != TH_ITEM_PLANNED || left < row->items[order[i]])
            rc = add_count(out, row->items[order[i]],
                           th_item_state_text(order[i], row->life != TH_RUN_ALIVE));
    }
    if (!rc)
        rc = add_count(out, left, "not tried");
    return rc ? rc
              : add_count(out, silent, silent == 1 ? "account not listed" : "accounts not listed");
}

/* "The trunks of vatel could not be listed: auth (HTTP 401): …" */
static int tell_silent(json_t *account, struct th_table *table)
{
    const char *name = json_string_value(json_object_get(account, "account"));
    char *error = json_dumps(json_object_get(account, "error"), 0);
    th_buf text = {0};
    int rc = th_buf_printf(&text, "The trunks of %s could not be listed: ", name ? name : "?");

    if (!rc && (rc = th_item_error_text(error ? error : "", &text)) == 0)
        th_table_cell(table, text.data);
    free(error);
    th_buf_close(&text);
    return rc;
}

/* What goes on with one that has left no words. */
static int tell_killed(const struct th_run_row *row, struct th_table *table)
{
    th_buf text = {0};
    int rc = 0;

    if (row->life != TH_RUN_DIED || row->items[TH_ITEM_DONE] + row->items[TH_ITEM_RUNNING] == 0 ||
        strcmp(row->script, "-e") == 0)
        return 0;
    if (th_buf_puts(&text, "It was killed; go on with: trunkhost ") ||
        append_word(&text, row->script) || th_buf_printf(&text, " --resume %s", row->id))
        rc = -1;
    else
        th_table_cell(table, text.data);
    th_buf_close(&text);
    return rc;
}

int th_run_words(const struct th_run_row *row, struct th_table *table)
{
    json_t *conclusion = row->conclusion[0] ? json_loads(row->conclusion, 0, NULL) : NULL;
    json_t *words = json_object_get(conclusion, "words");
    json_t *silent = json_object_get(conclusion, "not_listed");
    int rc = 0;

    table->columns = 1;
    for (size_t i = 0; !rc && i < json_array_size(silent); i++)
        rc = tell_silent(json_array_get(silent, i), table);
    for (size_t i = 0; !rc && i < json_array_size(words); i++) {
        const char *text = json_string_value(json_array_get(words, i));

        if (text)
            th_table_cell(table, text);
    }
    json_decref(conclusion);
    return rc ? rc : tell_killed(row, table);
}

double th_run_seconds(const char *from, const char *to)
{
    double begin = th_time_parse(from), end = th_time_parse(to);

    if (begin < 0 || end < 0)
        return -1;
    return end > begin ? end - begin : 0;
}

int th_item_error_text(const char *error, th_buf *out)
{
    json_t *value = json_loads(error, 0, NULL);
    const char *kind = json_string_value(json_object_get(value, "kind"));
    const char *message = json_string_value(json_object_get(value, "message"));
    json_int_t status = json_integer_value(json_object_get(value, "status"));
    int rc;

    if (!kind && !message)
        rc = th_buf_puts(out, error);
    else if (status)
        rc = th_buf_printf(out, "%s (HTTP %lld): %s", kind ? kind : "error", (long long)status,
                           message ? message : "");
    else
        rc = th_buf_printf(out, "%s: %s", kind ? kind : "error", message ? message : "");
    json_decref(value);
    return rc;
}

int th_item_note(const struct th_item_row *row, th_buf *out)
{
    if (row->error[0])
        return th_item_error_text(row->error, out);
    return th_buf_puts(out, th_item_state_of(row->state) == TH_ITEM_SKIPPED
                                ? row->evidence
                                : th_item_left_text(row));
}

/* --- as JSON ---------------------------------------------------------------------------------- */

int th_run_json(const struct th_run_row *row, const char *event, th_buf *out)
{
    static const char *const lives[] = {
        [TH_RUN_ENDED] = "ended", [TH_RUN_ALIVE] = "alive", [TH_RUN_DIED] = "died"};

    if ((event && th_print_member(out, "event", event)) || th_print_member(out, "run", row->id) ||
        th_print_member(out, "script", row->script) ||
        th_print_json(out, "arguments", row->arguments) ||
        th_print_member_or_null(out, "script_hash", row->script_hash) ||
        th_print_member_or_null(out, "host", row->host) ||
        (row->pid ? th_print_number(out, "pid", row->pid) : th_print_json(out, "pid", "")) ||
        th_print_member_or_null(out, "resumed_from", row->resumed_from) ||
        th_print_member_or_null(out, "undoes", row->undoes) ||
        th_print_member(out, "started_at", row->started_at) ||
        th_print_member_or_null(out, "ended_at", row->ended_at) ||
        th_print_member(out, "life", lives[row->life]) ||
        (row->life == TH_RUN_ENDED ? th_print_number(out, "status", row->status)
                                   : th_print_json(out, "status", "")) ||
        th_buf_puts(out, ",\"items\":"))
        return -1;
    for (int i = 0; i < 6; i++)
        if (th_print_number(out, th_item_state_name((enum th_item_state)i), row->items[i]))
            return -1;
    return th_buf_puts(out, "}}\n");
}

int th_item_json(const struct th_item_row *row, th_buf *out)
{
    if (th_print_member(out, "event", "item") || th_print_number(out, "item", row->row) ||
        th_print_member(out, "run", row->run) || th_print_member(out, "account", row->account) ||
        th_print_member(out, "trunk", row->trunk) || th_print_member(out, "state", row->state) ||
        th_print_member_or_null(out, "evidence", row->evidence) ||
        th_print_number(out, "attempts", row->attempts) ||
        th_print_json(out, "error", row->error) || th_print_json(out, "plan", row->plan) ||
        th_print_member_or_null(out, "started_at", row->started_at) ||
        th_print_member_or_null(out, "ended_at", row->ended_at))
        return -1;
    return th_buf_puts(out, "}\n");
}

int th_attempt_json(const struct th_attempt_row *row, th_buf *out)
{
    if (th_print_member(out, "event", "attempt") || th_print_number(out, "attempt", row->row) ||
        (row->item ? th_print_number(out, "item", row->item) : th_print_json(out, "item", "")) ||
        th_print_member(out, "run", row->run) || th_print_member(out, "account", row->account) ||
        th_print_member_or_null(out, "trunk", row->trunk) ||
        th_print_member(out, "endpoint", row->endpoint) ||
        th_print_member(out, "method", row->method) || th_print_member(out, "state", row->state) ||
        th_print_number(out, "requests", row->requests) ||
        (row->status ? th_print_number(out, "status", row->status)
                     : th_print_json(out, "status", "")) ||
        th_print_member_or_null(out, "message", row->message) ||
        th_print_member(out, "started_at", row->started_at) ||
        th_print_member_or_null(out, "ended_at", row->ended_at))
        return -1;
    return th_buf_puts(out, "}\n");
}

int th_create_json(const struct th_create_row *row, th_buf *out)
{
    if (th_print_member(out, "event", "create") || th_print_number(out, "create", row->row) ||
        th_print_member(out, "run", row->run) || th_print_member(out, "account", row->account) ||
        th_print_member_or_null(out, "source", row->source) ||
        th_print_member(out, "endpoint", row->endpoint) ||
        th_print_json(out, "natural_key", row->natural_key) ||
        th_print_member(out, "state", row->state) ||
        th_print_member_or_null(out, "trunk", row->trunk) ||
        th_print_member(out, "created_at", row->created_at) ||
        th_print_member(out, "changed_at", row->changed_at))
        return -1;
    return th_buf_puts(out, "}\n");
}
