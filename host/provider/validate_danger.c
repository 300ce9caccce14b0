/*
 * Promise 6: the changes that turn a mistake into an outage or a toll-fraud bill are refused unless
 * the caller names the field and says that it is meant.
 */
#include <stdio.h>
#include <string.h>

#include "provider/validate_impl.h"

enum { SHORTEST_V4 = 8, SHORTEST_V6 = 16 };

static bool granted(const th_check *c, const th_place *place)
{
    while (place->outer)
        place = place->outer;
    for (const char *const *grant = c->grants; grant && *grant; grant++)
        if (strcmp(*grant, place->name) == 0)
            return true;
    return false;
}

bool th_check_danger(th_check *c, const th_place *place, const char *what)
{
    if (granted(c, place))
        return false;
    const th_place *top = place;
    while (top->outer)
        top = top->outer;
    th_check_fault(c, place, "%s (refused unless %s is granted)", what, top->name);
    return true;
}

/* True when the range contains ::ffff:0:0/96, which is all of IPv4 written in IPv6. */
static bool covers_mapped(const th_range *range)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    int whole = range->prefix / 8, rest = range->prefix % 8;
    if (range->prefix > 96 || memcmp(range->address, mapped, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((range->address[whole] ^ mapped[whole]) >> (8 - rest)) == 0;
}

const char *th_admits_everyone(const char *text)
{
    static const unsigned char zero[16] = {0};
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    th_range range;
    if (!th_range_parse(text, true, &range))
        return NULL; /* a host name */
    size_t size = range.v6 ? 16 : 4;
    if (memcmp(range.address, zero, size) == 0 && (size_t)range.prefix == size * 8)
        return "is the address that stands for every sender";
    bool wide =
        range.v6 ? range.prefix < SHORTEST_V6 || covers_mapped(&range) : range.prefix < SHORTEST_V4;
    if (range.v6 && memcmp(range.address, mapped, sizeof mapped) == 0)
        wide = range.prefix - 96 < SHORTEST_V4;
    return wide ? "admits a large part of the internet" : NULL;
}
