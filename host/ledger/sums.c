/* Looking at a run as a whole: what it came to for each account, and what followed it. */
#include <string.h>

#include "ledger/view_impl.h"

struct sum_reader {
    int (*each_item)(const struct th_item_sum *sum, void *ctx);
    int (*each_secret)(const struct th_secret_sum *sum, void *ctx);
    int (*each_run)(const struct th_run_row *row, void *ctx);
    void *ctx;
};

/* Appends ", sum(state = 'planned'), …": one column for each name. */
static void count_states(struct th_view_query *query, const char *(*name)(int), int count)
{
    for (int i = 0; i < count; i++) {
        th_query_append(query, ", sum(state = '");
        th_query_append(query, name(i));
        th_query_append(query, "')");
    }
}

static const char *item_state(int i)
{
    return th_item_state_name((enum th_item_state)i);
}

static const char *secret_state(int i)
{
    return th_secret_state_name((enum th_secret_state)i);
}

static int hand_item_sum(sqlite3_stmt *stmt, void *ctx)
{
    const struct sum_reader *reader = ctx;
    struct th_item_sum sum = {.account = th_column(stmt, 0)};

    for (int i = 0; i < 6; i++)
        sum.items[i] = sqlite3_column_int64(stmt, 1 + i);
    return reader->each_item(&sum, reader->ctx);
}

int th_view_item_sums(th_ledger_view *view, const char *run,
                      int (*each)(const struct th_item_sum *sum, void *ctx), void *ctx,
                      th_error *err)
{
    struct sum_reader reader = {.each_item = each, .ctx = ctx};
    struct th_view_query query;

    th_query_init(&query, "SELECT account");
    count_states(&query, item_state, 6);
    th_query_append(&query, " FROM items WHERE 1");
    th_query_text(&query, "run = ?", run);
    th_query_append(&query, " GROUP BY account ORDER BY account");
    return th_query_each(view, &query, hand_item_sum, &reader, err);
}

static int hand_secret_sum(sqlite3_stmt *stmt, void *ctx)
{
    const struct sum_reader *reader = ctx;
    struct th_secret_sum sum = {.account = th_column(stmt, 0), .field = th_column(stmt, 1)};

    for (int i = 0; i < 4; i++)
        sum.states[i] = sqlite3_column_int64(stmt, 2 + i);
    sum.delivered = sqlite3_column_int64(stmt, 6);
    return reader->each_secret(&sum, reader->ctx);
}

int th_view_secret_sums(th_ledger_view *view, const char *run,
                        int (*each)(const struct th_secret_sum *sum, void *ctx), void *ctx,
                        th_error *err)
{
    struct sum_reader reader = {.each_secret = each, .ctx = ctx};
    struct th_view_query query;

    th_query_init(&query, "SELECT account, field");
    count_states(&query, secret_state, 4);
    th_query_append(&query, ", sum(state = 'current' AND delivered_at IS NOT NULL)"
                            " FROM secrets WHERE 1");
    th_query_text(&query, "run = ?", run);
    th_query_append(&query, " GROUP BY account, field ORDER BY account, field");
    return th_query_each(view, &query, hand_secret_sum, &reader, err);
}

static int hand_follower(sqlite3_stmt *stmt, void *ctx)
{
    const struct sum_reader *reader = ctx;
    const struct th_run_row row = {
        .id = th_column(stmt, 0),
        .resumed_from = th_column(stmt, 1),
        .undoes = th_column(stmt, 2),
        .started_at = th_column(stmt, 3),
        .ended_at = th_column(stmt, 4),
        .status = sqlite3_column_int(stmt, 5),
    };

    return reader->each_run(&row, reader->ctx);
}

int th_view_followers(th_ledger_view *view, const char *run,
                      int (*each)(const struct th_run_row *row, void *ctx), void *ctx,
                      th_error *err)
{
    struct sum_reader reader = {.each_run = each, .ctx = ctx};
    struct th_view_query query;

    th_query_init(&query, "SELECT id, resumed_from, undoes, started_at, ended_at, status"
                          " FROM runs WHERE 1");
    th_query_text(&query, "? IN (resumed_from, undoes)", run);
    th_query_append(&query, " ORDER BY seq, id");
    return th_query_each(view, &query, hand_follower, &reader, err);
}
