/*
 * JSON as `trunkhost secrets` and the log print it, member by member.
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

#endif
