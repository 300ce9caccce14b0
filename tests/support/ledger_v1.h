/*
 * A ledger as the first trunkhost wrote it, with its private key.
 */
#ifndef TH_TEST_LEDGER_V1_H
#define TH_TEST_LEDGER_V1_H

/* The run that was killed in it. */
#define LEDGER_V1_KILLED "20261120T063953Z-b6f75d"

void ledger_v1_make(const char *path, const char *key);

#endif
