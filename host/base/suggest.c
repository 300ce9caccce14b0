#include "base/suggest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { LONGEST = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++) {
        before[j] = j;
        above[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = above[j - 1] + !same(a[i - 1], b[j - 1]);
            d = least(d, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                d = least(d, before[j - 2] + 1);
            row[j] = d;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[nb];
}

const char *th_suggest(const char *name, const char *const *known)
{
    size_t len = strlen(name);
    if (len == 0 || len > LONGEST)
        return NULL;
    const char *best = NULL;
    size_t best_distance = len < 6 ? 1 : len / 3; /* a third of the letters may be wrong */
    for (; *known; known++) {
        size_t n = strlen(*known);
        if (n > LONGEST)
            continue;
        size_t d = distance(name, len, *known, n);
        if (d <= best_distance && (!best || d < best_distance) && d < n) {
            best = *known;
            best_distance = d;
        }
    }
    return best;
}
