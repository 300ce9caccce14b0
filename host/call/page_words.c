#include "call/page_words.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static size_t blank(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    return i;
}

bool th_page_is_markup(const char *text, size_t len)
{
    size_t at = blank(text, len);
    return at < len && text[at] == '<';
}

/* Where the needle, in lower case, begins in the text; NULL: nowhere. */
static const char *find(const char *text, const char *end, const char *needle)
{
    size_t len = strlen(needle);
    for (; (size_t)(end - text) >= len; text++)
        if (strncasecmp(text, needle, len) == 0)
            return text;
    return NULL;
}

/* The character that "&amp;" stands for, and the length of that; '\0': none that is known. */
static char entity(const char *text, const char *end, size_t *len)
{
    static const struct {
        const char *name;
        char character;
    } known[] = {{"&amp;", '&'},  {"&lt;", '<'},    {"&gt;", '>'},  {"&quot;", '"'},
                 {"&#39;", '\''}, {"&apos;", '\''}, {"&nbsp;", ' '}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        *len = strlen(known[i].name);
        if ((size_t)(end - text) >= *len && strncasecmp(text, known[i].name, *len) == 0)
            return known[i].character;
    }
    return '\0';
}

/* Appends the text between the places as one line, without tags. Broken UTF-8 and control
 * characters become '?'. */
static bool append_line(const char *at, const char *end, bool markup, th_buf *out)
{
    const size_t start = out->len;
    bool gap = false;
    while (at < end && out->len - start < TH_PAGE_WORDS) {
        size_t n = 1;
        char c = *at;
        if (markup && c == '<') {
            const char *close = memchr(at, '>', (size_t)(end - at));
            at = close ? close + 1 : end;
            gap = true;
            continue;
        }
        char stands_for = markup && c == '&' ? entity(at, end, &n) : '\0';
        if (!stands_for) {
            n = (unsigned char)c < 0x80 ? 1 : th_utf8_char(at, (size_t)(end - at));
            stands_for = n == 0 ? '?' : c;
            n = n == 0 ? 1 : n;
        }
        if (n == 1 && strchr(" \t\r\n", stands_for) && stands_for) {
            gap = true;
        } else {
            if (gap && out->len > start)
                th_buf_putc(out, ' ');
            gap = false;
            if (n > 1 && (unsigned char)c >= 0x80)
                th_buf_append(out, at, n);
            else
                th_buf_putc(
                    out, (unsigned char)stands_for < 0x20 || stands_for == 0x7f ? '?' : stands_for);
        }
        at += n;
    }
    return out->len > start;
}

static bool append_element(const char *text, const char *end, const char *open, const char *close,
                           th_buf *out)
{
    const char *at = find(text, end, open);
    at = at ? memchr(at, '>', (size_t)(end - at)) : NULL;
    const char *stop = at ? find(at, end, close) : NULL;
    return stop && append_line(at + 1, stop, true, out);
}

bool th_page_words(const char *text, size_t len, th_buf *out)
{
    const char *end = text + len;
    if (th_page_is_markup(text, len))
        return append_element(text, end, "<title", "</title", out) ||
               append_element(text, end, "<h1", "</h1", out);
    for (const char *at = text; at < end; at++)
        if ((unsigned char)*at < 0x20 && (*at == '\0' || !strchr("\t\r\n", *at)))
            return false; /* not for people */
    return append_line(text, end, false, out);
}
