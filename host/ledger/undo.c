/* Looking at a run that is to be taken back: what it did, and what has come of that since. */
#include <string.h>

#include "ledger/view_impl.h"

/* A plan may be any text. */
#define FIELDS(row) "json_each(CASE WHEN json_valid(" row ".plan) THEN " row ".plan ELSE '{}' END)"
#define THEIRS      FIELDS("n")
#define OURS        FIELDS("t")

/*
 * An item that is done, is of no undoing run, is newer, and has changed one of the same fields; one
 * that was taken back itself leaves the trunk as it found it, and so does one that has set what was
 * there already. Of passwords that is not known.
 */
#define FOLLOWED                                                                                   \
    "(SELECT n.run FROM items AS n"                                                                \
    "  WHERE n.trunk = t.trunk AND n.account = t.account AND n.id > t.id AND n.state = 'done'"     \
    "  AND n.undoes IS NULL AND n.run <> t.run"                                                    \
    "  AND (n.before IS NULL OR n.after IS NULL OR n.before <> n.after"                            \
    "   OR instr(n.after, '\"[secret]\"'))"                                                        \
    "  AND NOT EXISTS (SELECT 1 FROM items AS b WHERE b.undoes = n.id AND b.state = 'done')"       \
    "  AND EXISTS (SELECT 1 FROM " THEIRS " AS x JOIN " OURS " AS y ON x.key = y.key)"             \
    "  ORDER BY n.id DESC LIMIT 1)"

struct undo_reader {
    int (*each)(const struct th_undo_row *row, void *ctx);
    void *ctx;
};

static int hand_undo(sqlite3_stmt *stmt, void *ctx)
{
    const struct undo_reader *reader = ctx;
    const struct th_undo_row row = {
        .item =
            {
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
                .label = th_column(stmt, 16),
            },
        .before = th_column(stmt, 11),
        .after = th_column(stmt, 12),
        .undone = th_column(stmt, 13),
        .undone_by = th_column(stmt, 14),
        .followed_by = th_column(stmt, 15),
    };

    return reader->each(&row, reader->ctx);
}

int th_view_undo(th_ledger_view *view, const char *run,
                 int (*each)(const struct th_undo_row *row, void *ctx), void *ctx, th_error *err)
{
    struct undo_reader reader = {each, ctx};
    struct th_view_query query;

    th_query_init(
        &query,
        "SELECT t.id, t.run, t.account, t.trunk, t.state, t.evidence, t.attempts, t.error,"
        " t.plan, t.started_at, t.ended_at, t.before, t.after, u.state, u.run," FOLLOWED ", t.label"
        " FROM items AS t LEFT JOIN items AS u ON u.id = (SELECT id FROM items AS a"
        "  WHERE a.undoes = t.id AND a.state NOT IN ('planned', 'skipped')"
        "  ORDER BY a.state = 'done' DESC, a.id DESC LIMIT 1)"
        " WHERE t.state NOT IN ('planned', 'skipped')");
    th_query_text(&query, "t.run = ?", run);
    th_query_append(&query, " ORDER BY t.id DESC");
    return th_query_each(view, &query, hand_undo, &reader, err);
}
