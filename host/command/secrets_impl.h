/* The commands below `trunkhost secrets`, each in a file of its own. argv[1] is the command's name;
 * ledger: what --ledger before the command names, or NULL. Each returns the exit status. */
#ifndef TH_SECRETS_IMPL_H
#define TH_SECRETS_IMPL_H

int th_secrets_init(int argc, char **argv, const char *ledger);
int th_secrets_export(int argc, char **argv, const char *ledger);
int th_secrets_show(int argc, char **argv, const char *ledger);
int th_secrets_rekey(int argc, char **argv, const char *ledger);

#endif
