/* Strings and numbers. */
#include <lauxlib.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "json/read.h"
#include "json/state.h"

/* --- strings ---------------------------------------------------------------------------------- */

enum { PLAIN, QUOTE, BACKSLASH, CONTROL, WIDE };

static const unsigned char classes[256] = {
    [0 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = BACKSLASH, [0x80 ... 0xff] = WIDE};

/* The four hexadecimal digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
    char digits[5] = "";
    if (end - p < 4)
        return -1;
    memcpy(digits, p, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? (int)strtol(digits, NULL, 16) : -1;
}

enum { AS_IS = -1, BROKEN = -2 }; /* in place of a code point */

/* Broken text of n bytes. Returns n where it is to be marked; 0 after th_json_fail. */
static size_t broken(th_json_reader *r, const char *p, size_t n, int *code, const char *reason)
{
    *code = BROKEN;
    if (!r->mark)
        th_json_fail(r, p, reason);
    return r->mark ? n : 0;
}

/* The escape at p: its length, a pair of surrogates counting as one; 0 after th_json_fail. */
static size_t escape(th_json_reader *r, const char *p, int *code)
{
    static const char names[] = "\"\\/bfnrt";
    static const unsigned char codes[] = "\"\\/\b\f\n\r\t";
    if (r->end - p < 2)
        return th_json_fail(r, p, "the text ends inside a string");
    const char *name = memchr(names, p[1], sizeof names - 1);
    if (name) {
        *code = codes[name - names];
        return 2;
    }
    if (p[1] != 'u')
        return th_json_fail(r, p, "a backslash is followed by a character that is no escape");
    *code = hex4(p + 2, r->end);
    if (*code < 0)
        return th_json_fail(r, p, "\\u is not followed by four hexadecimal digits");
    if (*code < 0xd800 || *code >= 0xe000)
        return 6;
    int low = -1;
    if (*code < 0xdc00 && r->end - p >= 8 && p[6] == '\\' && p[7] == 'u')
        low = hex4(p + 8, r->end);
    if (low < 0xdc00 || low >= 0xe000)
        return broken(r, p, 6, code, "an escape is one half of a surrogate pair");
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* The character at p, which is no quote: its length, and what it stands for; 0 after th_json_fail. */
static size_t character(th_json_reader *r, const char *p, int *code)
{
    size_t n = 1;
    *code = AS_IS;
    switch (classes[(unsigned char)*p]) {
    case BACKSLASH:
        return escape(r, p, code);
    case CONTROL:
        return broken(r, p, 1, code, "a string holds a control character that is not escaped");
    case WIDE:
        n = th_utf8_char(p, (size_t)(r->end - p));
        return n ? n : broken(r, p, 1, code, "a string is not valid UTF-8");
    default:
        return n;
    }
}

/* Pushes the text from p to end, which was looked over, with what its characters stand for. */
static void push_changed(th_json_reader *r, const char *p, const char *end)
{
    const char *mark = r->mark ? r->mark : "?";
    const size_t mark_len = strlen(mark); /* nothing else becomes longer */
    luaL_Buffer buffer;
    char *begin = luaL_buffinitsize(r->L, &buffer, (size_t)(end - p) * mark_len), *to = begin;
    while (p < end) {
        int code;
        const size_t n = character(r, p, &code), len = code == BROKEN ? mark_len : n;
        if (code >= 0) {
            to += utf8proc_encode_char(code, (utf8proc_uint8_t *)to);
        } else {
            memcpy(to, code == BROKEN ? mark : p, len);
            to += len;
        }
        p += n;
    }
    luaL_pushresultsize(&buffer, (size_t)(to - begin));
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

bool th_json_read_string(th_json_reader *r)
{
    const char *open = r->p, *p = open + 1;
    bool changed = false;
    for (;;) {
        p += plain_words(p, (size_t)(r->end - p));
        while (p < r->end && classes[(unsigned char)*p] == PLAIN)
            p++;
        if (p == r->end)
            return th_json_fail(r, open, "a string has no closing quote");
        if (*p == '"')
            break;
        int code;
        const size_t n = character(r, p, &code);
        if (n == 0)
            return false;
        changed |= code != AS_IS;
        p += n;
    }
    if (changed)
        push_changed(r, open + 1, p);
    else
        lua_pushlstring(r->L, open + 1, (size_t)(p - open - 1));
    r->p = p + 1;
    return true;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static bool is_digit(const th_json_reader *r, const char *p)
{
    return p < r->end && *p >= '0' && *p <= '9';
}

static const char *skip_digits(const th_json_reader *r, const char *p)
{
    while (is_digit(r, p))
        p++;
    return p;
}

/* Pushes the integer of these digits: exactly, or not at all. */
static bool push_integer(th_json_reader *r, const char *digits, const char *end, bool negative)
{
    uint64_t value = 0;
    if (end - digits <= 19)
        for (const char *p = digits; p < end; p++)
            value = value * 10 + (unsigned)(*p - '0');
    if (end - digits > 19 || value > (uint64_t)INT64_MAX + negative)
        return th_json_fail(r, r->p, "an integer does not fit in 64 bits");
    if (value == 0 && negative)
        lua_pushnumber(r->L, -0.0);
    else
        lua_pushinteger(r->L, (lua_Integer)(negative ? 0 - value : value));
    return true;
}

/* Pushes a number with a point or an exponent. */
static bool push_fraction(th_json_reader *r, const char *end)
{
    const size_t len = (size_t)(end - r->p);
    char room[64] = "";
    const char *text = room;
    if (len < sizeof room)
        memcpy(room, r->p, len);
    else
        text = lua_pushlstring(r->L, r->p, len);
    const double number = strtod_l(text, NULL, th_json_c_locale());
    if (text != room)
        lua_pop(r->L, 1);
    if (!isfinite(number))
        return th_json_fail(r, r->p, "a number is too large for a double");
    /* Below 2^53 a double with an integral value is exactly what the text said. */
    if (fabs(number) < 0x1p53 && number == trunc(number) && !(number == 0 && signbit(number)))
        lua_pushinteger(r->L, (lua_Integer)number);
    else
        lua_pushnumber(r->L, number);
    return true;
}

bool th_json_read_number(th_json_reader *r)
{
    const bool negative = *r->p == '-';
    const char *digits = r->p + negative;
    const char *p = skip_digits(r, digits), *whole = p;
    if (p == digits)
        return th_json_fail(r, p, "a digit was expected after -");
    if (*digits == '0' && p - digits > 1)
        return th_json_fail(r, r->p, "a number starts with a superfluous 0");
    if (p < r->end && *p == '.') {
        if (!is_digit(r, ++p))
            return th_json_fail(r, p, "a digit was expected after the decimal point");
        p = skip_digits(r, p);
    }
    if (p < r->end && (*p | 0x20) == 'e') {
        p++;
        if (p < r->end && (*p == '-' || *p == '+'))
            p++;
        if (!is_digit(r, p))
            return th_json_fail(r, p, "a digit was expected in the exponent");
        p = skip_digits(r, p);
    }
    if (!(p == whole ? push_integer(r, digits, whole, negative) : push_fraction(r, p)))
        return false;
    r->p = p;
    return true;
}
