#include "json/print.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/utf8.h"

/* --- JSON ------------------------------------------------------------------------------------- */

bool th_print_is_utf8(const char *text, size_t len)
{
    return th_utf8_span(text, len) == len;
}

int th_print_string(th_buf *out, const char *text, size_t len)
{
    const char *p = text, *end = p + len;
    int rc = th_buf_putc(out, '"');

    while (!rc && p < end) {
        size_t n = th_utf8_char(p, (size_t)(end - p));

        if (n == 0)
            rc = th_buf_puts(out, "\xef\xbf\xbd");
        else if (*p == '"' || *p == '\\')
            rc = th_buf_putc(out, '\\') || th_buf_putc(out, *p);
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            rc = th_buf_printf(out, "\\u%04x", (unsigned)*p);
        else
            rc = th_buf_append(out, p, n);
        p += n ? n : 1;
    }
    return rc || th_buf_putc(out, '"') ? -1 : 0;
}

static int begin_member(th_buf *out, const char *name)
{
    bool first = out->len == 0 || out->data[out->len - 1] == '\n' || out->data[out->len - 1] == ':';

    return th_buf_printf(out, "%c\"%s\":", first ? '{' : ',', name);
}

int th_print_member(th_buf *out, const char *name, const char *value)
{
    return begin_member(out, name) || th_print_string(out, value, strlen(value)) ? -1 : 0;
}

int th_print_member_or_null(th_buf *out, const char *name, const char *value)
{
    if (value[0])
        return th_print_member(out, name, value);
    return begin_member(out, name) || th_buf_puts(out, "null") ? -1 : 0;
}

int th_print_number(th_buf *out, const char *name, int64_t value)
{
    return begin_member(out, name) || th_buf_printf(out, "%lld", (long long)value) ? -1 : 0;
}

int th_print_json(th_buf *out, const char *name, const char *json)
{
    json_t *value = json[0] ? json_loads(json, JSON_DECODE_ANY, NULL) : json_null();
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    int rc = text ? (begin_member(out, name) || th_buf_puts(out, text) ? -1 : 0)
                  : th_print_member(out, name, json);

    free(text);
    json_decref(value);
    return rc;
}

/* --- for people ------------------------------------------------------------------------------- */

const char *th_print_time(const char *iso, char out[static 24])
{
    snprintf(out, 24, "%.19s", iso);
    if (strlen(out) == 19 && out[10] == 'T')
        out[10] = ' ';
    return out;
}

const char *th_print_seconds(double seconds, char out[static 32])
{
    long whole = (long)seconds;

    if (seconds < 0)
        out[0] = '\0';
    else if (seconds < 10)
        snprintf(out, 32, "%.1f s", seconds);
    else if (seconds < 60)
        snprintf(out, 32, "%ld s", whole);
    else if (seconds < 3600)
        snprintf(out, 32, "%ld min %ld s", whole / 60, whole % 60);
    else
        snprintf(out, 32, "%ld h %ld min", whole / 3600, whole / 60 % 60);
    return out;
}

void th_table_cell(struct th_table *table, const char *text)
{
    size_t at = table->cells.len;

    if (th_buf_append(&table->cells, text, strlen(text) + 1)) {
        table->failed = true;
        return;
    }
    for (char *p = table->cells.data + at; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    table->count++;
}

static int print_rows(const struct th_table *table, const size_t *widths, th_buf *out)
{
    const char *cell = table->cells.data;
    int rc = 0;

    for (size_t i = 0; i < table->count && !rc; i++, cell += strlen(cell) + 1) {
        size_t column = i % table->columns;
        size_t pad = widths[column] - th_columns(cell, strlen(cell)) + 2;

        rc = th_buf_puts(out, cell);
        if (!rc && column + 1 < table->columns)
            rc = th_buf_printf(out, "%*s", (int)pad, "");
        if (!rc && column + 1 == table->columns) {
            while (out->len && out->data[out->len - 1] == ' ')
                out->len--;
            rc = th_buf_putc(out, '\n');
        }
    }
    return rc;
}

int th_table_print(struct th_table *table, th_buf *out)
{
    size_t *widths = calloc(table->columns, sizeof *widths);
    const char *cell = table->cells.data;
    int rc = table->failed || !widths ? -1 : 0;

    for (size_t i = 0; !rc && i < table->count; i++, cell += strlen(cell) + 1) {
        size_t width = th_columns(cell, strlen(cell)), column = i % table->columns;

        if (width > widths[column])
            widths[column] = width;
    }
    if (!rc)
        rc = print_rows(table, widths, out);
    free(widths);
    th_buf_close(&table->cells);
    return rc;
}
