/* What is written together: operations of concurrent items share a commit, and a sync of the disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/writer.h"
#include "ledger_world.h"
#include "test.h"
#include "watched_disk.h"

/* --- a rotation, as a job does it: so many items at a time, each waiting for the disk twice --- */

enum { ITEMS = 320, AT_ONCE = 32 };

struct rotation {
    th_ledger *ledger;
    th_secret *secret;
    int begun, ended, failed;
};

struct item {
    struct rotation *rotation;
    char trunk[12];
    th_ledger_op begin, attempt, add;
};

static void begin_next(struct item *item);

static void ignore(th_ledger_op *op)
{
    (void)op; /* the password is written with it */
}

/* The platform has answered at once: what nobody waits for, and the next item in its place. */
static void sent(th_ledger_op *op)
{
    struct item *item = op->ctx;
    struct rotation *rotation = item->rotation;

    rotation->failed += item->attempt.result || item->add.result;
    th_ledger_note(rotation->ledger, &(th_ledger_op){.verb = TH_LEDGER_ATTEMPT_END,
                                                     .row = item->attempt.row,
                                                     .attempt_state = TH_ATTEMPT_OK,
                                                     .attempts = 1,
                                                     .status = 200});
    for (int i = 0; i < 2; i++)
        th_ledger_note(rotation->ledger,
                       &(th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                       .row = item->add.row,
                                       .state = TH_CURRENT,
                                       .evidence = i ? "reprovisioned" : "accepted"});
    th_ledger_note(rotation->ledger, &(th_ledger_op){.verb = TH_LEDGER_ITEM_END,
                                                     .row = item->begin.row,
                                                     .item_state = TH_ITEM_DONE,
                                                     .evidence = "reprovisioned",
                                                     .attempts = 1});
    rotation->ended++;
    begin_next(item);
}

static void carry_out(th_ledger_op *op)
{
    struct item *item = op->ctx;

    item->rotation->failed += op->result != 0;
    item->attempt = (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                                   .run = "r1",
                                   .item = op->row,
                                   .account = "famulor-prod",
                                   .trunk = item->trunk,
                                   .endpoint = "update",
                                   .method = "PUT",
                                   .cb = ignore};
    item->add = world_add_op(item->trunk, item->rotation->secret);
    item->add.run = "r1";
    item->add.item = op->row;
    item->add.attempt = &item->attempt.row;
    item->add.cb = sent;
    item->add.ctx = item;
    th_ledger_submit(item->rotation->ledger, &item->attempt);
    th_ledger_submit(item->rotation->ledger, &item->add);
}

static void begin_next(struct item *item)
{
    if (item->rotation->begun == ITEMS)
        return;
    snprintf(item->trunk, sizeof item->trunk, "%d", 1000 + item->rotation->begun++);
    item->begin = (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                 .run = "r1",
                                 .account = "famulor-prod",
                                 .trunk = item->trunk,
                                 .item_state = TH_ITEM_RUNNING,
                                 .patient = true,
                                 .cb = carry_out,
                                 .ctx = item};
    th_ledger_submit(item->rotation->ledger, &item->begin);
}

WORLD_TEST(concurrent_items_share_two_commits_for_all_that_they_write)
{
    struct rotation rotation = {.secret = world_secret("shared")};
    struct item items[AT_ONCE] = {0};
    struct th_ledger_stats before, after;
    unsigned syncs;

    watched_disk_install();
    world_open(w);
    world_begin_run(w);
    rotation.ledger = w->ledger;
    th_ledger_stats(w->ledger, &before);
    syncs = watched_disk_wal_syncs();
    for (int i = 0; i < AT_ONCE; i++) {
        items[i].rotation = &rotation;
        begin_next(&items[i]);
    }
    uv_run(&w->loop, UV_RUN_DEFAULT);
    th_ledger_stats(w->ledger, &after);
    syncs = watched_disk_wal_syncs() - syncs;
    assert_int_equal(rotation.ended, ITEMS);
    assert_int_equal(rotation.failed, 0);
    assert_int_equal(after.ops - before.ops, ITEMS * 7);
    /* One more for the end of the last ones. */
    assert_int_equal(after.commits - before.commits, 2 * ITEMS / AT_ONCE + 1);
    assert_true(syncs <= after.commits - before.commits + 1); /* and one for a checkpoint */
    world_expect(w,
                 "SELECT count(*), sum(i.state = 'done'), sum(a.state = 'ok'), sum(s.state ="
                 " 'current'), sum(s.evidence = 'reprovisioned'), sum(s.proven_at IS NOT NULL)"
                 " FROM items AS i JOIN attempts AS a ON a.item = i.id"
                 " JOIN secrets AS s ON s.attempt = a.id",
                 "320|320|320|320|320|320");
    th_secret_unref(rotation.secret);
}

WORLD_TEST(what_nobody_waits_for_is_written_all_the_same)
{
    struct th_ledger_stats stats;
    int called = 0;
    th_ledger_op patient = {.verb = TH_LEDGER_ITEM_BEGIN,
                            .run = "r1",
                            .account = "a",
                            .trunk = "2",
                            .patient = true,
                            .cb = world_count_up,
                            .ctx = &called};

    world_open(w);
    world_begin_run(w);
    th_ledger_note(
        w->ledger,
        &(th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN, .run = "r1", .account = "a", .trunk = "1"});
    uv_run(&w->loop, UV_RUN_DEFAULT); /* which ends when nothing is under way */
    th_ledger_submit(w->ledger, &patient);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    th_ledger_stats(w->ledger, &stats);
    assert_int_equal(called, 1);
    assert_int_equal(stats.commits, 3);
    world_expect(w, "SELECT trunk FROM items ORDER BY id", "1 2");
}

/* --- what is done at once because it comes together ------------------------------------------- */

static void note_state(struct world *w, int64_t row, enum th_secret_state state,
                       const char *evidence)
{
    th_ledger_note(w->ledger, &(th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                              .row = row,
                                              .state = state,
                                              .evidence = evidence});
}

WORLD_TEST(of_two_passwords_the_one_that_was_proven_last_is_current_however_it_was_batched)
{
    int64_t first, second;

    world_open(w);
    first = world_add(w, "42", "first");
    second = world_add(w, "42", "second");
    note_state(w, first, TH_CURRENT, "accepted");
    note_state(w, second, TH_CURRENT, "accepted");
    note_state(w, first, TH_CURRENT, "registered");
    note_state(w, second, TH_CURRENT, "updated_at");
    note_state(w, first, TH_CURRENT, "reprovisioned");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(th_ledger_failure(w->ledger));
    world_expect_rows(w, "current:first:reprovisioned previous:second:updated_at ");
}

WORLD_TEST(a_refusal_after_an_acceptance_in_the_same_commit_stands)
{
    int64_t row;

    world_open(w);
    row = world_add(w, "42", "first");
    note_state(w, row, TH_CURRENT, "accepted");
    note_state(w, row, TH_REJECTED, "refused");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    world_expect_rows(w, "rejected:first:refused ");
}

/* --- the key that seals them ------------------------------------------------------------------ */

WORLD_TEST(the_key_that_seals_is_forgotten_between_commits_without_harm)
{
    th_ledger_writer *writer = NULL;
    th_secret *secret = world_secret("sealed");

    assert_int_equal(th_ledger_writer_create(w->path, &writer, &w->err), 0);
    for (int i = 0; i < 4; i++) {
        th_ledger_op add = world_add_op(i % 2 ? "43" : "42", secret);

        assert_int_equal(th_ledger_writer_run(writer, &add), 1);
        assert_int_equal(add.result, 0);
        assert_true(th_ledger_writer_holds_key(writer));
        if (i == 1)
            th_ledger_writer_forget(writer);
        assert_int_equal(th_ledger_writer_holds_key(writer), i != 1);
    }
    th_ledger_writer_destroy(writer);
    world_expect_rows(w,
                      "candidate:sealed: candidate:sealed: candidate:sealed: candidate:sealed: ");
    th_secret_unref(secret);
}
