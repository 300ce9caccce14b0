/*
 * How `trunkhost secrets export` writes a row: as a JSON line or a CSV line. The buffer must be
 * sensitive, because the secret goes into it.
 */
#ifndef TH_SECRETS_OUTPUT_H
#define TH_SECRETS_OUTPUT_H

#include "base/buf.h"
#include "ledger/ledger.h"

/*
 * Members account, trunk, field, state, secret, created_at, evidence, run, in this order. A secret
 * that is not UTF-8 cannot stand in JSON as it is: it is given in base64, with a further member
 * "encoding":"base64". Returns 0, or -1 when memory runs out.
 */
int th_secrets_json(th_buf *out, const struct th_ledger_secret_row *row);

/* The same columns (RFC 4180 quoting, LF at the end), the secret byte for byte; on a terminal control
 * characters are shown as \x1b. */
int th_secrets_csv(th_buf *out, const struct th_ledger_secret_row *row, bool terminal);
int th_secrets_csv_heading(th_buf *out);

#endif
