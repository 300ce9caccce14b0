/* Guests of a run: the order in which they close, and who may leave meanwhile. */
#include "runtime/guest.h"

#include <string.h>

#include "test.h"

/* What was called, in order: capitals closed, small letters destroyed. */
static char calls[16];

struct named {
    th_guest base; /* first */
    char name;
    bool stuck;
    th_guest *other; /* leaves while this one closes */
};

static void called(char name)
{
    calls[strlen(calls)] = name;
}

static bool closes(th_guest *guest)
{
    const struct named *named = (struct named *)guest;
    called(named->name);
    if (named->other)
        th_guest_remove(named->other);
    return !named->stuck;
}

static void destroyed(th_guest *guest)
{
    called((char)(((struct named *)guest)->name + ('a' - 'A')));
}

static void enter(th_guests *guests, struct named *a, struct named *b, struct named *c)
{
    struct named *all[] = {a, b, c};
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 3; i++) {
        all[i]->name = (char)('A' + i);
        all[i]->base.close = closes;
        all[i]->base.destroy = destroyed;
        th_guest_add(guests, &all[i]->base);
    }
}

TEST(the_newest_guest_closes_first_and_all_are_destroyed_afterwards)
{
    th_guests guests = {0};
    struct named a = {0}, b = {0}, c = {0};
    enter(&guests, &a, &b, &c);
    assert_true(th_guests_close(&guests));
    assert_string_equal(calls, "CBA");
    th_guests_destroy(&guests);
    assert_int_equal(strlen(calls), 6);
    assert_true(strchr(calls, 'a') && strchr(calls, 'b') && strchr(calls, 'c'));
}

TEST(one_that_does_not_end_keeps_no_other_from_closing)
{
    th_guests guests = {0};
    struct named a = {0}, b = {.stuck = true}, c = {0};
    enter(&guests, &a, &b, &c);
    assert_false(th_guests_close(&guests));
    assert_string_equal(calls, "CBA");
}

TEST(a_guest_may_leave_at_any_time_also_while_another_closes)
{
    th_guests guests = {0};
    struct named a = {0}, b = {0}, c = {.other = &b.base};
    enter(&guests, &a, &b, &c);
    assert_true(th_guests_close(&guests));
    assert_string_equal(calls, "CA");
    th_guest_remove(&b.base); /* it is in no list */
    th_guest_remove(&a.base); /* it has closed */
    th_guests_destroy(&guests);
    assert_string_equal(calls, "CAc");
}
