#include "command/secrets_output.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "json/print.h"

/* Straight into the buffer: no copy of the secret lies anywhere else. */
static int append_base64(th_buf *out, const char *bytes, size_t len)
{
    size_t room = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);

    if (th_buf_reserve(out, room))
        return -1;
    sodium_bin2base64(out->data + out->len, room, (const unsigned char *)bytes, len,
                      sodium_base64_VARIANT_ORIGINAL);
    out->len += room - 1;
    return 0;
}

int th_secrets_json(th_buf *out, const struct th_ledger_secret_row *row)
{
    bool plain = th_print_is_utf8(row->secret, row->secret_len);

    if (th_print_member(out, "account", row->account) ||
        th_print_member(out, "trunk", row->trunk) || th_print_member(out, "field", row->field) ||
        th_print_member(out, "state", th_secret_state_name(row->state)) ||
        th_buf_puts(out, ",\"secret\":"))
        return -1;
    if (plain ? th_print_string(out, row->secret, row->secret_len)
              : (th_buf_putc(out, '"') || append_base64(out, row->secret, row->secret_len) ||
                 th_buf_puts(out, "\",\"encoding\":\"base64\"")))
        return -1;
    if (th_print_member(out, "created_at", row->created_at) ||
        th_print_member(out, "evidence", row->evidence) || th_print_member(out, "run", row->run))
        return -1;
    return th_buf_puts(out, "}\n");
}

/* On a terminal what would steer it is shown as \x1b; elsewhere the text is exact. */
static int csv_cell(th_buf *out, const char *text, size_t len, char after, bool terminal)
{
    bool quote = len && (text[0] == ' ' || text[len - 1] == ' ');
    int rc = 0;

    for (size_t i = 0; i < len && !quote; i++)
        quote = text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r';
    if (quote)
        rc = th_buf_putc(out, '"');
    for (size_t i = 0; i < len && !rc; i++) {
        unsigned char c = (unsigned char)text[i];

        if (terminal && (c < 0x20 || c == 0x7f))
            rc = th_buf_printf(out, "\\x%02x", c);
        else
            rc = (c == '"' && th_buf_putc(out, '"')) || th_buf_putc(out, text[i]);
    }
    return rc || (quote && th_buf_putc(out, '"')) || th_buf_putc(out, after) ? -1 : 0;
}

int th_secrets_csv(th_buf *out, const struct th_ledger_secret_row *row, bool terminal)
{
    const char *state = th_secret_state_name(row->state);

    return csv_cell(out, row->account, strlen(row->account), ',', terminal) ||
                   csv_cell(out, row->trunk, strlen(row->trunk), ',', terminal) ||
                   csv_cell(out, row->field, strlen(row->field), ',', terminal) ||
                   csv_cell(out, state, strlen(state), ',', terminal) ||
                   csv_cell(out, row->secret, row->secret_len, ',', terminal) ||
                   csv_cell(out, row->created_at, strlen(row->created_at), ',', terminal) ||
                   csv_cell(out, row->evidence, strlen(row->evidence), ',', terminal) ||
                   csv_cell(out, row->run, strlen(row->run), '\n', terminal)
               ? -1
               : 0;
}

int th_secrets_csv_heading(th_buf *out)
{
    return th_buf_puts(out, "account,trunk,field,state,secret,created_at,evidence,run\n");
}
