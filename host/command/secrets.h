/*
 * `trunkhost secrets init | export`: the ledger for people and for other programs.
 */
#ifndef TH_SECRETS_COMMAND_H
#define TH_SECRETS_COMMAND_H

/*
 * argv[0] is "secrets". ledger_path: what --ledger before the command names, or NULL for the
 * default. Writes to standard output, errors as one line to standard error. Returns the exit
 * status, 0 or 2.
 */
int th_secrets_command(int argc, char **argv, const char *ledger_path);

#endif
