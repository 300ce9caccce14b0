/* Which accounts a ledger knows: a name that was mistyped must not look like one without rows. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/suggest.h"
#include "ledger/view_impl.h"

enum { MOST_NAMES = 60 };

/* NULL-ended; the rest of many names is not told. */
struct names {
    char *list[MOST_NAMES + 1];
    size_t count;
    bool more;
};

static int add_name(sqlite3_stmt *stmt, void *ctx)
{
    struct names *names = ctx;

    if (names->count == MOST_NAMES) {
        names->more = true;
        return 1;
    }
    names->list[names->count] = strdup(th_column(stmt, 0));
    if (!names->list[names->count])
        return -1;
    names->count++;
    return 0;
}

static int found(sqlite3_stmt *stmt, void *ctx)
{
    *(bool *)ctx = sqlite3_column_int(stmt, 0) != 0;
    return 0;
}

static int complain(const char *path, const char *account, const struct names *names, th_error *err)
{
    const char *near = th_suggest(account, (const char *const *)names->list);
    th_buf text = {0};
    int rc = 0;

    for (size_t i = 0; !rc && i < names->count; i++)
        rc = th_buf_printf(&text, "%s%s", i ? ", " : "", names->list[i]);
    if (rc)
        rc = th_fail(err, TH_INVALID, "not enough memory");
    else if (names->count == 0)
        rc = th_fail(err, TH_NOT_FOUND, "the ledger %s has no account %s, and no other", path,
                     account);
    else
        rc = th_fail(err, TH_NOT_FOUND, "the ledger %s has no account %s%s%s%s; there %s: %s%s",
                     path, account, near ? " (did you mean \"" : "", near ? near : "",
                     near ? "\"?)" : "", names->count == 1 ? "is" : "are", text.data,
                     names->more ? ", …" : "");
    th_buf_close(&text);
    return rc;
}

int th_view_know_account(th_ledger_view *view, const char *account, th_error *err)
{
    struct th_view_query query = {.count = 1};
    struct names names = {0};
    bool known = false;
    int rc;

    if (!account)
        return 0;
    th_query_append(&query, "SELECT EXISTS (SELECT 1 FROM secrets WHERE account = ?1)"
                            " OR EXISTS (SELECT 1 FROM items WHERE account = ?1)"
                            " OR EXISTS (SELECT 1 FROM attempts WHERE account = ?1)");
    query.values[0].text = account;
    if ((rc = th_query_each(view, &query, found, &known, err)) || known)
        return rc;
    th_query_init(&query, "SELECT account FROM secrets UNION SELECT account FROM items"
                          " UNION SELECT account FROM attempts ORDER BY 1");
    rc = th_query_each(view, &query, add_name, &names, err);
    if (rc < 0 && !err->kind)
        rc = th_fail(err, TH_INVALID, "not enough memory");
    else if (rc >= 0)
        rc = complain(view->path, account, &names, err);
    for (size_t i = 0; i < names.count; i++)
        free(names.list[i]);
    return rc;
}
