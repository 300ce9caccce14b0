/* What a run does is on record: items, attempts and creates, from before they happen to their end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/view.h"
#include "ledger_world.h"
#include "test.h"

static int64_t begin_item(struct world *w, const char *trunk)
{
    return world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                      .run = "r1",
                                      .account = "famulor-prod",
                                      .trunk = trunk,
                                      .item_state = TH_ITEM_RUNNING,
                                      .plan = "{\"sip_password\":\"new\"}"});
}

WORLD_TEST(a_run_says_what_ran_where_and_what_it_continues)
{
    world_open(w);
    world_begin_run(w);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN,
                               .run = "r2",
                               .script = "rotate_passwords.lua",
                               .script_hash = "abc",
                               .host = "ops",
                               .pid = 4711,
                               .resumed_from = "r1"});
    world_expect(w, "SELECT id, script_hash, host, pid, resumed_from, status FROM runs",
                 "r1|||-|-|- r2|abc|ops|4711|r1|-");
}

WORLD_TEST(an_item_lives_from_planned_to_its_end)
{
    th_ledger_op planned = {.verb = TH_LEDGER_ITEM_BEGIN,
                            .run = "r1",
                            .account = "famulor-prod",
                            .trunk = "42",
                            .item_state = TH_ITEM_PLANNED,
                            .plan = "{\"sip_password\":\"new\"}"};
    th_ledger_op again = planned;
    int64_t row;

    world_open(w);
    world_begin_run(w);
    row = world_do(w, planned);
    world_expect(w, "SELECT state, started_at IS NULL, ended_at IS NULL FROM items", "planned|1|1");
    again.item_state = TH_ITEM_RUNNING;
    again.plan = NULL;
    assert_int_equal(world_do(w, again), row); /* one row for a trunk in a run */
    world_expect(w, "SELECT state, plan, started_at IS NULL, ended_at IS NULL FROM items",
                 "running|{\"sip_password\":\"new\"}|0|1");
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_END,
                               .row = row,
                               .item_state = TH_ITEM_DONE,
                               .evidence = "reprovisioned",
                               .attempts = 3});
    world_expect(w,
                 "SELECT run, account, trunk, state, evidence, attempts, error, ended_at >="
                 " started_at FROM items",
                 "r1|famulor-prod|42|done|reprovisioned|3|-|1");
}

static int note_undo(const struct th_undo_row *row, void *ctx)
{
    char *text = ctx;
    size_t len = strlen(text);

    snprintf(text + len, 400 - len, "%s %s %s %s|%s %s|%s ", row->item.trunk, row->item.state,
             row->before, row->after, row->undone, row->undone_by, row->followed_by);
    return 0;
}

static int64_t change_to(struct world *w, const char *run, const char *trunk, const char *plan,
                         const char *before, int64_t undoes)
{
    int64_t row = world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                             .run = run,
                                             .account = "a",
                                             .trunk = trunk,
                                             .item_state = TH_ITEM_RUNNING,
                                             .plan = plan,
                                             .before = before,
                                             .undoes = undoes});

    world_do(
        w, (th_ledger_op){
               .verb = TH_LEDGER_ITEM_END, .row = row, .item_state = TH_ITEM_DONE, .after = plan});
    return row;
}

static int64_t change(struct world *w, const char *run, const char *trunk, int64_t undoes)
{
    return change_to(w, run, trunk, "{\"x\":2}", "{\"x\":1}", undoes);
}

WORLD_TEST(what_a_run_did_can_be_taken_back_newest_first_and_says_what_came_of_it)
{
    th_ledger_view *view = NULL;
    char text[400] = "";
    int64_t first;

    world_open(w);
    world_begin_run(w);
    for (const char *const *run = (const char *const[]){"r2", "r3", NULL}; *run; run++)
        world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = *run});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "u1", .undoes_run = "r1"});
    first = change(w, "r1", "1", 0);
    for (const char *const *trunk = (const char *const[]){"2", "3", "4", NULL}; *trunk; trunk++)
        change(w, "r1", *trunk, 0);
    change(w, "u1", "1", first);                          /* taken back */
    change(w, "r2", "2", 0);                              /* somebody's work on the same */
    change_to(w, "r2", "3", "{\"y\":2}", "{\"y\":1}", 0); /* and on something else */
    change_to(w, "r3", "3", "no JSON", NULL, 0);          /* or on nobody knows what */
    change(w, "u1", "4", change(w, "r3", "4", 0));        /* taken back itself */
    change_to(w, "r2", "4", "{\"x\":2}", "{\"x\":2}", 0); /* set to what it was */
    assert_int_equal(th_ledger_view_look(w->path, &view, &w->err), 0);
    assert_int_equal(th_view_undo(view, "r1", note_undo, text, &w->err), 0);
    th_ledger_view_close(view);
    assert_string_equal(text, "4 done {\"x\":1} {\"x\":2}| | 3 done {\"x\":1} {\"x\":2}| | "
                              "2 done {\"x\":1} {\"x\":2}| |r2 "
                              "1 done {\"x\":1} {\"x\":2}|done u1| ");
}

WORLD_TEST(a_failed_item_keeps_its_error_and_a_skipped_one_its_reason)
{
    int64_t row;

    world_open(w);
    world_begin_run(w);
    row = begin_item(w, "42");
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_END,
                               .row = row,
                               .item_state = TH_ITEM_FAILED,
                               .error = "{\"kind\":\"refused\",\"status\":422}"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                               .run = "r1",
                               .account = "famulor-prod",
                               .trunk = "43",
                               .item_state = TH_ITEM_SKIPPED,
                               .evidence = "it has no password"});
    world_expect(w,
                 "SELECT trunk, state, evidence, error ->> 'status', ended_at IS NULL FROM items",
                 "42|failed||422|0 43|skipped|it has no password|-|0");
}

WORLD_TEST(an_attempt_is_linked_to_what_it_carries_in_one_commit)
{
    th_secret *secret = world_secret("carried");
    struct th_ledger_stats before, after;
    int called = 0;
    int64_t item;
    th_ledger_op attempt, create, add;

    world_open(w);
    world_begin_run(w);
    item = begin_item(w, "source-7");
    attempt = (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                             .run = "r1",
                             .item = item,
                             .account = "famulor-prod",
                             .endpoint = "create",
                             .method = "POST",
                             .cb = world_count_up,
                             .ctx = &called};
    create = (th_ledger_op){.verb = TH_LEDGER_CREATE_INTENT,
                            .run = "r1",
                            .item = item,
                            .attempt = &attempt.row,
                            .account = "famulor-prod",
                            .endpoint = "create",
                            .natural_key = "{\"phone_number\":\"4711\"}",
                            .cb = world_count_up,
                            .ctx = &called};
    add = world_add_op(NULL, secret);
    add.run = "r1";
    add.item = item;
    add.attempt = &attempt.row;
    add.cb = world_count_up;
    add.ctx = &called;
    th_ledger_stats(w->ledger, &before);
    th_ledger_submit(w->ledger, &attempt);
    th_ledger_submit(w->ledger, &create);
    th_ledger_submit(w->ledger, &add);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    th_ledger_stats(w->ledger, &after);
    assert_int_equal(called, 3);
    assert_int_equal(after.commits - before.commits, 1);
    world_expect(w,
                 "SELECT a.state, a.method, a.trunk, a.requests, a.ended_at, c.state,"
                 " c.natural_key, s.state, s.item = a.item, c.item = a.item"
                 " FROM attempts AS a JOIN creates AS c ON c.attempt = a.id"
                 " JOIN secrets AS s ON s.attempt = a.id",
                 "sent|POST||0|-|intended|{\"phone_number\":\"4711\"}|candidate|1|1");
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_END,
                               .row = attempt.row,
                               .attempt_state = TH_ATTEMPT_OK,
                               .attempts = 2,
                               .status = 201,
                               .trunk = "50"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_CREATE_END,
                               .row = create.row,
                               .create_state = TH_CREATE_LANDED,
                               .trunk = "50"});
    world_expect(w,
                 "SELECT a.state, a.trunk, a.requests, a.status, a.ended_at >= a.started_at,"
                 " c.state, c.trunk FROM attempts AS a JOIN creates AS c ON c.attempt = a.id",
                 "ok|50|2|201|1|landed|50");
    th_secret_unref(secret);
}

/* A create that had no answer, with its secret; returns its row. */
static int64_t create_unanswered(struct world *w, int64_t item, th_secret *secret)
{
    int64_t attempt = world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                                                 .run = "r1",
                                                 .item = item,
                                                 .account = "famulor-prod",
                                                 .endpoint = "create",
                                                 .method = "POST"});
    int64_t create = world_do(w, (th_ledger_op){.verb = TH_LEDGER_CREATE_INTENT,
                                                .run = "r1",
                                                .item = item,
                                                .attempt = &attempt,
                                                .account = "famulor-prod",
                                                .endpoint = "create"});
    th_ledger_op add = world_add_op(NULL, secret);

    add.run = "r1";
    add.item = item;
    add.attempt = &attempt;
    world_do(w, add);
    return create;
}

WORLD_TEST(the_secret_of_a_create_without_an_answer_is_settled_with_it)
{
    th_secret *secret = world_secret("of-a-lost-reply");
    int64_t item, landed, absent;

    world_open(w);
    world_begin_run(w);
    item = begin_item(w, "source-7");
    landed = create_unanswered(w, item, secret);
    absent = create_unanswered(w, item, secret);
    create_unanswered(w, item, secret);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_CREATE_END,
                               .row = landed,
                               .create_state = TH_CREATE_LANDED,
                               .trunk = "50"});
    world_do(w, (th_ledger_op){
                    .verb = TH_LEDGER_CREATE_END, .row = absent, .create_state = TH_CREATE_ABSENT});
    world_expect(w,
                 "SELECT group_concat(trunk || ':' || state || ':' || evidence, ' ') FROM secrets",
                 "50:candidate: :rejected:absent :candidate:");
    th_secret_unref(secret);
}

WORLD_TEST(an_attempt_that_never_left_says_so)
{
    int64_t row;

    world_open(w);
    world_begin_run(w);
    row = world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                                     .run = "r1",
                                     .account = "famulor-prod",
                                     .trunk = "42",
                                     .endpoint = "update",
                                     .method = "PUT"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_END,
                               .row = row,
                               .attempt_state = TH_ATTEMPT_UNSENT,
                               .message = "no connection",
                               .trunk = "43"});
    world_expect(w, "SELECT state, status, message, requests, trunk FROM attempts",
                 "unsent|-|no connection|0|42");
}

WORLD_TEST(a_delivered_secret_is_the_current_one_and_a_new_one_is_not_delivered)
{
    th_ledger_op delivered = {.verb = TH_LEDGER_SECRET_DELIVERED,
                              .account = "famulor-prod",
                              .trunk = "42",
                              .field = "sip_password"};

    world_open(w);
    assert_int_equal(world_perform(w, &delivered), -TH_INVALID);
    th_error_close(&delivered.err);
    world_set_state(w, world_add(w, "42", "first"), TH_CURRENT, "accepted");
    world_do(w, delivered);
    world_set_state(w, world_add(w, "42", "second"), TH_CURRENT, "accepted");
    world_expect(w, "SELECT state, delivered_at IS NULL FROM secrets ORDER BY id",
                 "previous|0 current|1");
}

WORLD_TEST(a_wrong_record_fails_alone_and_names_the_fault)
{
    int called = 0;
    const int64_t nowhere = 99;
    th_ledger_op ops[] = {
        {.verb = TH_LEDGER_ITEM_BEGIN, .run = "nobody", .account = "a", .trunk = "1"},
        {.verb = TH_LEDGER_ITEM_BEGIN, .run = "r1", .account = "a", .trunk = ""},
        {.verb = TH_LEDGER_ITEM_BEGIN, .run = "r1", .account = "a"},
        {.verb = TH_LEDGER_ITEM_BEGIN,
         .run = "r1",
         .account = "a",
         .trunk = "1",
         .item_state = TH_ITEM_DONE},
        {.verb = TH_LEDGER_ITEM_END, .row = 99, .item_state = TH_ITEM_DONE},
        {.verb = TH_LEDGER_ATTEMPT_BEGIN, .run = "r1", .item = 99, .account = "a"},
        {.verb = TH_LEDGER_ATTEMPT_END, .row = 99, .attempt_state = TH_ATTEMPT_OK},
        {.verb = TH_LEDGER_CREATE_INTENT, .run = "r1", .account = "a", .attempt = &nowhere},
        {.verb = TH_LEDGER_CREATE_END, .row = 99, .create_state = TH_CREATE_LANDED},
        {.verb = TH_LEDGER_RUN_BEGIN, .run = "r2", .resumed_from = "nobody"},
        {.verb = TH_LEDGER_ATTEMPT_BEGIN, .run = "r1", .account = ""},
        {.verb = TH_LEDGER_CREATE_INTENT, .run = "r1"},
        {.verb = TH_LEDGER_ITEM_END, .row = 1, .item_state = TH_ITEM_SKIPPED + 1},
        {.verb = TH_LEDGER_ATTEMPT_END, .row = 1, .attempt_state = TH_ATTEMPT_UNSENT + 1},
        {.verb = TH_LEDGER_CREATE_END, .row = 1, .create_state = TH_CREATE_UNKNOWN + 1},
        {.verb = TH_LEDGER_SECRET_STATE, .row = 1, .state = TH_REJECTED + 1},
    };
    enum { COUNT = sizeof ops / sizeof ops[0] };
    th_ledger_op fine = {.verb = TH_LEDGER_ITEM_BEGIN,
                         .run = "r1",
                         .account = "a",
                         .trunk = "2",
                         .cb = world_count_up,
                         .ctx = &called};

    world_open(w);
    world_begin_run(w);
    for (int i = 0; i < COUNT; i++) {
        ops[i].cb = world_count_up;
        ops[i].ctx = &called;
        th_ledger_submit(w->ledger, &ops[i]);
    }
    th_ledger_submit(w->ledger, &fine);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(called, COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(ops[i].result, -TH_INVALID);
        assert_true(strlen(ops[i].err.message) > 20);
        th_error_close(&ops[i].err);
    }
    assert_int_equal(fine.result, 0);
    world_expect(w,
                 "SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM attempts),"
                 " (SELECT count(*) FROM creates), (SELECT count(*) FROM runs)",
                 "1|0|0|1");
}

WORLD_TEST(a_note_outlives_the_strings_it_was_made_of)
{
    char account[] = "famulor-prod", trunk[] = "42", plan[] = "{}";

    world_open(w);
    world_begin_run(w);
    th_ledger_note(w->ledger, &(th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                              .run = "r1",
                                              .account = account,
                                              .trunk = trunk,
                                              .plan = plan,
                                              .item_state = TH_ITEM_PLANNED});
    memset(account, 'x', sizeof account - 1);
    memset(trunk, 'x', sizeof trunk - 1);
    memset(plan, 'x', sizeof plan - 1);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(th_ledger_failure(w->ledger));
    world_expect(w, "SELECT account, trunk, plan FROM items", "famulor-prod|42|{}");
}
