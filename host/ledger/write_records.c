/* Writing what a run does: runs, items, attempts, creates. */
#include <string.h>

#include "ledger/alive.h"
#include "ledger/writer_impl.h"

/* An update must have met its row; `what` is "item", `name` its place in messages. */
static enum th_write met(th_ledger_writer *writer, th_ledger_op *op, enum th_write outcome,
                         const char *what)
{
    if (outcome == TH_WRITE_DONE && sqlite3_changes(writer->db) == 0)
        return th_write_fault(op, "the ledger has no %s in row %lld", what, (long long)op->row);
    return outcome;
}

static enum th_write inserted(th_ledger_writer *writer, th_ledger_op *op, enum th_write outcome)
{
    if (outcome == TH_WRITE_DONE)
        op->row = sqlite3_last_insert_rowid(writer->db);
    return outcome;
}

static bool is_empty(const char *text)
{
    return !text || !text[0];
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* --- runs ------------------------------------------------------------------------------------- */

enum th_write th_write_run_begin(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_RUN_BEGIN;
    char process[TH_PROCESS_NAME];

    if (!op->run || !op->run[0])
        return th_write_fault(op, "the ledger needs the id of the run");
    if (th_write_text(writer, sql, 1, op->run) ||
        th_write_text(writer, sql, 2, or_empty(op->script)) ||
        th_write_text(writer, sql, 3, op->arguments ? op->arguments : "[]") ||
        th_write_text(writer, sql, 4, writer->now) ||
        th_write_text(writer, sql, 5, or_empty(op->script_hash)) ||
        th_write_text(writer, sql, 6, or_empty(op->host)) ||
        th_write_row(writer, sql, 7, op->pid) || th_write_text(writer, sql, 8, op->resumed_from) ||
        th_write_text(writer, sql, 9, op->undoes_run) ||
        th_write_text(writer, sql, 10, th_process_name((pid_t)op->pid, process)) ||
        th_write_text(writer, sql, 11, op->purpose))
        return TH_WRITE_BROKEN;
    return th_write_judge(writer, op, th_write_run(writer, sql),
                          "there is a run of this id already, or none to be continued or undone");
}

/* An update of a run must have met it. */
static enum th_write met_run(th_ledger_writer *writer, th_ledger_op *op, enum th_write outcome)
{
    if (outcome == TH_WRITE_DONE && sqlite3_changes(writer->db) == 0)
        return th_write_fault(op, "the ledger has no run %s", op->run ? op->run : "without an id");
    return outcome;
}

enum th_write th_write_run_conclude(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_RUN_CONCLUDE;

    if (th_write_text(writer, sql, 1, op->run) || th_write_text(writer, sql, 2, op->conclusion))
        return TH_WRITE_BROKEN;
    return met_run(
        writer, op,
        th_write_judge(writer, op, th_write_run(writer, sql), "the run cannot be concluded"));
}

enum th_write th_write_run_end(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_RUN_END;

    if (th_write_text(writer, sql, 1, op->run) || th_write_text(writer, sql, 2, writer->now) ||
        th_write_int(writer, sql, 3, op->status))
        return TH_WRITE_BROKEN;
    return met_run(
        writer, op,
        th_write_judge(writer, op, th_write_run(writer, sql), "the run cannot be ended"));
}

/* --- items ------------------------------------------------------------------------------------ */

/* Binds what beginning an item and beginning it again have in common. */
static int bind_item(th_ledger_writer *writer, const th_ledger_op *op, enum th_statement sql)
{
    const bool begun = op->item_state != TH_ITEM_PLANNED;
    const bool ended = op->item_state == TH_ITEM_SKIPPED;

    return th_write_text(writer, sql, 1, op->run) || th_write_text(writer, sql, 2, op->account) ||
           th_write_text(writer, sql, 3, op->trunk) ||
           th_write_text(writer, sql, 4, th_item_state_name(op->item_state)) ||
           th_write_text(writer, sql, 5, op->plan) ||
           th_write_text(writer, sql, 6, or_empty(op->evidence)) ||
           th_write_text(writer, sql, 7, begun ? writer->now : NULL) ||
           th_write_text(writer, sql, 8, ended ? writer->now : NULL) ||
           th_write_text(writer, sql, 9, op->before) || th_write_row(writer, sql, 10, op->undoes) ||
           th_write_text(writer, sql, 11, or_empty(op->label));
}

/* Sets op->row; to 0 when this run has no such item. SQLITE_OK or an error code. */
static int find_item(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_ITEM_ROW;
    int rc;

    if (th_write_text(writer, sql, 1, op->run) || th_write_text(writer, sql, 2, op->account) ||
        th_write_text(writer, sql, 3, op->trunk))
        return SQLITE_NOMEM;
    rc = th_write_step(writer, sql);
    op->row = rc == SQLITE_ROW ? sqlite3_column_int64(writer->statements[sql], 0) : 0;
    th_write_reset(writer, sql);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum th_write th_write_item_begin(th_ledger_writer *writer, th_ledger_op *op)
{
    static const char no_run[] = "the item's run is not in it";
    enum th_write outcome;

    if (is_empty(op->account) || is_empty(op->trunk))
        return th_write_fault(op, "the ledger needs account and trunk of an item");
    if (op->item_state != TH_ITEM_PLANNED && op->item_state != TH_ITEM_RUNNING &&
        op->item_state != TH_ITEM_SKIPPED)
        return th_write_fault(op, "an item begins as planned, running or skipped, not as %s",
                              th_item_state_name(op->item_state));
    if (bind_item(writer, op, TH_SQL_ITEM_BEGIN))
        return TH_WRITE_BROKEN;
    outcome = th_write_judge(writer, op, th_write_run(writer, TH_SQL_ITEM_BEGIN), no_run);
    if (outcome != TH_WRITE_DONE || sqlite3_changes(writer->db) > 0)
        return inserted(writer, op, outcome);
    if (bind_item(writer, op, TH_SQL_ITEM_AGAIN))
        return TH_WRITE_BROKEN;
    outcome = th_write_judge(writer, op, th_write_run(writer, TH_SQL_ITEM_AGAIN), no_run);
    if (outcome != TH_WRITE_DONE)
        return outcome;
    if (find_item(writer, op))
        return TH_WRITE_BROKEN;
    return op->row ? TH_WRITE_DONE : th_write_fault(op, "the ledger refuses this: %s", no_run);
}

enum th_write th_write_item_end(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_ITEM_END;
    const bool open = op->item_state == TH_ITEM_PLANNED || op->item_state == TH_ITEM_RUNNING;

    if (op->item_state > TH_ITEM_SKIPPED)
        return th_write_fault(op, "this is no state of an item");
    if (th_write_int(writer, sql, 1, op->row) ||
        th_write_text(writer, sql, 2, th_item_state_name(op->item_state)) ||
        th_write_text(writer, sql, 3, or_empty(op->evidence)) ||
        th_write_int(writer, sql, 4, op->attempts) || th_write_text(writer, sql, 5, op->error) ||
        th_write_text(writer, sql, 6, open ? NULL : writer->now) ||
        th_write_text(writer, sql, 7, op->before) || th_write_text(writer, sql, 8, op->after))
        return TH_WRITE_BROKEN;
    return met(writer, op,
               th_write_judge(writer, op, th_write_run(writer, sql), "the item cannot be ended"),
               "item");
}

/* --- attempts and creates --------------------------------------------------------------------- */

enum th_write th_write_attempt_begin(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_ATTEMPT_BEGIN;

    if (is_empty(op->account))
        return th_write_fault(op, "the ledger needs the account of an attempt");
    if (th_write_text(writer, sql, 1, op->run) || th_write_row(writer, sql, 2, op->item) ||
        th_write_text(writer, sql, 3, op->account) ||
        th_write_text(writer, sql, 4, or_empty(op->trunk)) ||
        th_write_text(writer, sql, 5, or_empty(op->endpoint)) ||
        th_write_text(writer, sql, 6, or_empty(op->method)) ||
        th_write_text(writer, sql, 7, writer->now))
        return TH_WRITE_BROKEN;
    return inserted(writer, op,
                    th_write_judge(writer, op, th_write_run(writer, sql),
                                   "the attempt's run or item is not in it"));
}

enum th_write th_write_attempt_end(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_ATTEMPT_END, trunk = TH_SQL_ATTEMPT_TRUNK;
    enum th_write outcome;

    if (op->attempt_state > TH_ATTEMPT_UNSENT)
        return th_write_fault(op, "this is no state of an attempt");
    if (th_write_int(writer, sql, 1, op->row) ||
        th_write_text(writer, sql, 2, th_attempt_state_name(op->attempt_state)) ||
        th_write_int(writer, sql, 3, op->attempts) || th_write_row(writer, sql, 4, op->status) ||
        th_write_text(writer, sql, 5, or_empty(op->message)) ||
        th_write_text(writer, sql, 6, writer->now))
        return TH_WRITE_BROKEN;
    outcome =
        met(writer, op,
            th_write_judge(writer, op, th_write_run(writer, sql), "the attempt cannot be ended"),
            "attempt");
    if (outcome != TH_WRITE_DONE || !op->trunk || !op->trunk[0])
        return outcome;
    if (th_write_int(writer, trunk, 1, op->row) || th_write_text(writer, trunk, 2, op->trunk))
        return TH_WRITE_BROKEN;
    return th_write_judge(writer, op, th_write_run(writer, trunk), "this is no trunk");
}

enum th_write th_write_create_intent(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_CREATE_INTENT;
    char boot[TH_PROCESS_NAME];

    if (is_empty(op->account))
        return th_write_fault(op, "the ledger needs the account of a create");
    if (th_write_text(writer, sql, 1, op->run) || th_write_row(writer, sql, 2, op->item) ||
        th_write_row(writer, sql, 3, op->attempt ? *op->attempt : 0) ||
        th_write_text(writer, sql, 4, op->account) ||
        th_write_text(writer, sql, 5, or_empty(op->endpoint)) ||
        th_write_text(writer, sql, 6, op->natural_key ? op->natural_key : "{}") ||
        th_write_text(writer, sql, 7, writer->now) ||
        th_write_text(writer, sql, 8, th_boot_stamp(boot)))
        return TH_WRITE_BROKEN;
    return inserted(writer, op,
                    th_write_judge(writer, op, th_write_run(writer, sql),
                                   "the create's run or item is not in it"));
}

enum th_write th_write_create_end(th_ledger_writer *writer, th_ledger_op *op)
{
    const enum th_statement sql = TH_SQL_CREATE_END, secrets = TH_SQL_CREATE_SECRETS;
    char boot[TH_PROCESS_NAME];
    bool made = op->create_state == TH_CREATE_LANDED && op->trunk && op->trunk[0];
    enum th_write outcome;

    if (op->create_state > TH_CREATE_UNKNOWN)
        return th_write_fault(op, "this is no state of a create");
    if (th_write_int(writer, sql, 1, op->row) ||
        th_write_text(writer, sql, 2, th_create_state_name(op->create_state)) ||
        th_write_text(writer, sql, 3, op->trunk) || th_write_text(writer, sql, 4, writer->now) ||
        th_write_text(writer, sql, 5, th_boot_stamp(boot)))
        return TH_WRITE_BROKEN;
    outcome =
        met(writer, op,
            th_write_judge(writer, op, th_write_run(writer, sql), "the create cannot be ended"),
            "create");
    if (outcome != TH_WRITE_DONE || !(made || op->create_state == TH_CREATE_ABSENT))
        return outcome;
    if (th_write_int(writer, secrets, 1, op->row) ||
        th_write_text(writer, secrets, 2, made ? op->trunk : NULL) ||
        th_write_text(writer, secrets, 3, writer->now))
        return TH_WRITE_BROKEN;
    return th_write_judge(writer, op, th_write_run(writer, secrets), "this is no trunk");
}
