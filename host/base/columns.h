/*
 * How many columns a text takes on a terminal: a letter one, most East Asian characters and emoji
 * two, a combining mark none. The one measure of the program, by Unicode's tables (utf8proc),
 * whatever the locale: cron has none.
 */
#ifndef TH_COLUMNS_H
#define TH_COLUMNS_H

#include <stddef.h>

/* Columns of the first `len` bytes. A byte that is not UTF-8 counts as one column. */
size_t th_columns(const char *text, size_t len);
/* Bytes at the beginning of the text that fill at most `columns` columns. Marks that belong to the
 * last character come with it. */
size_t th_columns_fit(const char *text, size_t len, size_t columns);

#endif
