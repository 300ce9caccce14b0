/* What the ledger says is on disk is there, in the state that it says, and nothing is half done. */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger_world.h"
#include "test.h"
#include "watched_disk.h"

enum { MANY = 100 };

/* --- durable before told ---------------------------------------------------------------------- */

struct witness {
    struct world *w;
    int rows;
    bool dirty;
};

static void see_row(th_ledger_op *op)
{
    struct witness *witness = op->ctx;

    witness->dirty = watched_disk_wal_dirty();
    witness->rows =
        world_query(witness->w->path, "SELECT count(*) FROM secrets WHERE trunk = '42'");
}

WORLD_TEST(a_secret_is_synced_and_visible_before_its_callback)
{
    struct witness witness = {.w = w, .dirty = true};
    th_secret *secret = world_secret("before-the-callback");
    th_ledger_op op = world_add_op("42", secret);
    unsigned syncs;

    watched_disk_install();
    world_open(w);
    syncs = watched_disk_wal_syncs();
    op.cb = see_row;
    op.ctx = &witness;
    th_ledger_submit(w->ledger, &op);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    world_shut(w);
    watched_disk_remove();
    assert_int_equal(op.result, 0);
    assert_int_equal(witness.rows, 1);
    assert_false(witness.dirty);
    assert_true(watched_disk_wal_syncs() > syncs);
    th_secret_unref(secret);
}

static void die(th_ledger_op *op)
{
    (void)op;
    kill(getpid(), SIGKILL);
}

WORLD_TEST(a_process_that_is_killed_in_the_callback_leaves_the_secret)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        th_secret *secret = NULL;
        th_ledger_op op;

        if (th_ledger_open(&w->loop, w->path, &w->ledger, NULL) ||
            th_secret_copy("survives-the-kill", 17, &secret, NULL))
            _exit(1);
        op = world_add_op("42", secret);
        op.cb = die;
        th_ledger_submit(w->ledger, &op);
        uv_run(&w->loop, UV_RUN_DEFAULT);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    world_expect_rows(w, "candidate:survives-the-kill: ");
}

struct pack {
    th_ledger_op ops[MANY];
    int called;
    bool in_order;
};

static void check_order(th_ledger_op *op)
{
    struct pack *pack = op->ctx;

    if (op != &pack->ops[pack->called++])
        pack->in_order = false;
}

static struct pack *submit_many(struct world *w, th_secret *secret)
{
    struct pack *pack = calloc(1, sizeof *pack);

    pack->in_order = true;
    for (int i = 0; i < MANY; i++) {
        pack->ops[i] = world_add_op("42", secret);
        pack->ops[i].cb = check_order;
        pack->ops[i].ctx = pack;
        th_ledger_submit(w->ledger, &pack->ops[i]);
    }
    return pack;
}

WORLD_TEST(operations_of_one_turn_share_one_commit_and_finish_in_order)
{
    struct th_ledger_stats stats;
    th_secret *secret = world_secret("shared");
    struct pack *pack;

    world_open(w);
    pack = submit_many(w, secret);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    th_ledger_stats(w->ledger, &stats);
    assert_int_equal(stats.ops, MANY);
    assert_int_equal(stats.commits, 1);
    assert_int_equal(pack->called, MANY);
    assert_true(pack->in_order);
    for (int i = 1; i < MANY; i++)
        assert_true(pack->ops[i].row > pack->ops[i - 1].row);
    free(pack);
    th_secret_unref(secret);
}

WORLD_TEST(closing_with_queued_work_writes_it_and_calls_back)
{
    th_secret *secret = world_secret("late");
    struct pack *pack;

    world_open(w);
    pack = submit_many(w, secret);
    th_ledger_close(w->ledger); /* the loop has not turned once */
    w->ledger = NULL;
    assert_int_equal(pack->called, MANY);
    assert_true(pack->in_order);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), MANY);
    free(pack);
    th_secret_unref(secret);
}

static void close_now(th_ledger_op *op)
{
    struct pack *pack = op->ctx;
    struct world *w = (struct world *)(void *)pack->ops[1].ctx;

    pack->called++;
    th_ledger_close(w->ledger);
    w->ledger = NULL;
}

WORLD_TEST(the_ledger_may_be_closed_from_a_callback)
{
    struct pack *pack = calloc(1, sizeof *pack);

    world_open(w);
    pack->ops[0] = (th_ledger_op){.verb = TH_LEDGER_SYNC, .cb = close_now, .ctx = pack};
    pack->ops[1].ctx = w;
    th_ledger_submit(w->ledger, &pack->ops[0]);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(pack->called, 1);
    assert_null(w->ledger);
    free(pack);
}

WORLD_TEST(an_idle_ledger_does_not_keep_the_loop_alive)
{
    world_open(w);
    assert_false(uv_loop_alive(&w->loop));
    world_add(w, "42", "once");
    assert_false(uv_loop_alive(&w->loop));
}

/* --- states ----------------------------------------------------------------------------------- */

WORLD_TEST(a_new_current_secret_makes_the_earlier_one_previous)
{
    int64_t first, second, other;

    world_open(w);
    first = world_add(w, "42", "first");
    other = world_add(w, "43", "other");
    world_set_state(w, first, TH_CURRENT, "accepted");
    world_set_state(w, other, TH_CURRENT, "accepted");
    second = world_add(w, "42", "second");
    world_set_state(w, second, TH_CURRENT, "reprovisioned");
    world_expect_rows(
        w, "previous:first:accepted current:other:accepted current:second:reprovisioned ");
}

WORLD_TEST(rows_survive_reopening_with_state_and_evidence)
{
    th_ledger_op end = {.verb = TH_LEDGER_RUN_END, .run = "r1", .status = 3};
    th_secret *secret = world_secret("lasting");
    th_ledger_op op = world_add_op("42", secret);

    world_open(w);
    world_begin_run(w);
    op.run = "r1";
    assert_int_equal(world_perform(w, &op), 0);
    world_set_state(w, op.row, TH_REJECTED, "422");
    world_set_state(w, op.row, TH_REJECTED, NULL);
    assert_int_equal(world_perform(w, &end), 0);
    world_shut(w);
    world_open(w);
    world_expect_rows(w, "rejected:lasting:422 ");
    assert_int_equal(world_query(w->path,
                                 "SELECT count(*) FROM secrets WHERE run = 'r1' AND created_at"
                                 " LIKE '20__-__-__T__:__:__.___Z' AND changed_at >= created_at"),
                     1);
    assert_int_equal(world_query(w->path,
                                 "SELECT status FROM runs WHERE id = 'r1' AND script ="
                                 " 'rotate_passwords.lua' AND arguments = '[\"--yes\"]' AND"
                                 " ended_at >= started_at"),
                     3);
    th_secret_unref(secret);
}

WORLD_TEST(a_create_gets_its_trunk_later_and_replaces_what_that_had)
{
    int64_t old, created, waiting;
    th_ledger_op trunk = {.verb = TH_LEDGER_SECRET_TRUNK, .trunk = "77"};
    th_ledger_op elsewhere = {.verb = TH_LEDGER_SECRET_TRUNK, .trunk = "78"};

    world_open(w);
    old = world_add(w, "77", "old");
    world_set_state(w, old, TH_CURRENT, "accepted");
    waiting = world_add(w, "", "waiting");
    world_set_state(w, waiting, TH_CURRENT, "accepted");
    created = world_add(w, NULL, "created");
    world_set_state(w, created, TH_CURRENT, "accepted"); /* does not touch the other create */
    trunk.row = elsewhere.row = created;
    assert_int_equal(world_perform(w, &trunk), 0);
    world_expect_rows(w,
                      "previous:old:accepted current:waiting:accepted current:created:accepted ");
    assert_int_equal(world_perform(w, &elsewhere), -TH_INVALID);
    th_error_close(&elsewhere.err);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets WHERE trunk = '77'"), 2);
}

WORLD_TEST(a_secret_that_may_be_live_cannot_be_deleted)
{
    world_open(w);
    world_add(w, "42", "candidate");
    world_set_state(w, world_add(w, "43", "current"), TH_CURRENT, "accepted");
    assert_int_not_equal(world_change(w->path, "DELETE FROM secrets WHERE trunk = '42'"),
                         SQLITE_OK);
    assert_int_not_equal(world_change(w->path, "DELETE FROM secrets WHERE trunk = '43'"),
                         SQLITE_OK);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 2);
}

WORLD_TEST(the_fault_of_one_operation_does_not_spoil_the_others)
{
    th_secret *secret = world_secret("fine");
    int called = 0;
    th_ledger_op ops[] = {
        world_add_op("1", secret),
        {.verb = TH_LEDGER_SECRET_STATE, .row = 999, .state = TH_CURRENT},
        {.verb = TH_LEDGER_SECRET_TRUNK, .row = 999, .trunk = "5"},
        {.verb = TH_LEDGER_RUN_BEGIN, .run = "r1"},
        {.verb = TH_LEDGER_RUN_END, .run = "no such run"},
        world_add_op("2", secret),
        world_add_op("3", NULL),
        {.verb = TH_LEDGER_SYNC},
        world_add_op("4", secret),
    };
    const bool fine[] = {true, false, false, false, false, false, false, true, true};
    enum { COUNT = sizeof ops / sizeof ops[0] };

    ops[5].run = "no such run";
    world_open(w);
    world_begin_run(w);
    for (int i = 0; i < COUNT; i++) {
        ops[i].cb = world_count_up;
        ops[i].ctx = &called;
        th_ledger_submit(w->ledger, &ops[i]);
    }
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(called, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(ops[i].result, fine[i] ? 0 : -TH_INVALID);
        assert_int_equal(ops[i].err.message != NULL, !fine[i]);
        th_error_close(&ops[i].err);
    }
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets WHERE trunk IN ('1', '4')"),
                     2);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 2);
    th_secret_unref(secret);
}

/* --- a disk that fails ------------------------------------------------------------------------ */

static void assert_batch_fails(struct world *w, const char *reason)
{
    th_secret *secret = world_secret("nowhere");
    struct pack *pack = submit_many(w, secret);

    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(pack->called, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(pack->ops[i].result, -TH_INVALID);
        assert_int_equal(pack->ops[i].row, 0);
        if (!strstr(pack->ops[i].err.message, reason))
            fail_msg("\"%s\" does not say \"%s\"", pack->ops[i].err.message, reason);
        th_error_close(&pack->ops[i].err);
    }
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 0);
    free(pack);
    th_secret_unref(secret);
}

WORLD_TEST(a_failed_commit_fails_all_of_it_and_later_ones_work)
{
    watched_disk_install();
    world_open(w);
    watched_disk_fail_syncs(SQLITE_IOERR_FSYNC);
    assert_batch_fails(w, "the disk reports an error");
    watched_disk_fail_syncs(0);
    watched_disk_fail_writes(SQLITE_FULL);
    assert_batch_fails(w, "the disk is full");
    watched_disk_fail_writes(0);
    world_add(w, "42", "after the trouble");
    world_expect_rows(w, "candidate:after the trouble: ");
    world_shut(w);
    watched_disk_remove();
}

WORLD_TEST(a_file_size_limit_fails_the_write_and_later_ones_work)
{
    struct rlimit before, tight = {.rlim_cur = 16 * 1024};

    signal(SIGXFSZ, SIG_IGN);
    world_open(w);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_batch_fails(w, "cannot write to the ledger");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    world_add(w, "42", "after the trouble");
    world_expect_rows(w, "candidate:after the trouble: ");
}

WORLD_TEST(a_failure_that_nobody_waits_for_is_kept)
{
    th_ledger_op *op = calloc(1, sizeof *op), *fine = calloc(1, sizeof *fine);

    world_open(w);
    fine->verb = TH_LEDGER_SYNC;
    th_ledger_submit(w->ledger, fine);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_null(th_ledger_failure(w->ledger));
    op->verb = TH_LEDGER_SECRET_STATE;
    op->row = 4711;
    th_ledger_submit(w->ledger, op);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_non_null(th_ledger_failure(w->ledger));
    assert_non_null(strstr(th_ledger_failure(w->ledger)->message, "4711"));
}
