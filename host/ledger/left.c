/* What earlier runs have left: trunks in doubt, and how old a password is. */
#include <math.h>
#include <time.h>

#include "ledger/alive.h"
#include "ledger/view_impl.h"

static const char left[] =
    "SELECT trunk, sum(candidate), run, max(item) FROM ("
    "  SELECT trunk, 1 AS candidate, '' AS run, 0 AS item FROM secrets"
    "  WHERE account = ?1 AND state = 'candidate' AND trunk <> ''"
    "  UNION ALL SELECT i.trunk, 0, i.run, i.id FROM items AS i JOIN runs AS r ON r.id = i.run"
    "  WHERE i.account = ?1 AND i.state = 'running' AND i.run <> ?2"
    "  AND (r.ended_at IS NOT NULL OR NOT lives(r.host, r.pid, r.started_at, r.process))"
    "  AND NOT EXISTS (SELECT 1 FROM items AS n WHERE n.trunk = i.trunk AND n.account = i.account"
    "    AND n.id > i.id AND n.state = 'done'))"
    " GROUP BY trunk ORDER BY trunk";

struct left_reader {
    int (*each)(const struct th_unfinished_row *row, void *ctx);
    void *ctx;
};

static int hand_left(sqlite3_stmt *stmt, void *ctx)
{
    const struct left_reader *reader = ctx;
    const struct th_unfinished_row row = {
        .trunk = th_column(stmt, 0),
        .candidates = sqlite3_column_int64(stmt, 1),
        .run = th_column(stmt, 2),
    };

    return reader->each(&row, reader->ctx);
}

int th_view_unfinished(th_ledger_view *view, const char *account, const char *own,
                       int (*each)(const struct th_unfinished_row *row, void *ctx), void *ctx,
                       th_error *err)
{
    struct left_reader reader = {each, ctx};
    struct th_view_query query = {.count = 2};

    th_query_append(&query, left);
    query.values[0].text = account;
    query.values[1].text = own ? own : "";
    return th_query_each(view, &query, hand_left, &reader, err);
}

static int hand_time(sqlite3_stmt *stmt, void *ctx)
{
    *(double *)ctx = th_time_parse(th_column(stmt, 0));
    return 0;
}

int th_view_secret_age(th_ledger_view *view, const char *account, const char *trunk,
                       const char *field, double *seconds, th_error *err)
{
    enum { SKEW = 60 }; /* seconds that clocks may differ without meaning anything */
    struct th_view_query query;
    struct timespec now;
    double proven = -1;
    int rc;

    th_query_init(&query, "SELECT proven_at FROM secrets WHERE state = 'current'"
                          " AND proven_at IS NOT NULL");
    th_query_text(&query, "trunk = ?", trunk);
    th_query_text(&query, "account = ?", account);
    th_query_text(&query, "field = ?", field);
    rc = th_query_each(view, &query, hand_time, &proven, err);
    clock_gettime(CLOCK_REALTIME, &now);
    *seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - proven;
    if (proven < 0)
        *seconds = -1;
    else if (*seconds < 0) /* a clock was wrong, now or then: nobody knows how old it is */
        *seconds = -*seconds <= SKEW ? 0 : INFINITY;
    return rc;
}
