#include "sandbox/limits.h"

#include <stdlib.h>
#include <string.h>

int sb_windows_parse(const char *text, sb_window windows[SB_WINDOWS], size_t *count, th_error *err)
{
    const char *rest = text;
    *count = 0;
    if (strcmp(text, "none") == 0)
        return 0;
    for (;;) {
        char *end;
        size_t digits = strspn(rest, "0123456789");
        unsigned long requests = digits ? strtoul(rest, &end, 10) : 0;
        if (digits == 0 || digits > 7 || *end != '/' || requests == 0 || *count == SB_WINDOWS)
            break;
        rest = end + 1;
        if (strspn(rest, "0123456789.") == 0)
            break;
        double seconds = strtod(rest, &end);
        if (end != rest + strspn(rest, "0123456789.") || !(seconds >= 0.001 && seconds <= 86400))
            break;
        windows[(*count)++] = (sb_window){(unsigned)requests, (uint64_t)(seconds * 1e9)};
        if (*end == '\0')
            return 0;
        if (*end != '+')
            break;
        rest = end + 1;
    }
    return th_fail(
        err, TH_INVALID,
        "limits \"%s\" are not understood: say documented, none, or requests/seconds such as "
        "20/2 or 100/60+20/10 (at most %d windows)",
        text, SB_WINDOWS);
}

int sb_limit_init(sb_limit *limit, const sb_window *windows, size_t count, bool headers)
{
    *limit = (sb_limit){.nwindows = count, .headers = headers};
    for (size_t i = 0; i < count; i++) {
        limit->windows[i] = windows[i];
        if (windows[i].count > limit->size)
            limit->size = windows[i].count;
    }
    limit->arrivals = limit->size ? calloc(limit->size, sizeof *limit->arrivals) : NULL;
    return limit->size && !limit->arrivals ? -1 : 0;
}

void sb_limit_close(sb_limit *limit)
{
    free(limit->arrivals);
    *limit = (sb_limit){0};
}

void sb_limit_reset(sb_limit *limit)
{
    limit->accepted = 0;
}

/* The arrival of the n-th last accepted request, n = 1 the latest; n <= accepted, n <= size. */
static uint64_t nth_last(const sb_limit *limit, uint64_t n)
{
    return limit->size ? limit->arrivals[(limit->accepted - n) % limit->size] : 0;
}

/* How many accepted requests lie in the window that ends now. Arrivals are in order: bisect. */
static unsigned in_window(const sb_limit *limit, const sb_window *window, uint64_t now)
{
    uint64_t low = 0, high = limit->accepted < window->count ? limit->accepted : window->count;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (now - nth_last(limit, middle) < window->ns)
            low = middle;
        else
            high = middle - 1;
    }
    return (unsigned)low;
}

static sb_standing standing_of(const sb_limit *limit, const sb_window *window, uint64_t now)
{
    unsigned used = in_window(limit, window, now);
    sb_standing standing = {.limit = window->count, .remaining = window->count - used};
    standing.free_in = used ? nth_last(limit, used) + window->ns - now : window->ns;
    return standing;
}

bool sb_limit_admit(sb_limit *limit, uint64_t now, sb_standing *standing)
{
    bool admitted = true;
    *standing = (sb_standing){.limit = 0, .remaining = ~0u};
    for (size_t i = 0; i < limit->nwindows; i++)
        if (in_window(limit, &limit->windows[i], now) == limit->windows[i].count)
            admitted = false;
    if (admitted && limit->size)
        limit->arrivals[limit->accepted++ % limit->size] = now;
    for (size_t i = 0; i < limit->nwindows; i++) {
        sb_standing one = standing_of(limit, &limit->windows[i], now);
        if (one.remaining < standing->remaining ||
            (one.remaining == standing->remaining && one.free_in > standing->free_in))
            *standing = one;
    }
    return admitted;
}
