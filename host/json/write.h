/*
 * The text side of JSON encoding: what lua-cjson made becomes the text that is sent. Part of json.
 */
#ifndef TH_JSON_WRITE_H
#define TH_JSON_WRITE_H

#include "base/buf.h"
#include "base/secret.h"

/*
 * A value that lua-cjson cannot carry travels through it as a string that starts with this byte. It
 * cannot be forged: it never occurs in UTF-8, and text that is not UTF-8 is refused.
 */
#define TH_JSON_MARK '\xff'

/*
 * Marks in the text that lua-cjson made, each in a string that starts with TH_JSON_MARK:
 * E an empty array; N followed by the text of a number; S followed by the index of a secret.
 */
enum { TH_JSON_MARK_EMPTY = 'E', TH_JSON_MARK_NUMBER = 'N', TH_JSON_MARK_SECRET = 'S' };

/* Appends text to out with the marks replaced and without lua-cjson's needless "\/". */
int th_json_write_spliced(th_buf *out, const char *text, size_t len, th_secret *const *secrets);

/* Appends compact JSON to out, indented by two spaces a level. */
int th_json_write_indented(th_buf *out, const char *text, size_t len);

#endif
