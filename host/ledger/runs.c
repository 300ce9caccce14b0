/* Looking at runs: which there were, how they ended, and which one is meant. */
#include <stdio.h>
#include <string.h>

#include "ledger/alive.h"
#include "ledger/view_impl.h"

struct run_reader {
    int (*each)(const struct th_run_row *row, void *ctx);
    void *ctx;
};

static int hand_run(sqlite3_stmt *stmt, void *ctx)
{
    const struct run_reader *reader = ctx;
    struct th_run_row row = {
        .id = th_column(stmt, 0),
        .script = th_column(stmt, 1),
        .arguments = th_column(stmt, 2),
        .script_hash = th_column(stmt, 3),
        .host = th_column(stmt, 4),
        .pid = sqlite3_column_int64(stmt, 5),
        .resumed_from = th_column(stmt, 6),
        .started_at = th_column(stmt, 7),
        .ended_at = th_column(stmt, 8),
        .status = sqlite3_column_int(stmt, 9),
        .undoes = th_column(stmt, 10),
        .conclusion = th_column(stmt, 17),
        .seq = sqlite3_column_int64(stmt, 19),
        .purpose = th_column(stmt, 20),
    };

    if (row.ended_at[0])
        row.life = TH_RUN_ENDED;
    else
        row.life = th_process_lives(row.host, (pid_t)row.pid, row.started_at, th_column(stmt, 18))
                       ? TH_RUN_ALIVE
                       : TH_RUN_DIED;
    for (int i = 0; i < 6; i++)
        row.items[i] = sqlite3_column_int64(stmt, 11 + i);
    return reader->each(&row, reader->ctx);
}

int th_view_runs(th_ledger_view *view, const struct th_view_filter *filter,
                 int (*each)(const struct th_run_row *row, void *ctx), void *ctx, th_error *err)
{
    struct run_reader reader = {each, ctx};
    struct th_view_query query;
    char part[120];

    /* The runs are chosen before their items are counted. */
    th_query_init(&query, "WITH t AS (SELECT * FROM runs WHERE 1");
    th_query_text(&query, "id = ?", filter->run);
    th_query_number(&query, "seq < ?", filter->after);
    snprintf(part, sizeof part, " ORDER BY seq DESC, id DESC LIMIT %lld)",
             (long long)(filter->limit > 0 ? filter->limit : -1));
    th_query_append(&query, part);
    th_query_append(&query, " SELECT t.id, t.script, t.arguments, t.script_hash, t.host, t.pid,"
                            " t.resumed_from, t.started_at, t.ended_at, t.status, t.undoes");
    for (int i = 0; i < 6; i++) {
        snprintf(part, sizeof part, ", i.n%d", i);
        th_query_append(&query, part);
    }
    th_query_append(&query, ", t.conclusion, t.process, t.seq, t.purpose");
    /* Counted by itself, with nothing of the runs beside each item: that would be sorted on disk. */
    th_query_append(&query, " FROM t LEFT JOIN (SELECT run");
    for (int i = 0; i < 6; i++) {
        snprintf(part, sizeof part, ", sum(state = '%s') AS n%d",
                 th_item_state_name((enum th_item_state)i), i);
        th_query_append(&query, part);
    }
    th_query_append(&query, " FROM items WHERE run IN (SELECT id FROM t) GROUP BY run) AS i"
                            " ON i.run = t.id ORDER BY t.seq DESC, t.id DESC");
    return th_query_each(view, &query, hand_run, &reader, err);
}

struct finder {
    const char *name;
    char first[64], second[64];
    bool exact;
};

static int note_run(sqlite3_stmt *stmt, void *ctx)
{
    struct finder *finder = ctx;
    const char *id = th_column(stmt, 0);
    char *to = finder->first[0] ? finder->second : finder->first;

    if (finder->exact || strlen(id) >= sizeof finder->first)
        return 0;
    if (strcmp(id, finder->name) == 0) {
        finder->exact = true;
        finder->second[0] = '\0';
        to = finder->first;
    }
    snprintf(to, sizeof finder->first, "%s", id);
    return 0;
}

int th_view_run_find(th_ledger_view *view, const char *name, char id[static 64], th_error *err)
{
    const bool last = strcmp(name, "last") == 0;
    struct finder finder = {.name = name};
    struct th_view_query query;
    int rc;

    th_query_init(&query, "SELECT id FROM runs WHERE 1");
    if (!last)
        th_query_text(&query, "substr(id, 1, length(?)) = ?", name);
    th_query_append(&query, last ? " ORDER BY status IS 75, seq DESC, id DESC LIMIT 1"
                                 : " ORDER BY seq DESC, id DESC");
    if ((rc = th_query_each(view, &query, note_run, &finder, err)))
        return rc;
    if (!finder.first[0] || !name[0])
        return th_fail(err, TH_NOT_FOUND,
                       last ? "the ledger %s has no runs yet"
                            : "the ledger %s has no run %s. See: trunkhost runs",
                       view->path, name);
    if (finder.second[0])
        return th_fail(err, TH_NOT_FOUND,
                       "several runs begin with %s, among them %s and %s. Write more of it", name,
                       finder.first, finder.second);
    memcpy(id, finder.first, sizeof finder.first);
    return 0;
}
