/*
 * The ledger's place in a program of the benchmarks that keeps no ledger: the same functions, and
 * nothing behind them. Linked into `trunkhost_without_ledger`, which is made for tests/bench/ledger
 * alone and never installed, so that one and the same script, engine and binding can be timed with
 * the ledger and without.
 *
 * What it leaves out is all that host/ledger/ledger.c and what is below it do for a run: the thread, the
 * copies of strings, sealing, SQL, fsync. What it keeps is the contract that callers lean on: rows
 * have numbers, and a callback comes from the loop, never from inside th_ledger_submit. The file
 * itself is made, with its tables, because a job looks into it before it starts.
 */
#include <stdlib.h>

#include "ledger/ledger.h"
#include "ledger/writer.h"

struct th_ledger {
    uv_idle_t hurry; /* keeps the loop from sleeping before the end of the turn */
    uv_check_t turn_end;
    unsigned handles;
    th_ledger_op *first, *last;
    int64_t rows;
};

static void answer(th_ledger *ledger)
{
    th_ledger_op *op = ledger->first;

    ledger->first = ledger->last = NULL;
    uv_idle_stop(&ledger->hurry);
    uv_check_stop(&ledger->turn_end);
    while (op) {
        th_ledger_op *next = op->next;

        op->next = NULL;
        op->result = 0;
        if (op->row == 0)
            op->row = ++ledger->rows;
        if (op->cb)
            op->cb(op);
        else
            free(op);
        op = next;
    }
}

static void on_turn_end(uv_check_t *check)
{
    answer(check->data);
}

static void on_hurry(uv_idle_t *idle)
{
    (void)idle; /* being active is all that it is for */
}

int th_ledger_open(uv_loop_t *loop, const char *path, th_ledger **out, th_error *err)
{
    th_ledger *ledger = calloc(1, sizeof *ledger);
    th_ledger_writer *writer = NULL;
    int rc;

    if (!ledger)
        return th_fail(err, TH_INVALID, "not enough memory");
    rc = th_ledger_writer_create(path, &writer, err);
    if (rc) {
        free(ledger);
        return rc;
    }
    th_ledger_writer_destroy(writer);
    uv_idle_init(loop, &ledger->hurry);
    uv_check_init(loop, &ledger->turn_end);
    ledger->hurry.data = ledger->turn_end.data = ledger;
    *out = ledger;
    return 0;
}

void th_ledger_submit(th_ledger *ledger, th_ledger_op *op)
{
    op->next = NULL;
    if (ledger->last) {
        ledger->last->next = op;
    } else {
        ledger->first = op;
        uv_idle_start(&ledger->hurry, on_hurry);
        uv_check_start(&ledger->turn_end, on_turn_end);
    }
    ledger->last = op;
}

void th_ledger_note(th_ledger *ledger, const th_ledger_op *what)
{
    (void)ledger;
    (void)what;
}

const th_error *th_ledger_failure(const th_ledger *ledger)
{
    (void)ledger;
    return NULL;
}

void th_ledger_stats(th_ledger *ledger, struct th_ledger_stats *out)
{
    (void)ledger;
    *out = (struct th_ledger_stats){0};
}

static void on_closed(uv_handle_t *handle)
{
    th_ledger *ledger = handle->data;

    if (--ledger->handles == 0)
        free(ledger);
}

void th_ledger_close(th_ledger *ledger)
{
    if (!ledger)
        return;
    while (ledger->first)
        answer(ledger);
    ledger->handles = 2;
    uv_close((uv_handle_t *)&ledger->hurry, on_closed);
    uv_close((uv_handle_t *)&ledger->turn_end, on_closed);
}
