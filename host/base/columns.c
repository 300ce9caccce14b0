#include "base/columns.h"

#include <utf8proc.h>

/* Length of the character at `text`, and its columns. */
static size_t next(const char *text, size_t len, size_t *columns)
{
    utf8proc_int32_t code;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &code);
    *columns = n > 0 ? (size_t)utf8proc_charwidth(code) : 1;
    /* utf8proc calls a vowel sign that stands beside its letter narrow; terminals give it a column. */
    if (n > 0 && utf8proc_category(code) == UTF8PROC_CATEGORY_MC)
        *columns = 1;
    return n > 0 ? (size_t)n : 1;
}

size_t th_columns(const char *text, size_t len)
{
    size_t sum = 0, columns;
    for (size_t at = 0; at < len; sum += columns)
        at += next(text + at, len - at, &columns);
    return sum;
}

size_t th_columns_fit(const char *text, size_t len, size_t columns)
{
    size_t at = 0, taken = 0, width;
    while (at < len) {
        size_t n = next(text + at, len - at, &width);
        taken += width;
        if (taken > columns)
            break;
        at += n;
    }
    return at;
}
