/*
 * The ledger as a file: where it lies, that it is there, and that nobody but its owner can read it.
 * Nothing here opens an existing ledger: closing a second descriptor of an open SQLite database
 * would drop the locks that this process holds on it.
 */
#ifndef TH_LEDGER_FILE_H
#define TH_LEDGER_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

/*
 * Checks the file at path: regular, of this user (root may use anybody's), mode 0600 or stricter,
 * writable, in a writable folder. A missing one is made empty (its folders too, mode 0700) when
 * `create` is set, and refused otherwise. Every failure is TH_INVALID with what to do about it.
 */
int th_ledger_file_prepare(const char *path, bool create, th_error *err);

/* `<path without .db><suffix>`. Owned by the caller; NULL when memory runs out. */
char *th_ledger_beside(const char *path, const char *suffix);

/* "cannot open the ledger PATH: REASON. ADVICE", TH_INVALID. */
int th_ledger_file_refuse(th_error *err, const char *path, const char *reason, const char *advice);

/* Makes a new name in the folder of path survive a power cut. 0 or -1 with errno. */
int th_folder_sync(const char *path);

/* "readable by others" in one place: the rule for ledger and key alike. */
static inline bool th_mode_is_private(mode_t mode)
{
    return (mode & (S_IRWXG | S_IRWXO)) == 0;
}

#endif
