/* Statements on the ledger, and what a failure of SQLite means to an operator. */
#ifndef TH_LEDGER_SQL_H
#define TH_LEDGER_SQL_H

#include <sqlite3.h>

#include "base/error.h"

/* Fills err (TH_INVALID) with what the result code rc of the last call on db means to an operator:
 * "cannot <verb> the ledger <path>: …. <what to do>". db may be NULL. */
int th_database_fail(th_error *err, sqlite3 *db, int rc, const char *verb, const char *path);

/* Runs statements without results. */
int th_database_execute(sqlite3 *db, const char *path, const char *sql, th_error *err);
/* The first column of the first row of sql as an integer. */
int th_database_number(sqlite3 *db, const char *path, const char *sql, int *out, th_error *err);

/* What to do about a ledger that is damaged. */
extern const char th_database_restore[];

#endif
