#include "json/print.h"

#include "base/utf8.h"
#include <string.h>

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
