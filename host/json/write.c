#include "json/write.h"

#include <stdlib.h>
#include <string.h>

/* The bytes as the inside of a JSON string. They are valid UTF-8 already. */
static int write_escaped(th_buf *out, const char *p, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    if (th_buf_reserve(out, n * 6) < 0) /* every byte as \u00xx: appending cannot fail below */
        return -1;
    for (; n > 0; p++, n--) {
        unsigned char ch = (unsigned char)*p;
        if (ch == '"' || ch == '\\')
            th_buf_putc(out, '\\');
        if (ch >= 0x20) {
            th_buf_putc(out, *p);
        } else {
            const char escape[6] = {'\\', 'u', '0', '0', hex[ch >> 4], hex[ch & 15]};
            th_buf_append(out, escape, sizeof escape);
        }
    }
    return 0;
}

/* p: behind the mark's first byte; end: its closing quote. */
static int write_mark(th_buf *out, const char *p, const char *end, th_secret *const *secrets)
{
    switch (*p++) {
    case TH_JSON_MARK_EMPTY:
        return th_buf_append(out, "[]", 2);
    case TH_JSON_MARK_NUMBER:
        return th_buf_append(out, p, (size_t)(end - p));
    default: {
        size_t len;
        const char *bytes = th_secret_bytes(secrets[strtoul(p, NULL, 10)], &len);
        if (th_buf_putc(out, '"') < 0 || write_escaped(out, bytes, len) < 0)
            return -1;
        return th_buf_putc(out, '"');
    }
    }
}

int th_json_write_spliced(th_buf *out, const char *text, size_t len, th_secret *const *secrets)
{
    const char *end = text + len, *done = text;
    if (th_buf_reserve(out, len) < 0)
        return -1;
    for (const char *p = text; p < end;) {
        if (*p == '\\') {
            if (p[1] == '/') {
                if (th_buf_append(out, done, (size_t)(p - done)) < 0)
                    return -1;
                done = p + 1;
            }
            p += 2;
        } else if (*p == TH_JSON_MARK) {
            /* `"` mark … `"`: both quotes go with it */
            const char *close = memchr(p, '"', (size_t)(end - p));
            if (th_buf_append(out, done, (size_t)(p - 1 - done)) < 0 ||
                write_mark(out, p + 1, close, secrets) < 0)
                return -1;
            p = done = close + 1;
        } else {
            p++;
        }
    }
    return th_buf_append(out, done, (size_t)(end - done));
}

static int newline(th_buf *out, size_t depth)
{
    if (th_buf_reserve(out, 1 + 2 * depth) < 0)
        return -1;
    th_buf_putc(out, '\n');
    memset(out->data + out->len, ' ', 2 * depth);
    out->len += 2 * depth;
    out->data[out->len] = '\0';
    return 0;
}

/* Where the string that starts at p ends (behind its closing quote). */
static const char *string_end(const char *p)
{
    for (p++; *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p + 1;
}

int th_json_write_indented(th_buf *out, const char *text, size_t len)
{
    size_t depth = 0;
    const char *end = text + len;
    int rc = 0;
    for (const char *p = text; p < end && rc == 0;) {
        const char *next = p + 1;
        switch (*p) {
        case '"':
            next = string_end(p);
            rc = th_buf_append(out, p, (size_t)(next - p));
            break;
        case '{':
        case '[':
            rc = th_buf_putc(out, *p);
            if (*next == '}' || *next == ']')
                rc = rc ? rc : th_buf_putc(out, *next++);
            else
                rc = rc ? rc : newline(out, ++depth);
            break;
        case '}':
        case ']':
            rc = newline(out, --depth);
            rc = rc ? rc : th_buf_putc(out, *p);
            break;
        case ',':
            rc = th_buf_putc(out, *p);
            rc = rc ? rc : newline(out, depth);
            break;
        case ':':
            rc = th_buf_append(out, ": ", 2);
            break;
        default:
            rc = th_buf_putc(out, *p);
        }
        p = next;
    }
    return rc;
}
