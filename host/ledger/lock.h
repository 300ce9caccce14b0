/*
 * One writer for each account and ledger: a lock of the kernel (flock) on
 * `<ledger without .db>.lock/<account>`. It lasts until it is released or its process dies, however
 * that happens; a child process does not inherit it. The file stays behind and means nothing by
 * itself; while it is locked, it says by whom.
 */
#ifndef TH_LOCK_H
#define TH_LOCK_H

#include "base/error.h"

typedef struct th_lock th_lock;

/*
 * Takes the lock of the account at the ledger, which must be there. run: the id of this run, for
 * others to read.
 *
 * When another process holds it: TH_CONFLICT with the code "locked", at once; the message says who
 * holds it since when. When the lock cannot be made: TH_INVALID and what to do. The caller owns
 * *out.
 */
int th_lock_take(const char *ledger_path, const char *account, const char *run, th_lock **out,
                 th_error *err);

/* NULL is fine. */
void th_lock_release(th_lock *lock);

const char *th_lock_account(const th_lock *lock);

#endif
