/*
 * The tables of the ledger, and how an older ledger gets them.
 */
#ifndef TH_LEDGER_SCHEMA_H
#define TH_LEDGER_SCHEMA_H

#include <sqlite3.h>

#include "base/error.h"
#include "ledger/database.h"

/* The version that this program writes. */
int th_database_version(void);

/* Reads the version of the ledger; refuses what is no ledger, or newer than this program. */
int th_schema_identify(sqlite3 *db, const char *path, int *version, th_error *err);

/* Brings the ledger to this program's version: all missing steps, or none. */
int th_schema_migrate(sqlite3 *db, const char *path, th_error *err);

#endif
