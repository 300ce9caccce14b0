/* Passwords of requests that are under way at the same time: none that may be live goes. */
#include <stdio.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger_world.h"
#include "test.h"

struct sending {
    int64_t attempt, row;
};

static void begin_run(struct world *w, const char *run, int64_t pid)
{
    char host[256] = "";

    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    world_do(
        w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = run, .host = host, .pid = (int)pid});
}

/* row: 0, or that of the same secret from before. */
static struct sending send_again(struct world *w, const char *run, const char *trunk,
                                 th_secret *secret, int64_t row)
{
    struct sending sent = {0};
    th_ledger_op op = world_add_op(trunk, secret);

    sent.attempt = world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                                              .run = run,
                                              .account = "famulor-prod",
                                              .trunk = trunk,
                                              .endpoint = "update",
                                              .method = "PUT"});
    op.run = run;
    op.attempt = &sent.attempt;
    op.row = row;
    sent.row = world_do(w, op);
    return sent;
}

static struct sending send_secret(struct world *w, const char *run, const char *text)
{
    th_secret *secret = world_secret(text);
    struct sending sent = send_again(w, run, "42", secret, 0);

    th_secret_unref(secret);
    return sent;
}

static void end(struct world *w, struct sending sent, enum th_attempt_state state)
{
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_END,
                               .row = sent.attempt,
                               .attempt_state = state,
                               .attempts = 1});
    if (state == TH_ATTEMPT_OK)
        world_set_state(w, sent.row, TH_CURRENT, "accepted");
    else if (state == TH_ATTEMPT_REFUSED)
        world_set_state(w, sent.row, TH_REJECTED, "refused");
}

WORLD_TEST(the_one_that_was_answered_last_is_current_and_the_others_stay)
{
    static const int order[] = {5, 2, 7, 1, 4, 0, 6, 3};
    struct sending sent[8];
    char text[8];

    world_open(w);
    begin_run(w, "r1", getpid());
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "pass%d", i);
        sent[i] = send_secret(w, "r1", text);
    }
    for (int i = 0; i < 8; i++)
        end(w, sent[order[i]], TH_ATTEMPT_OK);
    world_expect_rows(w, "previous:pass0:accepted previous:pass1:accepted previous:pass2:accepted"
                         " current:pass3:accepted previous:pass4:accepted previous:pass5:accepted"
                         " previous:pass6:accepted previous:pass7:accepted ");
    end(w, send_secret(w, "r1", "later"), TH_ATTEMPT_OK); /* after all of them: they are over */
    world_expect_rows(w, "previous:pass3:accepted previous:pass6:accepted current:later:accepted ");
}

WORLD_TEST(what_is_under_way_stays_a_candidate_when_a_newer_one_is_proven)
{
    struct sending first, second, third;

    world_open(w);
    assert_int_equal(world_change(w->path, "INSERT INTO meta VALUES ('keep_previous', '0')"), 0);
    begin_run(w, "r1", getpid());
    first = send_secret(w, "r1", "first");
    second = send_secret(w, "r1", "second");
    third = send_secret(w, "r1", "third");
    end(w, third, TH_ATTEMPT_OK);
    world_expect_rows(w, "candidate:first: candidate:second: current:third:accepted ");
    end(w, first, TH_ATTEMPT_AMBIGUOUS); /* it may have come after the third */
    world_set_state(w, third.row, TH_CURRENT, "registered");
    world_expect_rows(w, "candidate:first: candidate:second: current:third:registered ");
    end(w, second, TH_ATTEMPT_REFUSED);
    end(w, send_secret(w, "r1", "later"), TH_ATTEMPT_OK);
    world_expect_rows(w, "current:later:accepted ");
}

/* The first ended after the third was put on record, by a clock that was set back meanwhile. */
WORLD_TEST(what_was_under_way_stays_a_candidate_when_the_clock_was_set_back)
{
    struct sending first, second;

    world_open(w);
    assert_int_equal(world_change(w->path, "INSERT INTO meta VALUES ('keep_previous', '0')"), 0);
    begin_run(w, "r1", getpid());
    first = send_secret(w, "r1", "first");
    second = send_secret(w, "r1", "second");
    assert_int_equal(
        world_change(w->path, "UPDATE attempts SET started_at = '2099-01-01T00:00:00.000Z'"), 0);
    end(w, first, TH_ATTEMPT_AMBIGUOUS);
    end(w, second, TH_ATTEMPT_OK);
    world_expect_rows(w, "candidate:first: current:second:accepted ");
}

WORLD_TEST(one_in_doubt_that_had_ended_before_is_over)
{
    world_open(w);
    begin_run(w, "r1", getpid());
    end(w, send_secret(w, "r1", "doubtful"), TH_ATTEMPT_AMBIGUOUS);
    end(w, send_secret(w, "r1", "newer"), TH_ATTEMPT_OK);
    world_expect_rows(w, "previous:doubtful:superseded current:newer:accepted ");
}

WORLD_TEST(what_a_dead_run_had_under_way_is_over_when_a_newer_one_is_proven)
{
    world_open(w);
    begin_run(w, "r1", 0x3fffffff); /* no process has this number */
    begin_run(w, "r2", getpid());
    send_secret(w, "r1", "left");
    send_secret(w, "r2", "under way");
    end(w, send_secret(w, "r2", "newer"), TH_ATTEMPT_OK);
    world_expect_rows(w, "previous:left:superseded candidate:under way: current:newer:accepted ");
}

WORLD_TEST(a_secret_that_is_under_way_for_the_second_time_stays)
{
    th_secret *secret = world_secret("again");
    struct sending first, again;

    world_open(w);
    assert_int_equal(world_change(w->path, "INSERT INTO meta VALUES ('keep_previous', '0')"), 0);
    begin_run(w, "r1", getpid());
    first = send_again(w, "r1", "42", secret, 0);
    end(w, first, TH_ATTEMPT_OK);
    again = send_again(w, "r1", "42", secret, first.row);
    assert_int_equal(again.row, first.row);
    end(w, send_secret(w, "r1", "newer"), TH_ATTEMPT_OK);
    world_expect_rows(w, "previous:again:accepted current:newer:accepted ");
    end(w, again, TH_ATTEMPT_OK);
    world_expect_rows(w, "current:again:accepted previous:newer:accepted ");
    th_secret_unref(secret);
}

WORLD_TEST(a_superseded_one_can_still_be_proven)
{
    int64_t doubtful;

    world_open(w);
    doubtful = world_add(w, "42", "doubtful");
    world_set_state(w, world_add(w, "42", "newer"), TH_CURRENT, "accepted");
    world_set_state(w, doubtful, TH_CURRENT, NULL); /* what ended it is no proof of it */
    world_expect_rows(w, "current:doubtful: previous:newer:accepted ");
    world_set_state(w, doubtful, TH_CURRENT, "registered");
    world_expect_rows(w, "current:doubtful:registered previous:newer:accepted ");
}
