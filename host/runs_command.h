/*
 * `trunkhost runs`, `runs show`, `runs backup`: what ran, and what became of it.
 */
#ifndef TH_RUNS_COMMAND_H
#define TH_RUNS_COMMAND_H

#include "buf.h"
#include "ledger_view.h"

/* argv[0] is "runs". ledger_path: the ledger to look at. Writes to standard output, errors as one
 * line to standard error. Returns the exit status, 0 or 2. */
int th_runs_command(int argc, char **argv, const char *ledger_path);

/* --- runs_output.c: runs and items in words and as JSON; 0, or -1 when memory is short --- */

/* "rotate_passwords.lua --account all" */
int th_run_command_text(const struct th_run_row *row, th_buf *out);
/* "done", "some failed", "killed", … */
const char *th_run_result(const struct th_run_row *row);
/* "46 done, 1 failed" */
int th_run_counts(const struct th_run_row *row, th_buf *out);
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
