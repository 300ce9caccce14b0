#include "secrets_output.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

/* Length of the UTF-8 sequence at p, 0 when it is not one (RFC 3629: shortest form, no surrogates).
 */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        unsigned first; /* the smallest code point that needs this length */
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t n = 1; n <= 4 && n <= left; n++) {
        unsigned code;

        if ((p[0] & forms[n - 1].mask) != forms[n - 1].lead)
            continue;
        code = p[0] & (unsigned char)~forms[n - 1].mask;
        for (size_t i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (p[i] & 0x3f);
        }
        if (code < forms[n - 1].first || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        return n;
    }
    return 0;
}

static bool is_utf8(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len;

    while (p < end) {
        size_t n = utf8_length(p, (size_t)(end - p));

        if (!n)
            return false;
        p += n;
    }
    return true;
}

/* A JSON string. A byte that is not UTF-8 becomes U+FFFD (names only: secrets are looked at
 * before). */
static int json_string(th_buf *out, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len;
    int rc = th_buf_putc(out, '"');

    while (!rc && p < end) {
        size_t n = utf8_length(p, (size_t)(end - p));

        if (n == 0)
            rc = th_buf_puts(out, "\xef\xbf\xbd");
        else if (*p == '"' || *p == '\\')
            rc = th_buf_putc(out, '\\') || th_buf_putc(out, (char)*p);
        else if (*p < 0x20 || *p == 0x7f)
            rc = th_buf_printf(out, "\\u%04x", *p);
        else
            rc = th_buf_append(out, p, n);
        p += n ? n : 1;
    }
    return rc || th_buf_putc(out, '"') ? -1 : 0;
}

static int json_member(th_buf *out, const char *name, const char *value)
{
    return th_buf_printf(out, "%c\"%s\":", strcmp(name, "account") == 0 ? '{' : ',', name) ||
                   json_string(out, value, strlen(value))
               ? -1
               : 0;
}

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
    bool plain = is_utf8(row->secret, row->secret_len);

    if (json_member(out, "account", row->account) || json_member(out, "trunk", row->trunk) ||
        json_member(out, "field", row->field) ||
        json_member(out, "state", th_secret_state_name(row->state)) ||
        th_buf_puts(out, ",\"secret\":"))
        return -1;
    if (plain ? json_string(out, row->secret, row->secret_len)
              : (th_buf_putc(out, '"') || append_base64(out, row->secret, row->secret_len) ||
                 th_buf_puts(out, "\",\"encoding\":\"base64\"")))
        return -1;
    if (json_member(out, "created_at", row->created_at) ||
        json_member(out, "evidence", row->evidence) || json_member(out, "run", row->run))
        return -1;
    return th_buf_puts(out, "}\n");
}

static int csv_cell(th_buf *out, const char *text, size_t len, char after)
{
    bool quote = len && (text[0] == ' ' || text[len - 1] == ' ');
    int rc = 0;

    for (size_t i = 0; i < len && !quote; i++)
        quote = text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r';
    if (!quote)
        return th_buf_append(out, text, len) || th_buf_putc(out, after) ? -1 : 0;
    rc = th_buf_putc(out, '"');
    for (size_t i = 0; i < len && !rc; i++)
        rc = (text[i] == '"' && th_buf_putc(out, '"')) || th_buf_putc(out, text[i]);
    return rc || th_buf_putc(out, '"') || th_buf_putc(out, after) ? -1 : 0;
}

int th_secrets_csv(th_buf *out, const struct th_ledger_secret_row *row)
{
    const char *state = th_secret_state_name(row->state);

    return csv_cell(out, row->account, strlen(row->account), ',') ||
                   csv_cell(out, row->trunk, strlen(row->trunk), ',') ||
                   csv_cell(out, row->field, strlen(row->field), ',') ||
                   csv_cell(out, state, strlen(state), ',') ||
                   csv_cell(out, row->secret, row->secret_len, ',') ||
                   csv_cell(out, row->created_at, strlen(row->created_at), ',') ||
                   csv_cell(out, row->evidence, strlen(row->evidence), ',') ||
                   csv_cell(out, row->run, strlen(row->run), '\n')
               ? -1
               : 0;
}

int th_secrets_csv_heading(th_buf *out)
{
    return th_buf_puts(out, "account,trunk,field,state,secret,created_at,evidence,run\n");
}
