/*
 * The ledger's hand: runs a list of operations in one transaction. Knows nothing of threads or
 * loops; one thread at a time uses it.
 */
#ifndef TH_LEDGER_WRITER_H
#define TH_LEDGER_WRITER_H

#include "base/error.h"
#include "ledger/ledger.h"

typedef struct th_ledger_writer th_ledger_writer;

/* Opens or makes the ledger at path and its key pair. Failures are TH_INVALID. */
int th_ledger_writer_create(const char *path, th_ledger_writer **out, th_error *err);
void th_ledger_writer_destroy(th_ledger_writer *writer); /* NULL is fine */

/*
 * Runs the operations from `first` on, in order, and fills result, err and row of each. What is
 * wrong with one of them fails only that one; what keeps the transaction from becoming durable
 * fails all. Returns the number of commits, 0 or 1.
 */
unsigned th_ledger_writer_run(th_ledger_writer *writer, th_ledger_op *first);

/* Whether it holds a key that opens what it has just sealed; th_ledger_writer_forget wipes it. */
bool th_ledger_writer_holds_key(const th_ledger_writer *writer);
void th_ledger_writer_forget(th_ledger_writer *writer);

#endif
