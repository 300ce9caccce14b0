/* What the parts of the ledger's view share; nobody else includes this. */
#ifndef TH_LEDGER_VIEW_IMPL_H
#define TH_LEDGER_VIEW_IMPL_H

#include <sqlite3.h>

#include "ledger/seal.h"
#include "ledger/view.h"

struct th_ledger_view {
    sqlite3 *db;
    char *path;
    th_key_pair *keys; /* from sodium_malloc; NULL until a secret was opened */
};

/* A statement that grows condition by condition, with the texts that its parameters get. */
struct th_view_query {
    char sql[1600];
    struct {
        const char *text; /* NULL: the number */
        int64_t number;
    } values[12];
    int count;
};

void th_query_init(struct th_view_query *query, const char *base);
/* Appends " AND <condition>", in which every ? stands for the text; nothing when that is NULL. */
void th_query_text(struct th_view_query *query, const char *condition, const char *text);
/* The trunk of this id; a UUID is the same one in capitals. */
void th_query_trunk(struct th_view_query *query, const char *trunk);
/* The same with a number; nothing when it is 0. */
void th_query_number(struct th_view_query *query, const char *condition, int64_t number);
void th_query_append(struct th_view_query *query, const char *sql);

/* Appends the order, where to begin and the limit of rows of the table t. */
void th_query_finish(struct th_view_query *query, const struct th_view_filter *filter);

/* Runs it: hand(stmt, ctx) for each row until that is not 0. */
int th_query_each(th_ledger_view *view, const struct th_view_query *query,
                  int (*hand)(sqlite3_stmt *stmt, void *ctx), void *ctx, th_error *err);

/* A text column, "" for NULL. */
const char *th_column(sqlite3_stmt *stmt, int at);

#endif
