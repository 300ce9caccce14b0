/*
 * `trunkhost explain TRUNK`: what happened to one trunk, as the ledger tells it, without secrets.
 */
#ifndef TH_EXPLAIN_COMMAND_H
#define TH_EXPLAIN_COMMAND_H

/* argv[0] is "explain". ledger_path: the ledger to look at. Writes to standard output, errors as
 * one line to standard error. Returns the exit status, 0 or 2. */
int th_explain_command(int argc, char **argv, const char *ledger_path);

#endif
