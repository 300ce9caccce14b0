#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/redact_impl.h"

bool th_view_open(struct th_view *view, size_t n)
{
    *view = (struct th_view){.bytes = malloc(n + 1),
                             .from = malloc((n + 1) * sizeof *view->from),
                             .to = malloc((n + 1) * sizeof *view->to)};
    if (view->bytes && view->from && view->to)
        return true;
    view->len = 0;
    th_view_close(view);
    return false;
}

void th_view_close(struct th_view *view)
{
    if (view->bytes)
        sodium_memzero(view->bytes, view->len);
    free(view->bytes);
    free(view->from);
    free(view->to);
    *view = (struct th_view){0};
}

/* One byte that stands for in[at … end). */
static void put(struct th_view *out, const struct th_view *in, size_t at, size_t end,
                unsigned char byte)
{
    out->bytes[out->len] = byte;
    out->from[out->len] = in->from ? in->from[at] : (uint32_t)at;
    out->to[out->len] = in->to ? in->to[end - 1] : (uint32_t)end;
    out->len++;
}

/* A character that stands for in[at … end), which is at least as long. */
static void put_character(struct th_view *out, const struct th_view *in, size_t at, size_t end,
                          uint32_t code)
{
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)code, bytes);
    for (utf8proc_ssize_t i = 0; i < n; i++)
        put(out, in, at, end, bytes[i]);
}

static int hex(unsigned char c)
{
    return isdigit(c) ? c - '0' : isxdigit(c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* The number that `digits` hexadecimal digits at p make, or -1. */
static int32_t hex_number(const unsigned char *p, size_t left, size_t digits)
{
    int32_t number = 0;
    if (left < digits)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        int digit = hex(p[i]);
        if (digit < 0)
            return -1;
        number = number << 4 | digit;
    }
    return number;
}

/* Each returns how many bytes the escape at p takes, and what it stands for; 0: it is none. */

static size_t percent(const unsigned char *p, size_t left, uint32_t *code)
{
    int32_t byte = *p == '%' ? hex_number(p + 1, left - 1, 2) : -1;
    *code = (uint32_t)byte;
    return byte < 0 ? 0 : 3;
}

static size_t json_escape(const unsigned char *p, size_t left, uint32_t *code)
{
    static const char names[] = "\"\\/bfnrt'", stand[] = "\"\\/\b\f\n\r\t'";
    if (*p != '\\' || left < 2)
        return 0;
    const char *name = p[1] ? strchr(names, p[1]) : NULL;
    if (name) {
        *code = (unsigned char)stand[name - names];
        return 2;
    }
    int32_t unit = p[1] == 'x'                  ? hex_number(p + 2, left - 2, 2)
                   : p[1] == 'u' || p[1] == 'U' ? hex_number(p + 2, left - 2, 4)
                                                : -1;
    if (unit < 0)
        return 0;
    *code = (uint32_t)unit;
    size_t took = p[1] == 'x' ? 4 : 6;
    if (unit >= 0xd800 && unit < 0xdc00 && left >= 12 && p[6] == '\\' && p[7] == 'u') {
        int32_t low = hex_number(p + 8, left - 8, 4);
        if (low >= 0xdc00 && low < 0xe000) {
            *code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
            took = 12;
        }
    }
    return took;
}

/* The names of what a keyboard has, and from U+00A0 on those of Latin-1, in their order. */
static const struct {
    const char *name;
    char stands;
} entities[] = {
    {"amp", '&'},    {"AMP", '&'},    {"lt", '<'},     {"LT", '<'},      {"gt", '>'},
    {"GT", '>'},     {"quot", '"'},   {"QUOT", '"'},   {"apos", '\''},   {"sol", '/'},
    {"bsol", '\\'},  {"plus", '+'},   {"equals", '='}, {"colon", ':'},   {"semi", ';'},
    {"comma", ','},  {"period", '.'}, {"excl", '!'},   {"quest", '?'},   {"num", '#'},
    {"dollar", '$'}, {"percnt", '%'}, {"commat", '@'}, {"ast", '*'},     {"midast", '*'},
    {"lpar", '('},   {"rpar", ')'},   {"lsqb", '['},   {"lbrack", '['},  {"rsqb", ']'},
    {"rbrack", ']'}, {"lcub", '{'},   {"lbrace", '{'}, {"rcub", '}'},    {"rbrace", '}'},
    {"verbar", '|'}, {"vert", '|'},   {"Vert", '|'},   {"lowbar", '_'},  {"UnderBar", '_'},
    {"grave", '`'},  {"Hat", '^'},    {"Tab", '\t'},   {"NewLine", '\n'}};
static const char latin[] =
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn "
    "sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave "
    "Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml "
    "ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN "
    "szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave "
    "iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute "
    "ucirc uuml yacute thorn yuml ";

static bool named_entity(const unsigned char *name, size_t len, uint32_t *code)
{
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        if (strlen(entities[i].name) == len && memcmp(entities[i].name, name, len) == 0) {
            *code = (unsigned char)entities[i].stands;
            return true;
        }
    }
    *code = 0xa0;
    for (const char *at = latin; *at; ++*code) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, name, len) == 0)
            return true;
        at += n + 1;
    }
    return false;
}

/* "#39", "#x27" with the & before it; the ; behind it may be missing. */
static size_t numbered_entity(const unsigned char *p, size_t left, uint32_t *code)
{
    size_t at = 2;
    bool is_hex = left > 2 && (p[2] | 0x20) == 'x';
    at += is_hex;
    size_t first = at;
    for (*code = 0; at < left && at < first + 10; at++) {
        int digit = is_hex ? hex(p[at]) : isdigit(p[at]) ? p[at] - '0' : -1;
        if (digit < 0 || *code > 0x10ffff)
            break;
        *code = *code * (is_hex ? 16 : 10) + (uint32_t)digit;
    }
    if (at == first || *code > 0x10ffff)
        return 0;
    return at + (at < left && p[at] == ';');
}

static size_t html_entity(const unsigned char *p, size_t left, uint32_t *code)
{
    if (*p != '&' || left < 4)
        return 0;
    if (p[1] == '#')
        return numbered_entity(p, left, code);
    size_t len = 0;
    while (len < 10 && len + 1 < left && isalnum(p[1 + len]))
        len++;
    if (len + 1 >= left || p[1 + len] != ';' || !named_entity(p + 1, len, code))
        return 0;
    return len + 2;
}

static const char *signs_of(enum th_escape escape)
{
    static const char *const signs[] = {"%", "+", "\\", "&"};
    return signs[escape];
}

bool th_view_has(const struct th_view *view, enum th_escape escape)
{
    return memchr(view->bytes, signs_of(escape)[0], view->len) != NULL;
}

bool th_view_decode(const struct th_view *in, enum th_escape escape, struct th_view *out)
{
    bool any = false;
    out->len = 0;
    for (size_t at = 0, took; at < in->len; at += took) {
        const unsigned char *p = in->bytes + at;
        size_t left = in->len - at;
        uint32_t code = 0;
        took = escape == TH_ESCAPE_JSON   ? json_escape(p, left, &code)
               : escape == TH_ESCAPE_HTML ? html_entity(p, left, &code)
                                          : percent(p, left, &code);
        if (took > 0 && escape <= TH_ESCAPE_FORM)
            put(out, in, at, at + took, (unsigned char)code);
        else if (took > 0)
            put_character(out, in, at, at + took, code);
        else if (escape == TH_ESCAPE_FORM && *p == '+')
            put(out, in, at, at + (took = 1), ' ');
        else
            put(out, in, at, at + 1, *p);
        any |= took > 0;
        took += took == 0;
    }
    return any;
}

/* --- base64 ----------------------------------------------------------------------------------- */

static int digit64(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool th_is_base64(unsigned char c)
{
    return digit64(c) >= 0;
}

void th_view_base64(const struct th_view *in, size_t at, size_t end, struct th_view *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    out->len = 0;
    for (; at < end; at++) {
        bits = bits << 6 | (uint32_t)digit64(in->bytes[at]);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        /* The byte's first bits came with the character before this one. */
        put(out, in, at - 1, at + 1, (unsigned char)(bits >> held));
    }
}
