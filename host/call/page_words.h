/* What a reply that is no JSON says to people: the title of a page, or its text. */
#ifndef TH_PAGE_WORDS_H
#define TH_PAGE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* True when the text begins as HTML or XML does. */
bool th_page_is_markup(const char *text, size_t len);

/* Appends the title of the page (without one, its first heading), or the text when it is plain; in
 * one line, with single blanks. At most about TH_PAGE_WORDS bytes, which is more than a message
 * shows: a secret in what is shown is not cut. False, and nothing appended, when there are no such
 * words. What it quotes comes from elsewhere: hide secrets before you show it. */
enum { TH_PAGE_WORDS = 9600 };
bool th_page_words(const char *text, size_t len, th_buf *out);

#endif
