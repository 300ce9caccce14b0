#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ledger/database.h"
#include "ledger/sql.h"
#include "ledger/view_impl.h"

/* --- the view --------------------------------------------------------------------------------- */

static int view_create(const char *path, int (*connect)(const char *, sqlite3 **, th_error *),
                       th_ledger_view **out, th_error *err)
{
    th_ledger_view *view = calloc(1, sizeof *view);
    int rc;

    if (!view || !(view->path = strdup(path))) {
        free(view);
        return th_fail(err, TH_INVALID, "cannot read the ledger %s: not enough memory", path);
    }
    rc = sodium_init() < 0
             ? th_fail(err, TH_INVALID, "libsodium does not start: no source of randomness")
             : connect(path, &view->db, err);
    if (rc) {
        th_ledger_view_close(view);
        return rc;
    }
    *out = view;
    return 0;
}

static int connect_checked(const char *path, sqlite3 **db, th_error *err)
{
    return th_database_open(path, TH_DATABASE_COMMAND, db, err);
}

int th_ledger_view_open(const char *path, th_ledger_view **out, th_error *err)
{
    return view_create(path, connect_checked, out, err);
}

int th_ledger_view_look(const char *path, th_ledger_view **out, th_error *err)
{
    return view_create(path, th_database_look, out, err);
}

void th_ledger_view_close(th_ledger_view *view)
{
    if (!view)
        return;
    sqlite3_close(view->db);
    sodium_free(view->keys);
    free(view->path);
    free(view);
}

int th_view_begin(th_ledger_view *view, th_error *err)
{
    int rc = sqlite3_exec(view->db, "BEGIN", NULL, NULL, NULL);

    return rc ? th_database_fail(err, view->db, rc, "read", view->path) : 0;
}

void th_view_end(th_ledger_view *view)
{
    sqlite3_exec(view->db, "ROLLBACK", NULL, NULL, NULL);
}

/* --- queries ---------------------------------------------------------------------------------- */

void th_query_append(struct th_view_query *query, const char *sql)
{
    size_t len = strlen(query->sql);

    snprintf(query->sql + len, sizeof query->sql - len, "%s", sql);
}

void th_query_init(struct th_view_query *query, const char *base)
{
    query->sql[0] = '\0';
    query->count = 0;
    th_query_append(query, base);
}

static void add_condition(struct th_view_query *query, const char *condition, const char *text,
                          int64_t number)
{
    char place[16];

    query->values[query->count].text = text;
    query->values[query->count].number = number;
    snprintf(place, sizeof place, "?%d", ++query->count);
    th_query_append(query, " AND ");
    for (const char *mark; (mark = strchr(condition, '?')); condition = mark + 1) {
        size_t len = strlen(query->sql);

        snprintf(query->sql + len, sizeof query->sql - len, "%.*s%s", (int)(mark - condition),
                 condition, place);
    }
    th_query_append(query, condition);
}

void th_query_text(struct th_view_query *query, const char *condition, const char *text)
{
    if (text)
        add_condition(query, condition, text, 0);
}

static bool is_uuid(const char *text)
{
    size_t i = 0;

    for (; i < 36 && text[i]; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return i == 36 && !text[i];
}

bool th_trunk_is(const char *trunk, const char *id)
{
    return strcmp(trunk, id) == 0 || (is_uuid(id) && strcasecmp(trunk, id) == 0);
}

/* Of a UUID. An index still serves it. */
#define ANY_CASE "trunk IN (?, lower(?), upper(?))"

void th_query_trunk(struct th_view_query *query, const char *trunk)
{
    th_query_text(query, trunk && is_uuid(trunk) ? ANY_CASE : "trunk = ?", trunk);
}

void th_query_number(struct th_view_query *query, const char *condition, int64_t number)
{
    if (number)
        add_condition(query, condition, NULL, number);
}

int th_query_each(th_ledger_view *view, const struct th_view_query *query,
                  int (*hand)(sqlite3_stmt *stmt, void *ctx), void *ctx, th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int stopped = 0;
    int rc = sqlite3_prepare_v2(view->db, query->sql, -1, &stmt, NULL);

    for (int i = 0; rc == SQLITE_OK && i < query->count; i++)
        rc = query->values[i].text
                 ? sqlite3_bind_text(stmt, i + 1, query->values[i].text, -1, SQLITE_STATIC)
                 : sqlite3_bind_int64(stmt, i + 1, query->values[i].number);
    if (rc == SQLITE_OK)
        while (!stopped && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
            stopped = hand(stmt, ctx);
    if (!stopped && rc != SQLITE_DONE)
        stopped = th_database_fail(err, view->db, rc, "read", view->path);
    sqlite3_finalize(stmt);
    return stopped;
}

const char *th_column(sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    return text ? text : "";
}

void th_query_finish(struct th_view_query *query, const struct th_view_filter *filter)
{
    th_query_number(query, "t.id > ?", filter->after);
    th_query_append(query, " ORDER BY t.id");
    if (filter->limit > 0) {
        char limit[40];

        snprintf(limit, sizeof limit, " LIMIT %lld", (long long)filter->limit);
        th_query_append(query, limit);
    }
}

/* --- items, attempts, creates ----------------------------------------------------------------- */

/* enum th_item_left of the item t. */
#define LEFT                                                                                       \
    " CASE WHEN t.state = 'running' AND EXISTS (SELECT 1 FROM runs AS r WHERE r.id = t.run"        \
    "  AND (r.ended_at IS NOT NULL OR NOT lives(r.host, r.pid, r.started_at, r.process)))"         \
    " THEN 1 + EXISTS (SELECT 1 FROM attempts AS a WHERE a.item = t.id AND a.state <> 'unsent')"   \
    " ELSE 0 END"

struct item_reader {
    int (*each)(const struct th_item_row *row, void *ctx);
    void *ctx;
};

static int hand_item(sqlite3_stmt *stmt, void *ctx)
{
    const struct item_reader *reader = ctx;
    const struct th_item_row row = {
        .row = sqlite3_column_int64(stmt, 0),
        .run = th_column(stmt, 1),
        .account = th_column(stmt, 2),
        .trunk = th_column(stmt, 3),
        .state = th_column(stmt, 4),
        .evidence = th_column(stmt, 5),
        .attempts = sqlite3_column_int64(stmt, 6),
        .error = th_column(stmt, 7),
        .plan = th_column(stmt, 8),
        .started_at = th_column(stmt, 9),
        .ended_at = th_column(stmt, 10),
        .label = th_column(stmt, 11),
        .left = (enum th_item_left)sqlite3_column_int(stmt, 12),
    };

    return reader->each(&row, reader->ctx);
}

int th_view_items(th_ledger_view *view, const struct th_view_filter *filter,
                  int (*each)(const struct th_item_row *row, void *ctx), void *ctx, th_error *err)
{
    struct item_reader reader = {each, ctx};
    struct th_view_query query;

    th_query_init(&query, "SELECT id, run, account, trunk, state, evidence, attempts, error, plan,"
                          " started_at, ended_at, label," LEFT " FROM items AS t WHERE 1");
    th_query_text(&query, "run = ?", filter->run);
    th_query_trunk(&query, filter->trunk);
    th_query_text(&query, "account = ?", filter->account);
    if (filter->attention)
        th_query_append(&query, " AND state IN ('failed', 'unknown', 'running')");
    th_query_finish(&query, filter);
    return th_query_each(view, &query, hand_item, &reader, err);
}

struct attempt_reader {
    int (*each)(const struct th_attempt_row *row, void *ctx);
    void *ctx;
};

static int hand_attempt(sqlite3_stmt *stmt, void *ctx)
{
    const struct attempt_reader *reader = ctx;
    const struct th_attempt_row row = {
        .row = sqlite3_column_int64(stmt, 0),
        .item = sqlite3_column_int64(stmt, 1),
        .run = th_column(stmt, 2),
        .account = th_column(stmt, 3),
        .trunk = th_column(stmt, 4),
        .endpoint = th_column(stmt, 5),
        .method = th_column(stmt, 6),
        .state = th_column(stmt, 7),
        .requests = sqlite3_column_int64(stmt, 8),
        .status = sqlite3_column_int(stmt, 9),
        .message = th_column(stmt, 10),
        .started_at = th_column(stmt, 11),
        .ended_at = th_column(stmt, 12),
    };

    return reader->each(&row, reader->ctx);
}

/* A migration's items are named by the source, what they make by its own id. */
static void of_trunk(struct th_view_query *query, const char *trunk)
{
    th_query_text(query,
                  trunk && is_uuid(trunk)
                      ? "(" ANY_CASE " OR item IN (SELECT id FROM items WHERE " ANY_CASE "))"
                      : "(trunk = ? OR item IN (SELECT id FROM items WHERE trunk = ?))",
                  trunk);
}

int th_view_attempts(th_ledger_view *view, const struct th_view_filter *filter,
                     int (*each)(const struct th_attempt_row *row, void *ctx), void *ctx,
                     th_error *err)
{
    struct attempt_reader reader = {each, ctx};
    struct th_view_query query;

    th_query_init(&query, "SELECT id, item, run, account, trunk, endpoint, method, state, requests,"
                          " status, message, started_at, ended_at FROM attempts AS t WHERE 1");
    th_query_text(&query, "run = ?", filter->run);
    of_trunk(&query, filter->trunk);
    th_query_text(&query, "account = ?", filter->account);
    th_query_number(&query, "item = ?", filter->item);
    if (filter->loose)
        th_query_append(&query, " AND item IS NULL");
    th_query_finish(&query, filter);
    return th_query_each(view, &query, hand_attempt, &reader, err);
}

struct create_reader {
    int (*each)(const struct th_create_row *row, void *ctx);
    void *ctx;
};

static int hand_create(sqlite3_stmt *stmt, void *ctx)
{
    const struct create_reader *reader = ctx;
    const struct th_create_row row = {
        .row = sqlite3_column_int64(stmt, 0),
        .item = sqlite3_column_int64(stmt, 1),
        .attempt = sqlite3_column_int64(stmt, 2),
        .run = th_column(stmt, 3),
        .account = th_column(stmt, 4),
        .endpoint = th_column(stmt, 5),
        .natural_key = th_column(stmt, 6),
        .state = th_column(stmt, 7),
        .trunk = th_column(stmt, 8),
        .created_at = th_column(stmt, 9),
        .changed_at = th_column(stmt, 10),
        .source = th_column(stmt, 11),
        .parent = th_column(stmt, 12),
        .changed_boot = th_column(stmt, 13),
    };

    return reader->each(&row, reader->ctx);
}

int th_view_creates(th_ledger_view *view, const struct th_view_filter *filter,
                    int (*each)(const struct th_create_row *row, void *ctx), void *ctx,
                    th_error *err)
{
    struct create_reader reader = {each, ctx};
    struct th_view_query query;

    th_query_init(&query,
                  "SELECT id, item, attempt, run, account, endpoint, natural_key, state,"
                  " trunk, created_at, changed_at,"
                  " (SELECT trunk FROM items WHERE id = t.item),"
                  " (SELECT trunk FROM attempts WHERE id = t.attempt AND t.endpoint <> 'create'),"
                  " changed_boot"
                  " FROM creates AS t WHERE 1");
    th_query_text(&query, "run = ?", filter->run);
    of_trunk(&query, filter->trunk);
    th_query_text(&query, "account = ?", filter->account);
    if (filter->unsettled)
        th_query_append(&query, " AND state IN ('intended', 'unknown')");
    th_query_finish(&query, filter);
    return th_query_each(view, &query, hand_create, &reader, err);
}
