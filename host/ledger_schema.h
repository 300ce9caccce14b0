/*
 * The ledger as a database: opening it so that commits are durable, checking that it is a whole
 * ledger that this program understands, and bringing an older one up to date.
 */
#ifndef TH_LEDGER_SCHEMA_H
#define TH_LEDGER_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

#include "error.h"

/*
 * Opens the ledger at path (th_ledger_file_prepare first), checks and migrates it. The connection
 * has no mutex: one thread at a time. The caller closes it with sqlite3_close. Failures are
 * TH_INVALID.
 */
int th_database_open(const char *path, bool create, sqlite3 **out, th_error *err);

/* Fills err (TH_INVALID) with what the result code rc of the last call on db means to an operator:
 * "cannot <verb> the ledger <path>: …. <what to do>". db may be NULL. */
int th_database_fail(th_error *err, sqlite3 *db, int rc, const char *verb, const char *path);

/* The version that this program writes. */
int th_database_version(void);

#endif
