/*
 * The tokens of a strict JSON scan that need more than a character: strings and numbers.
 * Part of json_scan. Functions return false after th_json_fail.
 */
#ifndef TH_JSON_TOKEN_H
#define TH_JSON_TOKEN_H

#include "json/scan.h"

typedef struct th_json_cursor {
    const char *begin, *p, *end;
    th_json_scan *scan;
} th_json_cursor;

/* Record why the scan ends, and where: here, or at `at`. Always false. */
bool th_json_fail(th_json_cursor *c, const char *reason);
bool th_json_fail_at(th_json_cursor *c, const char *at, const char *reason);

/* Lists the text from `from` to here to be rewritten. */
bool th_json_edit_add(th_json_cursor *c, const char *from, enum th_json_edit_kind kind);

/* At the opening quote; moves behind the closing one. escaped: there is a backslash in it. */
bool th_json_string(th_json_cursor *c, bool *escaped);

/* At a digit or a minus sign; moves behind the number. */
bool th_json_number(th_json_cursor *c);

#endif
