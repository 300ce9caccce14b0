/* A copy of the ledger that is whole, also while it is in use. */
#ifndef TH_LEDGER_BACKUP_H
#define TH_LEDGER_BACKUP_H

#include "base/error.h"

/*
 * Copies the ledger at path, as of one moment, to a new file (mode 0600), checks the copy, and
 * syncs it. Nothing is overwritten: TH_INVALID when the file is there, and for every other failure,
 * which leaves nothing behind. The private key is not in it.
 */
int th_ledger_backup(const char *path, const char *file, th_error *err);

#endif
