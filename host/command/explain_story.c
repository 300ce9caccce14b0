#include "command/explain_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/runs.h"
#include "json/print.h"

enum { PLAN_SHOWN = 120 }; /* bytes of a plan or a natural key in the table */

/* What belongs before what when it has one time. */
enum rank { BEGUN, STORED, SENT, KNOWN, ENDED };

struct th_story_event {
    char time[32];
    enum rank rank;
    size_t place; /* in order of arrival */
    th_buf text;  /* a line of JSON; or account, run, what, result and detail, each with a NUL */
};

/* The event that the caller fills; NULL when memory runs out. */
static struct th_story_event *add_event(struct th_story *story, enum rank rank, const char *time)
{
    struct th_story_event *event;

    if (story->count == story->room) {
        size_t room = story->room ? story->room * 2 : 64;
        struct th_story_event *events = realloc(story->events, room * sizeof *events);

        if (!events)
            return NULL;
        story->events = events;
        story->room = room;
    }
    event = &story->events[story->count];
    *event = (struct th_story_event){.rank = rank, .place = story->count++};
    snprintf(event->time, sizeof event->time, "%s", time);
    return event;
}

static int add_cell(struct th_story_event *event, const char *text)
{
    return th_buf_append(&event->text, text, strlen(text) + 1);
}

/* One row of the table. */
static int tell(struct th_story *story, enum rank rank, const char *time, const char *account,
                const char *run, const char *what, const char *result, const char *detail)
{
    struct th_story_event *event = add_event(story, rank, time);

    return !event || add_cell(event, account) || add_cell(event, run) || add_cell(event, what) ||
                   add_cell(event, result) || add_cell(event, detail)
               ? -1
               : 0;
}

/* Long JSON is cut for the table. */
static const char *cut(const char *json, char out[static PLAN_SHOWN + 8])
{
    size_t len = strlen(json);

    if (len <= PLAN_SHOWN)
        return json;
    for (len = PLAN_SHOWN; len > 0 && ((unsigned char)json[len] & 0xc0) == 0x80; len--)
        continue;
    snprintf(out, PLAN_SHOWN + 8, "%.*s…", (int)len, json);
    return out;
}

/* --- what the tables say ---------------------------------------------------------------------- */

static int on_item(const struct th_item_row *row, void *ctx)
{
    struct th_story *story = ctx;
    enum th_item_state state = th_item_state_of(row->state);
    char plan[PLAN_SHOWN + 8];
    th_buf text = {0};
    int rc = 0;

    if (story->json) {
        struct th_story_event *event =
            add_event(story, BEGUN, row->started_at[0] ? row->started_at : row->ended_at);

        return event ? th_item_json(row, &event->text) : -1;
    }
    if (state == TH_ITEM_SKIPPED)
        return tell(story, ENDED, row->ended_at, row->account, row->run, "item", "skipped",
                    row->evidence);
    /* One that has failed in its plan never began. */
    if (row->started_at[0] && (row->plan[0] || !row->ended_at[0])) {
        const char *left = th_item_left_text(row);

        rc = th_buf_printf(&text, "%s%s%s", left, left[0] ? "; " : "", cut(row->plan, plan));
        if (!rc)
            rc =
                tell(story, BEGUN, row->started_at, row->account, row->run, "item begun",
                     state == TH_ITEM_RUNNING ? th_item_state_text(state, left[0]) : "", text.data);
        th_buf_close(&text);
    }
    if (rc || !row->ended_at[0])
        return rc;
    if (row->error[0])
        rc = th_item_error_text(row->error, &text);
    else
        rc = th_buf_puts(&text, row->evidence);
    if (!rc)
        rc = tell(story, ENDED, row->ended_at, row->account, row->run, "item ended", row->state,
                  text.data ? text.data : "");
    th_buf_close(&text);
    return rc;
}

static int on_attempt(const struct th_attempt_row *row, void *ctx)
{
    struct th_story *story = ctx;
    char what[200], result[80], detail[400] = "";

    if (story->json) {
        struct th_story_event *event = add_event(story, SENT, row->started_at);

        return event ? th_attempt_json(row, &event->text) : -1;
    }
    snprintf(what, sizeof what, "%s %s", row->method, row->endpoint);
    if (row->status)
        snprintf(result, sizeof result, "%s, HTTP %d", row->state, row->status);
    else
        snprintf(result, sizeof result, "%s", row->state);
    if (!row->ended_at[0])
        snprintf(detail, sizeof detail, "no end on record: it may have happened");
    else if (row->requests > 1)
        snprintf(detail, sizeof detail, "%lld requests%s%s", (long long)row->requests,
                 row->message[0] ? ": " : "", row->message);
    else
        snprintf(detail, sizeof detail, "%s", row->message);
    return tell(story, SENT, row->started_at, row->account, row->run, what, result, detail);
}

static int on_create(const struct th_create_row *row, void *ctx)
{
    struct th_story *story = ctx;
    char key[PLAN_SHOWN + 8], detail[300] = "";
    int rc;

    if (story->json) {
        struct th_story_event *event = add_event(story, STORED, row->created_at);

        return event ? th_create_json(row, &event->text) : -1;
    }
    rc = tell(story, STORED, row->created_at, row->account, row->run, "create", "intended",
              cut(row->natural_key, key));
    if (rc || strcmp(row->state, "intended") == 0)
        return rc;
    if (row->trunk[0])
        snprintf(detail, sizeof detail, "as trunk %s", row->trunk);
    return tell(story, KNOWN, row->changed_at, row->account, row->run, "create", row->state,
                detail);
}

static int secret_json(const struct th_ledger_secret_row *row, th_buf *out)
{
    if (th_print_member(out, "event", "secret") || th_print_number(out, "secret", row->row) ||
        th_print_member_or_null(out, "run", row->run) ||
        th_print_member(out, "account", row->account) ||
        th_print_member(out, "trunk", row->trunk) || th_print_member(out, "field", row->field) ||
        th_print_member(out, "state", th_secret_state_name(row->state)) ||
        th_print_member_or_null(out, "evidence", row->evidence) ||
        th_print_member(out, "created_at", row->created_at) ||
        th_print_member(out, "changed_at", row->changed_at) ||
        th_print_member_or_null(out, "proven_at", row->proven_at) ||
        th_print_member_or_null(out, "delivered_at", row->delivered_at) ||
        (row->attempt ? th_print_number(out, "attempt", row->attempt)
                      : th_print_json(out, "attempt", "")))
        return -1;
    return th_buf_puts(out, "}\n");
}

/* When it was first proven. A further proof is of its own time, changed_at. */
static const char *since(const struct th_ledger_secret_row *row)
{
    return row->proven_at[0] ? row->proven_at : row->changed_at;
}

/* A sentence for what may be live. */
static int sum_up(struct th_story *story, const struct th_ledger_secret_row *row)
{
    char when[24];

    if (row->state == TH_CURRENT &&
        th_buf_printf(&story->now,
                      "%s on %s: secret %lld is current since %s UTC "
                      "(%s",
                      row->field, row->account, (long long)row->row,
                      th_print_time(since(row), when),
                      row->evidence[0] ? row->evidence : "without evidence"))
        return -1;
    if (row->state == TH_CURRENT && strcmp(since(row), row->changed_at) != 0 &&
        th_buf_printf(&story->now, ", known since %s UTC", th_print_time(row->changed_at, when)))
        return -1;
    if (row->state == TH_CURRENT)
        return th_buf_puts(&story->now, ").\n");
    if (row->state == TH_CANDIDATE)
        return th_buf_printf(&story->now,
                             "%s on %s: secret %lld may be live; it was sent, or about to be, at "
                             "%s UTC, and nothing has proven it.\n",
                             row->field, row->account, (long long)row->row,
                             th_print_time(row->created_at, when));
    return 0;
}

static int on_secret(const struct th_ledger_secret_row *row, void *ctx)
{
    struct th_story *story = ctx;
    const char *state = th_secret_state_name(row->state);
    const bool once = strcmp(since(row), row->changed_at) == 0;
    char what[200], detail[200] = "";
    int rc;

    if (story->json) {
        struct th_story_event *event = add_event(story, STORED, row->created_at);

        return event ? secret_json(row, &event->text) : -1;
    }
    snprintf(what, sizeof what, "%.120s, secret %lld", row->field, (long long)row->row);
    rc = tell(story, STORED, row->created_at, row->account, row->run, what, "candidate",
              "on disk, about to be sent");
    /* The row has the latest proof only, which need not be the one that made it current. */
    if (!rc && row->proven_at[0])
        rc = tell(story, KNOWN, row->proven_at, row->account, row->run, what, "current",
                  row->state == TH_CURRENT && once ? row->evidence : "");
    if (row->state == TH_PREVIOUS && row->proven_at[0] && row->evidence[0])
        snprintf(detail, sizeof detail, "until then proven by: %s", row->evidence);
    else if (!row->proven_at[0] || row->state == TH_CURRENT)
        snprintf(detail, sizeof detail, "%s", row->evidence);
    if (!rc && row->state != TH_CANDIDATE &&
        !(row->state == TH_CURRENT && row->proven_at[0] && once))
        rc = tell(story, KNOWN, row->changed_at, row->account, row->run, what, state, detail);
    if (!rc && row->delivered_at[0])
        rc = tell(story, KNOWN, row->delivered_at, row->account, row->run, what, "handed on", "");
    return rc ? rc : sum_up(story, row);
}

int th_story_gather(struct th_story *story, th_ledger_view *view,
                    const struct th_view_filter *filter, th_error *err)
{
    int rc;

    /* In the order in which things of one instant belong. */
    if ((rc = th_view_items(view, filter, on_item, story, err)) ||
        (rc = th_view_creates(view, filter, on_create, story, err)) ||
        (rc = th_view_secrets(view, filter, on_secret, story, err)) ||
        (rc = th_view_attempts(view, filter, on_attempt, story, err)))
        return rc;
    return 0;
}

/* --- in order --------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct th_story_event *x = a, *y = b;
    int order = strcmp(x->time, y->time);

    if (!order)
        order = (int)x->rank - (int)y->rank;
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int print_table(const struct th_story *story, th_buf *out)
{
    static const char *const names[] = {"TIME (UTC)", "ACCOUNT", "RUN", "WHAT", "RESULT", "DETAIL"};
    enum { COLUMNS = sizeof names / sizeof names[0] };
    struct th_table table = {.columns = COLUMNS};

    for (int i = 0; i < COLUMNS; i++)
        th_table_cell(&table, names[i]);
    for (size_t i = 0; i < story->count; i++) {
        const struct th_story_event *event = &story->events[i];
        const char *cell = event->text.data;
        char when[24]; /* much happens within a second */

        snprintf(when, sizeof when, "%.10s %.12s", event->time,
                 strlen(event->time) > 11 ? event->time + 11 : "");
        th_table_cell(&table, when);
        for (int c = 1; c < COLUMNS; c++, cell += strlen(cell) + 1)
            th_table_cell(&table, cell);
    }
    if (th_table_print(&table, out))
        return -1;
    return story->now.len ? (th_buf_putc(out, '\n') || th_buf_puts(out, story->now.data) ? -1 : 0)
                          : 0;
}

int th_story_print(struct th_story *story, th_buf *out)
{
    int rc = 0;

    qsort(story->events, story->count, sizeof *story->events, by_time);
    if (!story->json)
        return print_table(story, out);
    for (size_t i = 0; !rc && i < story->count; i++)
        rc = th_buf_append(out, story->events[i].text.data, story->events[i].text.len);
    return rc;
}

void th_story_close(struct th_story *story)
{
    for (size_t i = 0; i < story->count; i++)
        th_buf_close(&story->events[i].text);
    free(story->events);
    th_buf_close(&story->now);
    *story = (struct th_story){0};
}
