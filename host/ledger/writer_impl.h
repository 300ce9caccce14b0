/* What the parts of the ledger's writer share; nobody else includes this. */
#ifndef TH_LEDGER_WRITER_IMPL_H
#define TH_LEDGER_WRITER_IMPL_H

#include <sqlite3.h>

#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/seal.h"
#include "ledger/writer.h"

enum th_statement {
    TH_SQL_BEGIN,
    TH_SQL_COMMIT,
    TH_SQL_ROLLBACK,
    TH_SQL_SETTING,
    TH_SQL_RUN_BEGIN,
    TH_SQL_RUN_CONCLUDE,
    TH_SQL_RUN_END,
    TH_SQL_ITEM_BEGIN,
    TH_SQL_ITEM_AGAIN,
    TH_SQL_ITEM_ROW,
    TH_SQL_ITEM_END,
    TH_SQL_ATTEMPT_BEGIN,
    TH_SQL_ATTEMPT_END,
    TH_SQL_ATTEMPT_TRUNK,
    TH_SQL_CREATE_INTENT,
    TH_SQL_CREATE_END,
    TH_SQL_CREATE_SECRETS,
    TH_SQL_SECRET_FAMILY,
    TH_SQL_SECRET_ADD,
    TH_SQL_SECRET_STATE,
    TH_SQL_SECRET_TRUNK,
    TH_SQL_SECRET_DELIVERED,
    TH_SQL_DEMOTE,
    TH_SQL_SUPERSEDE,
    TH_SQL_PRUNE,
    TH_STATEMENTS
};

/* Their texts, with the parameters explained. */
extern const char *const th_ledger_statements[TH_STATEMENTS];

/* What the sealer is fit for; all zero: nothing. */
struct th_write_seal {
    th_sealer sealer;
    char key[TH_PUBLIC_KEY_TEXT];
    int64_t until; /* by the writer's clock */
};

struct th_ledger_writer {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[TH_STATEMENTS];
    unsigned char *plain;       /* TH_PLAIN_MAX bytes from sodium_malloc */
    struct th_write_seal *seal; /* from sodium_malloc */
    bool sealing;               /* what it seals to was looked up in this transaction */
    unsigned char sealed[TH_SEALED_MAX];
    int64_t clock; /* now, in milliseconds since 1970 */
    char now[sizeof "2000-01-01T00:00:00.000Z"];
};

/* What became of one operation within its transaction. */
enum th_write {
    TH_WRITE_DONE,
    TH_WRITE_FAULT,  /* the operation's err says what; the others are not concerned */
    TH_WRITE_BROKEN, /* the database cannot go on, and knows why */
};

/* --- write.c ---------------------------------------------------------------------------------- */
/* Runs a statement whose parameters are bound. SQLITE_OK or an error code. */
int th_write_run(th_ledger_writer *writer, enum th_statement which);
/* The same for one that returns a row: SQLITE_ROW, SQLITE_DONE or an error code. The caller resets
 * it after reading. */
int th_write_step(th_ledger_writer *writer, enum th_statement which);
void th_write_reset(th_ledger_writer *writer, enum th_statement which);

/* The strings outlive the statement's run, so nothing is copied. NULL becomes NULL. */
int th_write_text(th_ledger_writer *writer, enum th_statement which, int at, const char *text);
int th_write_int(th_ledger_writer *writer, enum th_statement which, int at, int64_t value);
/* A row of another table: 0 becomes NULL. */
int th_write_row(th_ledger_writer *writer, enum th_statement which, int at, int64_t row);

/* Tells a fault of the operation's own (`fault` says which it must be) from a database that cannot
 * go on. */
enum th_write th_write_judge(th_ledger_writer *writer, th_ledger_op *op, int rc, const char *fault);
/* The operation is wrong: fills its err. */
enum th_write th_write_fault(th_ledger_op *op, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- the operations: write_records.c ---------------------------------------------------------- */
enum th_write th_write_run_begin(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_run_conclude(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_run_end(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_item_begin(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_item_end(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_attempt_begin(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_attempt_end(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_create_intent(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_create_end(th_ledger_writer *writer, th_ledger_op *op);

/* --- write_secrets.c -------------------------------------------------------------------------- */
enum th_write th_write_secret_add(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_secret_state(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_secret_trunk(th_ledger_writer *writer, th_ledger_op *op);
enum th_write th_write_secret_delivered(th_ledger_writer *writer, th_ledger_op *op);

#endif
