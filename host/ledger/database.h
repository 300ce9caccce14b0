/*
 * The ledger as a database: opening it so that commits are durable, checking that it is a whole
 * ledger that this program understands, and saying what a failure means to an operator.
 */
#ifndef TH_LEDGER_DATABASE_H
#define TH_LEDGER_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/error.h"

enum th_database_use {
    TH_DATABASE_RUN,     /* for a run that writes: made when there is none, and looked over from one
                            end to the other, which takes some seconds for a million trunks */
    TH_DATABASE_COMMAND, /* for a command: refused when there is none; damage shows where it is met
                          */
};

/*
 * Opens the ledger at path, checks and migrates it. The connection has no mutex: one thread at a
 * time. The caller closes it with sqlite3_close. Failures are TH_INVALID. Statements may ask
 * lives(host, pid, started_at, process): whether the process of a run is still there.
 */
int th_database_open(const char *path, enum th_database_use use, sqlite3 **out, th_error *err);

/* A further connection to a ledger that this process has open: for reading only, without looking
 * it over again. */
int th_database_look(const char *path, sqlite3 **out, th_error *err);

#endif
