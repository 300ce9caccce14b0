#include "base/mangled.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

static bool is_error_value(const char *text)
{
    if (strncmp(text, "Err:", 4) == 0)
        return text[4] && !text[4 + digits(text + 4)];
    size_t len = strlen(text);
    if (len < 3 || text[0] != '#')
        return false;
    if (strcmp(text, "#N/A") == 0 || strcmp(text, "#NV") == 0 || text[strspn(text, "#")] == '\0')
        return true; /* only hashes: the column was too narrow when somebody copied it */
    for (size_t i = 1; i < len - 1; i++) {
        unsigned char ch = (unsigned char)text[i];
        if (ch < 0x80 && !isupper(ch) && !isdigit(ch) && !strchr("/_", ch))
            return false;
    }
    return text[len - 1] == '!' || text[len - 1] == '?';
}

/* 4.93E+10; without the sign only where there is a fraction. */
static bool is_rounded(const char *text)
{
    text += *text == '+' || *text == '-';
    size_t whole = digits(text), fraction = 0;
    text += whole;
    if (*text == '.' || *text == ',') {
        fraction = digits(text + 1);
        text += 1 + fraction;
    }
    if (whole == 0 || (*text != 'E' && *text != 'e'))
        return false;
    text++;
    bool sign = *text == '+' || *text == '-';
    text += sign;
    return (sign || fraction > 0) && *text && !text[digits(text)];
}

static bool is_truth_value(const char *text)
{
    static const char *const words[] = {"TRUE",   "FALSE",     "WAHR",  "FALSCH", "VRAI",
                                        "FAUX",   "VERDADERO", "FALSO", "VERO",   "WAAR",
                                        "ONWAAR", "PRAWDA",    NULL};
    for (size_t i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

const char *th_mangled_text(const char *text)
{
    if (is_error_value(text))
        return "is an error value of a spreadsheet";
    if (is_rounded(text))
        return "is a rounded number, as a spreadsheet writes a long one";
    if (is_truth_value(text))
        return "is a truth value of a spreadsheet";
    return NULL;
}

static bool is_fraction(const char *text)
{
    size_t whole = digits(text);
    if (whole == 0 || (text[whole] != '.' && text[whole] != ','))
        return false;
    size_t fraction = digits(text + whole + 1);
    /* Three digits may be a group of a number that somebody has typed with points. */
    return fraction > 0 && fraction != 3 && !text[whole + 1 + fraction];
}

/* The length of a month's name, or 0. */
static size_t month(const char *text)
{
    static const char *const names[] = {"jan", "feb", "mar", "mrz", "mär", "apr",
                                        "may", "mai", "jun", "jul", "aug", "sep",
                                        "oct", "okt", "nov", "dec", "dez", NULL};
    for (size_t i = 0; names[i]; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(text, names[i], len) == 0) {
            while (isalpha((unsigned char)text[len]))
                len++;
            return len <= strlen("september") ? len : 0;
        }
    }
    return 0;
}

static bool is_number_of(const char *text, size_t len, size_t least, size_t most)
{
    return len >= least && len <= most && digits(text) >= len;
}

static bool is_date(const char *text)
{
    size_t a = digits(text), name;
    if (a == 0 && (name = month(text)) > 0) { /* Mar-24 */
        const char *year = text + name + strspn(text + name, "-. ");
        size_t len = strlen(year);
        return year > text + name && is_number_of(year, len, 1, 4);
    }
    const char *rest = text + a;
    if (a == 0 || !*rest || !strchr("-/. ", *rest))
        return false;
    const char *second = rest + strspn(rest, "-/. ");
    if (a <= 2 && (name = month(second)) > 0) { /* 24-Mar, 24. Mrz 26 */
        const char *year = second + name + strspn(second + name, "-. ");
        return !*year || is_number_of(year, strlen(year), 2, 4);
    }
    size_t b = digits(second);
    const char *third = second + b;
    if (b < 1 || b > 2 || *third != *rest || second != rest + 1)
        return false;
    size_t c = strlen(++third);
    return a == 4 ? *rest == '-' && b == 2 && is_number_of(third, c, 2, 2)
                  : a <= 2 && *rest != '-' &&
                        (is_number_of(third, c, 2, 2) || is_number_of(third, c, 4, 4));
}

const char *th_mangled_number(const char *text)
{
    const char *why = th_mangled_text(text);
    if (why)
        return why;
    if (is_fraction(text))
        return "is a number with a fraction";
    return is_date(text) ? "is a date, as a spreadsheet makes of two numbers" : NULL;
}
