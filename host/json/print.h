/*
 * What the commands print: JSON lines for programs, tables for people.
 */
#ifndef TH_PRINT_H
#define TH_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* All that append return 0, or -1 when memory runs out. */

/* Whether the bytes are UTF-8 (RFC 3629). */
bool th_print_is_utf8(const char *text, size_t len);

/* A JSON string. A byte that is not UTF-8 becomes U+FFFD. */
int th_print_string(th_buf *out, const char *text, size_t len);

/* Members of an object: {"name":value, or ,"name":value behind others. */
int th_print_member(th_buf *out, const char *name, const char *value);
/* The same, but null for "". */
int th_print_member_or_null(th_buf *out, const char *name, const char *value);
int th_print_number(th_buf *out, const char *name, int64_t value);
/* A value that is JSON already; null for "", a string when it is none after all. */
int th_print_json(th_buf *out, const char *name, const char *json);

/* "2025-01-31 23:59:59" of "2025-01-31T23:59:59.123Z" into a buffer of 24; "" for "". */
const char *th_print_time(const char *iso, char out[static 24]);
/* "1.2 s", "3 min 20 s", "2 h 5 min" into a buffer of 32; "" for less than 0. */
const char *th_print_seconds(double seconds, char out[static 32]);

/*
 * A table whose columns are as wide as what is in them; the last one is open. Cells come row by
 * row. What would steer a terminal is shown as a question mark.
 */
struct th_table {
    size_t columns;
    th_buf cells; /* each ends with a NUL */
    size_t count;
    bool failed; /* memory was short */
};

void th_table_cell(struct th_table *table, const char *text);
/* Appends it to out and frees it. */
int th_table_print(struct th_table *table, th_buf *out);

#endif
