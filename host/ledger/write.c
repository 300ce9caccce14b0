/* What the operations of the writer are made of. */
#include <stdarg.h>

#include "ledger/writer_impl.h"

void th_ledger_writer_forget(th_ledger_writer *writer)
{
    sodium_memzero(writer->seal, sizeof *writer->seal);
}

int th_write_step(th_ledger_writer *writer, enum th_statement which)
{
    return sqlite3_step(writer->statements[which]);
}

void th_write_reset(th_ledger_writer *writer, enum th_statement which)
{
    sqlite3_reset(writer->statements[which]);
}

int th_write_run(th_ledger_writer *writer, enum th_statement which)
{
    int rc = th_write_step(writer, which);

    th_write_reset(writer, which);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int th_write_text(th_ledger_writer *writer, enum th_statement which, int at, const char *text)
{
    return sqlite3_bind_text(writer->statements[which], at, text, -1, SQLITE_STATIC);
}

int th_write_int(th_ledger_writer *writer, enum th_statement which, int at, int64_t value)
{
    return sqlite3_bind_int64(writer->statements[which], at, value);
}

int th_write_row(th_ledger_writer *writer, enum th_statement which, int at, int64_t row)
{
    return row ? th_write_int(writer, which, at, row)
               : sqlite3_bind_null(writer->statements[which], at);
}

enum th_write th_write_judge(th_ledger_writer *writer, th_ledger_op *op, int rc, const char *fault)
{
    if (rc == SQLITE_OK)
        return TH_WRITE_DONE;
    if ((rc & 0xff) != SQLITE_CONSTRAINT && (rc & 0xff) != SQLITE_TOOBIG)
        return TH_WRITE_BROKEN;
    op->result = th_fail(&op->err, TH_INVALID, "the ledger refuses this: %s (%s)", fault,
                         sqlite3_errmsg(writer->db));
    return TH_WRITE_FAULT;
}

enum th_write th_write_fault(th_ledger_op *op, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    op->result = th_vfail(&op->err, TH_INVALID, format, args);
    va_end(args);
    return TH_WRITE_FAULT;
}
