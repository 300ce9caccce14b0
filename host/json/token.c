#include "json/token.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

bool th_json_fail_at(th_json_cursor *c, const char *at, const char *reason)
{
    c->scan->reason = reason;
    c->scan->offset = (size_t)(at - c->begin);
    return false;
}

bool th_json_fail(th_json_cursor *c, const char *reason)
{
    return th_json_fail_at(c, c->p, reason);
}

static bool digit(const th_json_cursor *c)
{
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

bool th_json_edit_add(th_json_cursor *c, const char *from, enum th_json_edit_kind kind)
{
    th_json_scan *s = c->scan;
    if (s->nedits == s->edits_cap) {
        size_t cap = s->edits_cap ? s->edits_cap * 2 : 16;
        th_json_edit *more = realloc(s->edits, cap * sizeof *more);
        if (!more)
            return th_json_fail(c, "there is not enough memory to read it");
        s->edits = more;
        s->edits_cap = cap;
    }
    s->edits[s->nedits++] = (th_json_edit){
        .offset = (uint32_t)(from - c->begin), .len = (uint32_t)(c->p - from), .kind = kind};
    return true;
}

/* --- strings ---------------------------------------------------------------------------------- */

enum { PLAIN, QUOTE, BACKSLASH, CONTROL, WIDE };

static const unsigned char classes[256] = {
    [0 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = BACKSLASH, [0x80 ... 0xff] = WIDE};

/* The four digits after \u, or -1. */
static int hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char ch = p[i];
        int d = ch >= '0' && ch <= '9'   ? ch - '0'
                : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                         : -1;
        if (d < 0)
            return -1;
        value = value * 16 + d;
    }
    return value;
}

/* At a backslash; moves behind the escape, a pair of surrogates counting as one. */
static bool escape(th_json_cursor *c)
{
    if (c->end - c->p < 2)
        return th_json_fail(c, "the text ends inside a string");
    if (c->p[1] != 'u') {
        if (!c->p[1] || !strchr("\"\\/bfnrt", c->p[1]))
            return th_json_fail(c, "a backslash is followed by a character that is no escape");
        c->p += 2;
        return true;
    }
    int unit = hex4(c->p + 2, c->end);
    if (unit < 0)
        return th_json_fail(c, "\\u is not followed by four hexadecimal digits");
    if (unit >= 0xd800 && unit < 0xe000) {
        int low = -1;
        if (unit < 0xdc00 && c->end - c->p >= 8 && c->p[6] == '\\' && c->p[7] == 'u')
            low = hex4(c->p + 8, c->end);
        if (low < 0xdc00 || low >= 0xe000)
            return th_json_fail(c, "an escape is one half of a surrogate pair");
        c->p += 6;
    }
    c->p += 6;
    return true;
}

/* How many of the n bytes are certainly plain, looked at eight at a time: a lower bound. The top
 * bit of a byte of `odd` is set where one is that is not; behind the first of them it may be wrong.
 */
static size_t plain_words(const char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (uint64_t word; n - i >= sizeof word; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        uint64_t odd = ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & tops;
        if (odd == 0)
            continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        i += (size_t)__builtin_ctzll(odd) / 8;
#endif
        break;
    }
    return i;
}

/* At the opening quote; moves behind the closing one. */
bool th_json_string(th_json_cursor *c, bool *escaped)
{
    const char *open = c->p++;
    *escaped = false;
    for (;;) {
        c->p += plain_words(c->p, (size_t)(c->end - c->p));
        while (c->p < c->end && classes[(unsigned char)*c->p] == PLAIN)
            c->p++;
        if (c->p == c->end)
            return th_json_fail_at(c, open, "a string has no closing quote");
        size_t n;
        switch (classes[(unsigned char)*c->p]) {
        case QUOTE:
            c->p++;
            return true;
        case BACKSLASH:
            *escaped = true;
            if (!escape(c))
                return false;
            break;
        case CONTROL:
            return th_json_fail(c, "a string holds a control character that is not escaped");
        default:
            n = th_utf8_char(c->p, (size_t)(c->end - c->p));
            if (n == 0)
                return th_json_fail(c, "a string is not valid UTF-8");
            c->p += n;
        }
    }
}

/* --- numbers ---------------------------------------------------------------------------------- */

static bool fits_in_64_bits(const char *digits, size_t n, bool negative)
{
    if (n > 19)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (unsigned)(digits[i] - '0');
    return value <= (uint64_t)INT64_MAX + negative;
}

/*
 * Whether digits (with a point among them) times 10^exponent is a finite double. The place of the
 * first digit decides nearly always; only around 1.8e308 the digits count. They go to strtod
 * without their point, which it would take from the locale, and cut after 40: the 9 in place of the
 * rest makes sure that what is cut off cannot turn a finite number into an infinite one.
 */
static bool is_finite(const char *p, const char *end, int64_t exponent)
{
    char digits[64];
    size_t n = 0;
    bool point = false;
    int64_t magnitude = exponent; /* value < 10^magnitude */
    for (; p < end; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (n > 0 || *p != '0') {
            if (n < 40)
                digits[n++] = *p;
            else if (n == 40)
                digits[n++] = '9';
            magnitude += !point;
        } else {
            magnitude -= point;
        }
    }
    if (n == 0 || magnitude < 309)
        return true;
    if (magnitude > 309)
        return false;
    digits[n] = 'e';
    int left = 309 - (int)n, at = (int)n + 1;
    digits[at++] = (char)('0' + left / 100);
    digits[at++] = (char)('0' + left / 10 % 10);
    digits[at++] = (char)('0' + left % 10);
    digits[at] = '\0';
    return strtod(digits, NULL) <= DBL_MAX;
}

bool th_json_number(th_json_cursor *c)
{
    const char *start = c->p;
    bool negative = *c->p == '-';
    c->p += negative;
    const char *digits = c->p;
    if (!digit(c))
        return th_json_fail(c, "a digit was expected after -");
    while (digit(c))
        c->p++;
    size_t n = (size_t)(c->p - digits);
    if (*digits == '0' && n > 1)
        return th_json_fail_at(c, start, "a number starts with a superfluous 0");
    c->scan->numbers = true;

    const char *end = c->p;
    bool integral = true;
    if (c->p < c->end && *c->p == '.') {
        integral = false;
        c->p++;
        if (!digit(c))
            return th_json_fail(c, "a digit was expected after the decimal point");
        while (digit(c))
            c->p++;
        end = c->p;
    }
    int64_t exponent = 0;
    if (c->p < c->end && (*c->p | 0x20) == 'e') {
        integral = false;
        c->p++;
        bool minus = c->p < c->end && *c->p == '-';
        if (c->p < c->end && (*c->p == '-' || *c->p == '+'))
            c->p++;
        if (!digit(c))
            return th_json_fail(c, "a digit was expected in the exponent");
        for (; digit(c); c->p++)
            if (exponent <
                INT64_C(100000000000)) /* beyond what any number of digits makes up for */
                exponent = exponent * 10 + (*c->p - '0');
        if (minus)
            exponent = -exponent;
    }
    if (!integral)
        return is_finite(digits, end, exponent) ||
               th_json_fail_at(c, start, "a number is too large for a double");
    if (n <= 15)
        return true;
    if (!fits_in_64_bits(digits, n, negative))
        return th_json_fail_at(c, start, "an integer does not fit in 64 bits");
    return th_json_edit_add(c, start, TH_JSON_INTEGER);
}
