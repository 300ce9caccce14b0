/* What the ledger says of a run as a whole: by account, by field, and which runs followed it. */
#include <stdio.h>
#include <string.h>

#include "ledger/view.h"
#include "ledger_world.h"
#include "test.h"

enum { ROOM = 400 };

static void add(char *text, const char *line)
{
    size_t len = strlen(text);

    snprintf(text + len, ROOM - len, "%s ", line);
}

static int note_items(const struct th_item_sum *sum, void *ctx)
{
    char line[100];

    snprintf(line, sizeof line, "%s:%d/%d/%d", sum->account, (int)sum->items[TH_ITEM_DONE],
             (int)sum->items[TH_ITEM_FAILED], (int)sum->items[TH_ITEM_RUNNING]);
    add(ctx, line);
    return 0;
}

static int note_secrets(const struct th_secret_sum *sum, void *ctx)
{
    char line[100];

    snprintf(line, sizeof line, "%s.%s:%d/%d/%d+%d", sum->account, sum->field,
             (int)sum->states[TH_CURRENT], (int)sum->states[TH_CANDIDATE],
             (int)sum->states[TH_PREVIOUS], (int)sum->delivered);
    add(ctx, line);
    return 0;
}

static int note_follower(const struct th_run_row *row, void *ctx)
{
    char line[100];

    snprintf(line, sizeof line, "%s<%s|%s", row->id, row->resumed_from, row->undoes);
    add(ctx, line);
    return 0;
}

static int note_labels(const struct th_item_row *row, void *ctx)
{
    add(ctx, row->label);
    return 0;
}

static int note_attempt(const struct th_attempt_row *row, void *ctx)
{
    add(ctx, row->endpoint);
    return 0;
}

static int note_conclusion(const struct th_run_row *row, void *ctx)
{
    add(ctx, row->conclusion[0] ? row->conclusion : "-");
    return 0;
}

static int64_t item(struct world *w, const char *run, const char *account, const char *trunk,
                    enum th_item_state state)
{
    int64_t row = world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                             .run = run,
                                             .account = account,
                                             .trunk = trunk,
                                             .label = "Front desk",
                                             .item_state = TH_ITEM_RUNNING});
    if (state != TH_ITEM_RUNNING)
        world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_END, .row = row, .item_state = state});
    return row;
}

static th_ledger_view *look(struct world *w)
{
    th_ledger_view *view = NULL;

    assert_int_equal(th_ledger_view_look(w->path, &view, &w->err), 0);
    return view;
}

WORLD_TEST(items_are_counted_by_account)
{
    char text[ROOM] = "";
    th_ledger_view *view;

    world_open(w);
    world_begin_run(w);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "r2"});
    item(w, "r1", "vatel", "1", TH_ITEM_FAILED);
    item(w, "r1", "bolna", "1", TH_ITEM_DONE);
    item(w, "r1", "bolna", "2", TH_ITEM_DONE);
    item(w, "r1", "bolna", "3", TH_ITEM_RUNNING);
    item(w, "r2", "bolna", "1", TH_ITEM_DONE);
    view = look(w);
    assert_int_equal(th_view_item_sums(view, "r1", note_items, text, &w->err), 0);
    assert_string_equal(text, "bolna:2/0/1 vatel:0/1/0 ");
    text[0] = '\0';
    assert_int_equal(th_view_item_sums(view, "none", note_items, text, &w->err), 0);
    assert_string_equal(text, "");
    th_ledger_view_close(view);
}

WORLD_TEST(passwords_are_counted_by_what_they_are_now)
{
    char text[ROOM] = "";
    th_ledger_view *view;
    static const char *const words[] = {"first-password", "second-password", "third-password"};
    int64_t row[3];

    world_open(w);
    world_begin_run(w);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "r2"});
    for (int i = 0; i < 3; i++) {
        th_secret *secret = world_secret(words[i]);

        row[i] = world_do(w, (th_ledger_op){.verb = TH_LEDGER_SECRET_ADD,
                                            .run = i < 2 ? "r1" : "r2",
                                            .account = "vatel",
                                            .provider = "vatel",
                                            .trunk = i == 1 ? "2" : "1",
                                            .field = "password",
                                            .secret = secret});
        th_secret_unref(secret);
        if (i != 1)
            world_do(w, (th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                       .row = row[i],
                                       .state = TH_CURRENT,
                                       .evidence = "accepted"});
    }
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_SECRET_DELIVERED,
                               .account = "vatel",
                               .trunk = "1",
                               .field = "password"});
    view = look(w);
    assert_int_equal(th_view_secret_sums(view, "r1", note_secrets, text, &w->err), 0);
    assert_int_equal(th_view_secret_sums(view, "r2", note_secrets, text, &w->err), 0);
    assert_string_equal(text, "vatel.password:0/1/1+0 vatel.password:1/0/0+1 ");
    th_ledger_view_close(view);
}

WORLD_TEST(a_run_knows_which_ones_went_on_with_it_or_took_it_back)
{
    char text[ROOM] = "";
    th_ledger_view *view;

    world_open(w);
    world_begin_run(w);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "r2", .resumed_from = "r1"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "r3", .resumed_from = "r2"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "u1", .undoes_run = "r1"});
    view = look(w);
    assert_int_equal(th_view_followers(view, "r1", note_follower, text, &w->err), 0);
    assert_string_equal(text, "r2<r1| u1<|r1 ");
    th_ledger_view_close(view);
}

WORLD_TEST(the_attempts_of_one_item_are_found)
{
    char text[ROOM] = "";
    th_ledger_view *view;
    int64_t rows[2];

    world_open(w);
    world_begin_run(w);
    for (int i = 0; i < 2; i++) {
        rows[i] = item(w, "r1", "bolna", i ? "2" : "1", TH_ITEM_RUNNING);
        world_do(w, (th_ledger_op){.verb = TH_LEDGER_ATTEMPT_BEGIN,
                                   .run = "r1",
                                   .item = rows[i],
                                   .account = "bolna",
                                   .endpoint = i ? "second" : "first",
                                   .method = "PUT"});
    }
    view = look(w);
    assert_int_equal(th_view_attempts(view, &(struct th_view_filter){.item = rows[1]}, note_attempt,
                                      text, &w->err),
                     0);
    assert_string_equal(text, "second ");
    th_ledger_view_close(view);
}

WORLD_TEST(an_item_keeps_its_label_and_a_run_its_conclusion)
{
    char text[ROOM] = "";
    th_ledger_view *view;
    th_ledger_op lost = {.verb = TH_LEDGER_RUN_CONCLUDE, .run = "none", .conclusion = "{}"};

    world_open(w);
    world_begin_run(w);
    item(w, "r1", "bolna", "1", TH_ITEM_DONE);
    /* Beginning it again without one keeps it. */
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                               .run = "r1",
                               .account = "bolna",
                               .trunk = "1",
                               .item_state = TH_ITEM_RUNNING});
    view = look(w);
    assert_int_equal(th_view_items(view, &(struct th_view_filter){0}, note_labels, text, &w->err),
                     0);
    assert_int_equal(
        th_view_runs(view, &(struct th_view_filter){.run = "r1"}, note_conclusion, text, &w->err),
        0);
    world_do(w, (th_ledger_op){
                    .verb = TH_LEDGER_RUN_CONCLUDE, .run = "r1", .conclusion = "{\"total\":1}"});
    assert_int_equal(
        th_view_runs(view, &(struct th_view_filter){.run = "r1"}, note_conclusion, text, &w->err),
        0);
    assert_string_equal(text, "Front desk - {\"total\":1} ");
    th_ledger_view_close(view);
    assert_int_equal(world_perform(w, &lost), -TH_INVALID);
    th_error_close(&lost.err);
}
