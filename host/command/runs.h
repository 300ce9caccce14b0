/*
 * `trunkhost runs`, `runs show`, `runs backup`: what ran, and what became of it.
 */
#ifndef TH_RUNS_COMMAND_H
#define TH_RUNS_COMMAND_H

#include "base/buf.h"
#include "ledger/view.h"
#include "json/print.h"

/* argv[0] is "runs". ledger_path: the ledger to look at. Writes to standard output, errors as one
 * line to standard error. Returns the exit status, 0 or 2. */
int th_runs_command(int argc, char **argv, const char *ledger_path);

/* --- runs_output.c: runs and items in words and as JSON; 0, or -1 when memory runs out -------- */

/* "rotate_passwords.lua --account all" */
int th_run_command_text(const struct th_run_row *row, th_buf *out);
/* "done", "some failed", "killed", … */
const char *th_run_result(const struct th_run_row *row);
/* The state of an item in words: "done", …; of one that is running in a run that is over:
 * "half-way". */
const char *th_item_state_text(enum th_item_state state, bool over);
/* What is to be said of one that did not end although its run has; else "". */
const char *th_item_left_text(const struct th_item_row *row);
/* Its error, why it was skipped, or what is to be said of one that did not end. */
int th_item_note(const struct th_item_row *row, th_buf *out);
/* "46 done, 1 failed, 3 not tried" */
int th_run_counts(const struct th_run_row *row, th_buf *out);
/* A line for all that a person has to know of it besides: accounts that could not be listed, why it
 * was halted, how to go on. The table is empty before, and has one column then. */
int th_run_words(const struct th_run_row *row, struct th_table *table);
/* Seconds from one time to another; negative when one is not there. */
double th_run_seconds(const char *from, const char *to);
/* "refused (HTTP 422): …" of an item's error. */
int th_item_error_text(const char *error, th_buf *out);

/* One line each. event: NULL for none, as in `runs --json`. */
int th_run_json(const struct th_run_row *row, const char *event, th_buf *out);
int th_item_json(const struct th_item_row *row, th_buf *out);
int th_attempt_json(const struct th_attempt_row *row, th_buf *out);
int th_create_json(const struct th_create_row *row, th_buf *out);

#endif
