/* Which passwords the ledger keeps: all that may be live, and of the others the newest few. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger_world.h"
#include "test.h"

static void rotate(struct world *w, const char *text)
{
    world_set_state(w, world_add(w, "42", text), TH_CURRENT, "accepted");
}

WORLD_TEST(two_previous_passwords_stay_for_each_field)
{
    char text[8];

    world_open(w);
    world_set_state(w, world_add(w, "43", "other"), TH_CURRENT, "accepted");
    for (int i = 1; i <= 6; i++) {
        snprintf(text, sizeof text, "pass%d", i);
        rotate(w, text);
    }
    world_expect_rows(w, "current:other:accepted previous:pass4:accepted previous:pass5:accepted"
                         " current:pass6:accepted ");
}

WORLD_TEST(the_newest_previous_ones_stay_whatever_the_clock_said_when_they_were_replaced)
{
    world_open(w);
    rotate(w, "one");
    rotate(w, "two");
    assert_int_equal(
        world_change(w->path, "UPDATE secrets SET changed_at = '2099-01-01T00:00:00.000Z'"), 0);
    rotate(w, "three");
    assert_int_equal(world_change(w->path, "UPDATE secrets SET changed_at ="
                                           " '2099-01-01T00:00:00.000Z' WHERE state <> 'current'"),
                     0);
    rotate(w, "four");
    assert_int_equal(world_change(w->path, "UPDATE secrets SET changed_at ="
                                           " '2020-01-01T00:00:00.000Z' WHERE state = 'previous'"
                                           " AND id = (SELECT max(id) - 1 FROM secrets)"),
                     0);
    rotate(w, "five");
    world_expect_rows(w, "previous:three:accepted previous:four:accepted current:five:accepted ");
}

WORLD_TEST(how_many_stay_can_be_set)
{
    world_open(w);
    assert_int_equal(world_change(w->path, "INSERT INTO meta VALUES ('keep_previous', '1')"), 0);
    rotate(w, "one");
    rotate(w, "two");
    rotate(w, "three");
    world_expect_rows(w, "previous:two:accepted current:three:accepted ");
    assert_int_equal(world_change(w->path, "UPDATE meta SET value = 'nonsense' WHERE key ="
                                           " 'keep_previous'"),
                     0);
    rotate(w, "four");
    world_expect_rows(w, "previous:two:accepted previous:three:accepted current:four:accepted ");
}

WORLD_TEST(nothing_goes_before_the_new_one_is_proven)
{
    int64_t newest;

    world_open(w);
    rotate(w, "one");
    rotate(w, "two");
    rotate(w, "three");
    world_add(w, "42", "doubtful");
    newest = world_add(w, "42", "newest");
    world_set_state(w, newest, TH_CURRENT, NULL); /* without evidence */
    world_expect_rows(w, "previous:one:accepted previous:two:accepted previous:three:accepted"
                         " candidate:doubtful: current:newest: ");
    world_set_state(w, newest, TH_CURRENT, "registered");
    world_expect_rows(w, "previous:two:accepted previous:three:accepted"
                         " previous:doubtful:superseded current:newest:registered ");
}

WORLD_TEST(a_candidate_that_came_after_the_current_one_stays_a_candidate)
{
    int64_t first;

    world_open(w);
    first = world_add(w, "42", "first");
    world_add(w, "42", "later");
    world_set_state(w, first, TH_CURRENT, "accepted");
    for (int i = 0; i < 3; i++)
        world_set_state(w, first, TH_CURRENT, "registered");
    world_expect_rows(w, "current:first:registered candidate:later: ");
}

WORLD_TEST(doubtful_ones_do_not_push_out_what_was_really_live)
{
    world_open(w);
    rotate(w, "live1");
    rotate(w, "live2");
    for (int i = 0; i < 4; i++) {
        char text[16];

        snprintf(text, sizeof text, "doubtful%d", i);
        world_add(w, "42", text);
    }
    world_set_state(w, world_add(w, "42", "refused"), TH_REJECTED, "refused");
    rotate(w, "live3");
    world_expect_rows(w, "previous:live1:accepted previous:live2:accepted"
                         " previous:doubtful3:superseded rejected:refused:refused"
                         " current:live3:accepted ");
}

WORLD_TEST(creates_that_have_no_trunk_yet_never_end_each_other)
{
    world_open(w);
    for (int i = 0; i < 5; i++) {
        char text[16];

        snprintf(text, sizeof text, "create%d", i);
        world_set_state(w, world_add(w, "", text), i % 2 ? TH_CANDIDATE : TH_CURRENT, "accepted");
    }
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 5);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets WHERE state = 'current'"),
                     3);
}

WORLD_TEST(a_create_that_gets_its_trunk_ends_what_that_had)
{
    int64_t created;

    world_open(w);
    rotate(w, "one");
    rotate(w, "two");
    rotate(w, "three");
    world_add(w, "42", "doubtful");
    created = world_add(w, NULL, "created");
    world_set_state(w, created, TH_CURRENT, "accepted");
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_SECRET_TRUNK, .row = created, .trunk = "42"});
    world_expect_rows(w, "previous:two:accepted previous:three:accepted"
                         " previous:doubtful:superseded current:created:accepted ");
}

/* --- the same secret, sent again -------------------------------------------------------------- */

static int64_t add_again(struct world *w, int64_t row, th_secret *secret)
{
    th_ledger_op op = world_add_op("42", secret);

    op.row = row;
    return world_do(w, op);
}

WORLD_TEST(a_secret_that_is_sent_again_keeps_its_row_while_it_may_be_live)
{
    th_secret *secret = world_secret("again");
    int64_t row;

    world_open(w);
    row = add_again(w, 0, secret);
    assert_int_equal(add_again(w, row, secret), row);
    world_set_state(w, row, TH_CURRENT, "accepted");
    assert_int_equal(add_again(w, row, secret), row);
    world_expect_rows(w, "current:again:accepted ");
    th_secret_unref(secret);
}

WORLD_TEST(a_secret_that_is_sent_again_after_it_was_over_is_a_candidate_anew)
{
    th_secret *secret = world_secret("again");
    int64_t row, anew;

    world_open(w);
    row = add_again(w, 0, secret);
    world_set_state(w, row, TH_REJECTED, "refused");
    anew = add_again(w, row, secret);
    assert_true(anew > row);
    world_expect_rows(w, "rejected:again:refused candidate:again: ");
    world_set_state(w, anew, TH_CURRENT, "accepted");
    rotate(w, "other");
    assert_true(add_again(w, anew, secret) > anew);
    assert_true(add_again(w, 4711, secret) > anew); /* a row that was pruned meanwhile */
    world_expect_rows(w, "rejected:again:refused previous:again:accepted current:other:accepted"
                         " candidate:again: candidate:again: ");
    th_secret_unref(secret);
}

WORLD_TEST(a_candidate_that_another_has_followed_is_sent_again_as_the_newest)
{
    th_secret *secret = world_secret("again");
    int64_t row, other;

    world_open(w);
    row = add_again(w, 0, secret);
    other = world_add(w, "42", "other");
    assert_true(add_again(w, row, secret) > other);
    world_set_state(w, other, TH_CURRENT, "accepted"); /* does not end what was sent after it */
    world_expect_rows(w, "previous:again:superseded current:other:accepted candidate:again: ");
    th_secret_unref(secret);
}
