/* The ledger's promises on real files: durable before told, private, never mixed up, never half
 * done. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger.h"
#include "scratch_folder.h"
#include "watched_disk.h"

enum { MANY = 100 };

struct world {
    char *folder, *path, *key;
    uv_loop_t loop;
    th_ledger *ledger;
    th_error err;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    w->folder = scratch_create();
    w->path = scratch_path(w->folder, "ledger.db");
    w->key = scratch_path(w->folder, "ledger.key");
    *state = w;
    return uv_loop_init(&w->loop);
}

static void shut(struct world *w)
{
    th_ledger_close(w->ledger);
    w->ledger = NULL;
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    int rc;

    shut(w);
    watched_disk_remove();
    rc = uv_loop_close(&w->loop); /* fails when a handle was left open */
    th_error_close(&w->err);
    scratch_destroy(w->folder);
    free(w->path);
    free(w->key);
    free(w);
    return rc || th_secret_count() != 0;
}

static void open_ledger(struct world *w)
{
    if (th_ledger_open(&w->loop, w->path, &w->ledger, &w->err))
        fail_msg("%s", w->err.message);
}

static void count_up(th_ledger_op *op)
{
    ++*(int *)op->ctx;
}

/* Submits one operation and runs the loop until nothing keeps it alive. */
static int perform(struct world *w, th_ledger_op *op)
{
    int called = 0;

    op->cb = count_up;
    op->ctx = &called;
    th_ledger_submit(w->ledger, op);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(called, 1);
    return op->result;
}

static th_secret *secret_of(const char *text)
{
    th_secret *secret = NULL;

    assert_int_equal(th_secret_copy(text, strlen(text), &secret, NULL), 0);
    return secret;
}

static void begin_run(struct world *w)
{
    th_ledger_op op = {.verb = TH_LEDGER_RUN_BEGIN,
                       .run = "r1",
                       .script = "rotate_passwords.lua",
                       .arguments = "[\"--yes\"]"};

    assert_int_equal(perform(w, &op), 0);
}

static th_ledger_op add_op(const char *trunk, th_secret *secret)
{
    return (th_ledger_op){.verb = TH_LEDGER_SECRET_ADD,
                          .account = "famulor-prod",
                          .provider = "famulor",
                          .trunk = trunk,
                          .field = "sip_password",
                          .secret = secret};
}

static int64_t add(struct world *w, const char *trunk, const char *text)
{
    th_secret *secret = secret_of(text);
    th_ledger_op op = add_op(trunk, secret);

    if (perform(w, &op))
        fail_msg("%s", op.err.message);
    th_secret_unref(secret);
    return op.row;
}

static void set_state(struct world *w, int64_t row, enum th_secret_state state,
                      const char *evidence)
{
    th_ledger_op op = {
        .verb = TH_LEDGER_SECRET_STATE, .row = row, .state = state, .evidence = evidence};

    if (perform(w, &op))
        fail_msg("%s", op.err.message);
}

/* A connection of the test's own: what another process would see. */
static sqlite3 *look(const char *path)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static int query(const char *path, const char *sql)
{
    sqlite3 *db = look(path);
    sqlite3_stmt *stmt = NULL;
    int value;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static int change(const char *path, const char *sql)
{
    sqlite3 *db = look(path);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    sqlite3_close(db);
    return rc;
}

/* "state:secret:evidence " of every row, in order. */
static int collect(const struct th_ledger_secret_row *row, void *ctx)
{
    char *text = ctx;
    size_t len = strlen(text);

    snprintf(text + len, 1000 - len, "%s:%.*s:%s ", th_secret_state_name(row->state),
             (int)row->secret_len, row->secret ? row->secret : "", row->evidence);
    return 0;
}

static void assert_rows(struct world *w, const char *wanted)
{
    char text[1000] = "";

    if (th_ledger_each_secret(w->path, NULL, "famulor-prod", collect, text, &w->err))
        fail_msg("%s", w->err.message);
    assert_string_equal(text, wanted);
}

static void assert_refused(struct world *w, const char *path, const char *reason)
{
    th_ledger *ledger = NULL;

    assert_int_equal(th_ledger_open(&w->loop, path, &ledger, &w->err), -TH_INVALID);
    assert_null(ledger);
    assert_non_null(strstr(w->err.message, "cannot open the ledger"));
    assert_non_null(strstr(w->err.message, path));
    if (!strstr(w->err.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", w->err.message, reason);
    th_error_close(&w->err);
}

/* --- durable before told
 * --------------------------------------------------------------------------- */

struct witness {
    struct world *w;
    int rows;
    bool dirty;
};

static void see_row(th_ledger_op *op)
{
    struct witness *witness = op->ctx;

    witness->dirty = watched_disk_wal_dirty();
    witness->rows = query(witness->w->path, "SELECT count(*) FROM secrets WHERE trunk = '42'");
}

static void a_secret_is_synced_and_visible_before_its_callback(void **state)
{
    struct world *w = *state;
    struct witness witness = {.w = w, .dirty = true};
    th_secret *secret = secret_of("before-the-callback");
    th_ledger_op op = add_op("42", secret);
    unsigned syncs;

    watched_disk_install();
    open_ledger(w);
    syncs = watched_disk_wal_syncs();
    op.cb = see_row;
    op.ctx = &witness;
    th_ledger_submit(w->ledger, &op);
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets"), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    shut(w);
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

static void a_process_that_is_killed_in_the_callback_leaves_the_secret(void **state)
{
    struct world *w = *state;
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        th_secret *secret = NULL;
        th_ledger_op op;

        if (th_ledger_open(&w->loop, w->path, &w->ledger, NULL) ||
            th_secret_copy("survives-the-kill", 17, &secret, NULL))
            _exit(1);
        op = add_op("42", secret);
        op.cb = die;
        th_ledger_submit(w->ledger, &op);
        uv_run(&w->loop, UV_RUN_DEFAULT);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_rows(w, "candidate:survives-the-kill: ");
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
    struct pack *pack = calloc(1, sizeof(*pack));

    pack->in_order = true;
    for (int i = 0; i < MANY; i++) {
        pack->ops[i] = add_op("42", secret);
        pack->ops[i].cb = check_order;
        pack->ops[i].ctx = pack;
        th_ledger_submit(w->ledger, &pack->ops[i]);
    }
    return pack;
}

static void operations_of_one_turn_share_one_commit_and_finish_in_order(void **state)
{
    struct world *w = *state;
    struct th_ledger_stats stats;
    th_secret *secret = secret_of("shared");
    struct pack *pack;

    open_ledger(w);
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

static void closing_with_queued_work_writes_it_and_calls_back(void **state)
{
    struct world *w = *state;
    th_secret *secret = secret_of("late");
    struct pack *pack;

    open_ledger(w);
    pack = submit_many(w, secret);
    th_ledger_close(w->ledger); /* the loop has not turned once */
    w->ledger = NULL;
    assert_int_equal(pack->called, MANY);
    assert_true(pack->in_order);
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets"), MANY);
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

static void the_ledger_may_be_closed_from_a_callback(void **state)
{
    struct world *w = *state;
    struct pack *pack = calloc(1, sizeof(*pack));

    open_ledger(w);
    pack->ops[0] = (th_ledger_op){.verb = TH_LEDGER_SYNC, .cb = close_now, .ctx = pack};
    pack->ops[1].ctx = w;
    th_ledger_submit(w->ledger, &pack->ops[0]);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(pack->called, 1);
    assert_null(w->ledger);
    free(pack);
}

static void an_idle_ledger_does_not_keep_the_loop_alive(void **state)
{
    struct world *w = *state;

    open_ledger(w);
    assert_false(uv_loop_alive(&w->loop));
    add(w, "42", "once");
    assert_false(uv_loop_alive(&w->loop));
}

/* --- states
 * ---------------------------------------------------------------------------------------- */

static void a_new_current_secret_makes_the_earlier_one_previous(void **state)
{
    struct world *w = *state;
    int64_t first, second, other;

    open_ledger(w);
    first = add(w, "42", "first");
    other = add(w, "43", "other");
    set_state(w, first, TH_CURRENT, "accepted");
    set_state(w, other, TH_CURRENT, "accepted");
    second = add(w, "42", "second");
    set_state(w, second, TH_CURRENT, "reprovisioned");
    assert_rows(w, "previous:first:accepted current:other:accepted current:second:reprovisioned ");
}

static void rows_survive_reopening_with_state_and_evidence(void **state)
{
    struct world *w = *state;
    th_ledger_op end = {.verb = TH_LEDGER_RUN_END, .run = "r1", .status = 3};
    th_secret *secret = secret_of("lasting");
    th_ledger_op op = add_op("42", secret);

    open_ledger(w);
    begin_run(w);
    op.run = "r1";
    assert_int_equal(perform(w, &op), 0);
    set_state(w, op.row, TH_REJECTED, "422");
    set_state(w, op.row, TH_REJECTED, NULL);
    assert_int_equal(perform(w, &end), 0);
    shut(w);
    open_ledger(w);
    assert_rows(w, "rejected:lasting:422 ");
    assert_int_equal(query(w->path,
                           "SELECT count(*) FROM secrets WHERE run = 'r1' AND created_at"
                           " LIKE '20__-__-__T__:__:__.___Z' AND changed_at >= created_at"),
                     1);
    assert_int_equal(query(w->path, "SELECT status FROM runs WHERE id = 'r1' AND script ="
                                    " 'rotate_passwords.lua' AND arguments = '[\"--yes\"]' AND"
                                    " ended_at >= started_at"),
                     3);
    th_secret_unref(secret);
}

static void a_create_gets_its_trunk_later_and_replaces_what_that_had(void **state)
{
    struct world *w = *state;
    int64_t old, created, waiting;
    th_ledger_op trunk = {.verb = TH_LEDGER_SECRET_TRUNK, .trunk = "77"};
    th_ledger_op elsewhere = {.verb = TH_LEDGER_SECRET_TRUNK, .trunk = "78"};

    open_ledger(w);
    old = add(w, "77", "old");
    set_state(w, old, TH_CURRENT, "accepted");
    waiting = add(w, "", "waiting");
    set_state(w, waiting, TH_CURRENT, "accepted");
    created = add(w, NULL, "created");
    set_state(w, created, TH_CURRENT, "accepted"); /* does not touch the other create */
    trunk.row = elsewhere.row = created;
    assert_int_equal(perform(w, &trunk), 0);
    assert_rows(w, "previous:old:accepted current:waiting:accepted current:created:accepted ");
    assert_int_equal(perform(w, &elsewhere), -TH_INVALID);
    th_error_close(&elsewhere.err);
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets WHERE trunk = '77'"), 2);
}

static void a_secret_that_may_be_live_cannot_be_deleted(void **state)
{
    struct world *w = *state;

    open_ledger(w);
    add(w, "42", "candidate");
    set_state(w, add(w, "43", "current"), TH_CURRENT, "accepted");
    assert_int_not_equal(change(w->path, "DELETE FROM secrets WHERE trunk = '42'"), SQLITE_OK);
    assert_int_not_equal(change(w->path, "DELETE FROM secrets WHERE trunk = '43'"), SQLITE_OK);
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets"), 2);
}

static void the_fault_of_one_operation_does_not_spoil_the_others(void **state)
{
    struct world *w = *state;
    th_secret *secret = secret_of("fine");
    int called = 0;
    th_ledger_op ops[] = {
        add_op("1", secret),
        {.verb = TH_LEDGER_SECRET_STATE, .row = 999, .state = TH_CURRENT},
        {.verb = TH_LEDGER_SECRET_TRUNK, .row = 999, .trunk = "5"},
        {.verb = TH_LEDGER_RUN_BEGIN, .run = "r1"},
        {.verb = TH_LEDGER_RUN_END, .run = "no such run"},
        add_op("2", secret),
        add_op("3", NULL),
        {.verb = TH_LEDGER_SYNC},
        add_op("4", secret),
    };
    const bool fine[] = {true, false, false, false, false, false, false, true, true};
    enum { COUNT = sizeof(ops) / sizeof(ops[0]) };

    ops[5].run = "no such run";
    open_ledger(w);
    begin_run(w);
    for (int i = 0; i < COUNT; i++) {
        ops[i].cb = count_up;
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
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets WHERE trunk IN ('1', '4')"), 2);
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets"), 2);
    th_secret_unref(secret);
}

/* --- a disk that fails
 * ----------------------------------------------------------------------------- */

static void assert_batch_fails(struct world *w, const char *reason)
{
    th_secret *secret = secret_of("nowhere");
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
    assert_int_equal(query(w->path, "SELECT count(*) FROM secrets"), 0);
    free(pack);
    th_secret_unref(secret);
}

static void a_failed_commit_fails_all_of_it_and_later_ones_work(void **state)
{
    struct world *w = *state;

    watched_disk_install();
    open_ledger(w);
    watched_disk_fail_syncs(SQLITE_IOERR_FSYNC);
    assert_batch_fails(w, "the disk does not obey");
    watched_disk_fail_syncs(0);
    watched_disk_fail_writes(SQLITE_FULL);
    assert_batch_fails(w, "the disk is full");
    watched_disk_fail_writes(0);
    add(w, "42", "after the trouble");
    assert_rows(w, "candidate:after the trouble: ");
    shut(w);
    watched_disk_remove();
}

static void a_file_size_limit_fails_the_write_and_later_ones_work(void **state)
{
    struct world *w = *state;
    struct rlimit before, tight = {.rlim_cur = 16 * 1024};

    signal(SIGXFSZ, SIG_IGN);
    open_ledger(w);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_batch_fails(w, "cannot write to the ledger");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    add(w, "42", "after the trouble");
    assert_rows(w, "candidate:after the trouble: ");
}

static void a_failure_that_nobody_waits_for_is_kept(void **state)
{
    struct world *w = *state;
    th_ledger_op *op = calloc(1, sizeof(*op)), *fine = calloc(1, sizeof(*fine));

    open_ledger(w);
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

/* --- private
 * --------------------------------------------------------------------------------------- */

static void every_file_is_private_from_the_start(void **state)
{
    struct world *w = *state;
    char *deep = scratch_path(w->folder, "state/trunkhost/ledger.db");
    char *wal = scratch_path(w->folder, "state/trunkhost/ledger.db-wal");
    char *shm = scratch_path(w->folder, "state/trunkhost/ledger.db-shm");
    char *key = scratch_path(w->folder, "state/trunkhost/ledger.key");
    char *inner = scratch_path(w->folder, "state/trunkhost"),
         *outer = scratch_path(w->folder, "state");
    mode_t mask = umask(0);

    assert_int_equal(th_ledger_open(&w->loop, deep, &w->ledger, &w->err), 0);
    umask(mask);
    add(w, "42", "private");
    assert_int_equal(scratch_mode(deep), 0600);
    assert_int_equal(scratch_mode(wal), 0600);
    assert_int_equal(scratch_mode(shm), 0600);
    assert_int_equal(scratch_mode(key), 0600);
    assert_int_equal(scratch_mode(inner), 0700);
    assert_int_equal(scratch_mode(outer), 0700);
    free(deep);
    free(wal);
    free(shm);
    free(key);
    free(inner);
    free(outer);
}

static void no_secret_lies_in_any_file_in_clear(void **state)
{
    struct world *w = *state;
    const char text[] = "kEqzV7yBnT3mWcX9sLpR2dFg";

    open_ledger(w);
    set_state(w, add(w, "42", text), TH_CURRENT, "accepted");
    assert_true(scratch_contains(w->folder, "famulor-prod", 12)); /* the search does find things */
    assert_false(scratch_contains(w->folder, text, 12));
    shut(w);
    assert_false(scratch_contains(w->folder, text, 12));
    assert_rows(w, "current:kEqzV7yBnT3mWcX9sLpR2dFg:accepted ");
}

static void a_sealed_secret_that_was_moved_to_another_row_is_refused(void **state)
{
    struct world *w = *state;
    char text[1000] = "";

    open_ledger(w);
    add(w, "42", "one");
    add(w, "43", "two");
    add(w, "44", "three");
    assert_int_equal(change(w->path, "UPDATE secrets SET sealed = (SELECT sealed FROM secrets"
                                     " WHERE trunk = '42') WHERE trunk = '43'"),
                     SQLITE_OK);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "1 of 3 secrets"));
    assert_non_null(strstr(w->err.message, "trunk 43"));
    assert_non_null(strstr(w->err.message, "sealed for another row"));
    assert_string_equal(text, "candidate:one: candidate:three: ");
    th_error_close(&w->err);

    assert_int_equal(change(w->path, "UPDATE secrets SET sealed = zeroblob(length(sealed))"),
                     SQLITE_OK);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "3 of 3 secrets"));
    assert_non_null(strstr(w->err.message, "damaged, or sealed to another key"));
}

/* --- keys
 * ------------------------------------------------------------------------------------------ */

static void rotating_works_without_the_private_key_and_export_says_where_it_looked(void **state)
{
    struct world *w = *state;
    char *elsewhere = scratch_path(w->folder, "elsewhere.key");
    char text[1000] = "";

    open_ledger(w);
    assert_int_equal(rename(w->key, elsewhere), 0);
    shut(w);
    open_ledger(w);
    add(w, "42", "sealed with the public key");
    assert_int_equal(access(w->key, F_OK), -1);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, w->key));
    th_error_close(&w->err);
    assert_int_equal(th_ledger_each_secret(w->path, elsewhere, NULL, collect, text, &w->err), 0);
    assert_string_equal(text, "candidate:sealed with the public key: ");
    text[0] = '\0';
    assert_int_equal(th_ledger_each_row(w->path, "famulor-prod", collect, text, &w->err), 0);
    assert_string_equal(text, "candidate:: ");
    free(elsewhere);
}

static void a_new_ledger_takes_over_the_key_file_that_is_there(void **state)
{
    struct world *w = *state;
    char *before, *after;
    size_t len = 0;

    open_ledger(w);
    shut(w);
    before = scratch_read(w->key, &len);
    assert_int_equal(unlink(w->path), 0);
    open_ledger(w);
    add(w, "42", "same key");
    after = scratch_read(w->key, &len);
    assert_string_equal(before, after);
    assert_rows(w, "candidate:same key: ");
    free(before);
    free(after);
}

static void the_private_key_is_on_disk_before_the_public_one_is_committed(void **state)
{
    struct world *w = *state;
    char *made, *used;
    size_t len = 0;

    /* A ledger with its schema and without keys, whose next commit fails. */
    open_ledger(w);
    shut(w);
    assert_int_equal(change(w->path, "DELETE FROM meta"), SQLITE_OK);
    assert_int_equal(unlink(w->key), 0);
    watched_disk_install();
    watched_disk_fail_writes(SQLITE_FULL);
    assert_int_equal(th_ledger_open(&w->loop, w->path, &w->ledger, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, "the disk is full"));
    th_error_close(&w->err);
    watched_disk_remove();
    made = scratch_read(w->key, &len);
    assert_non_null(made);

    open_ledger(w);
    used = scratch_read(w->key, &len);
    assert_string_equal(made, used);
    add(w, "42", "not lost");
    assert_rows(w, "candidate:not lost: ");
    free(made);
    free(used);
}

static void a_key_of_another_ledger_is_refused(void **state)
{
    struct world *w = *state;
    char *other = scratch_path(w->folder, "other.db"), *key = scratch_path(w->folder, "other.key");
    char text[1000] = "";

    assert_int_equal(th_ledger_init(other, &w->err), 0);
    open_ledger(w);
    add(w, "42", "mine");
    assert_int_equal(th_ledger_each_secret(w->path, key, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "does not belong to the ledger"));
    assert_string_equal(text, "");
    th_error_close(&w->err);
    assert_int_equal(chmod(key, 0640), 0);
    assert_int_equal(th_ledger_each_secret(w->path, key, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "chmod 600"));
    th_error_close(&w->err);
    scratch_write(key, "# nothing\n", 10, 0600);
    assert_int_equal(th_ledger_each_secret(w->path, key, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "does not hold a private key"));
    free(other);
    free(key);
}

static void a_key_file_that_is_no_key_is_not_overwritten(void **state)
{
    struct world *w = *state;
    char *after;
    size_t len = 0;

    scratch_write(w->key, "precious", 8, 0600);
    assert_int_equal(th_ledger_open(&w->loop, w->path, &w->ledger, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, w->key));
    after = scratch_read(w->key, &len);
    assert_string_equal(after, "precious");
    free(after);
}

static void init_makes_keys_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(th_ledger_init(w->path, &w->err), 0);
    assert_int_equal(th_ledger_init(w->path, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, "Nothing was changed"));
}

/* --- what is refused
 * ------------------------------------------------------------------------------- */

static void a_ledger_that_others_can_read_is_refused(void **state)
{
    struct world *w = *state;

    open_ledger(w);
    shut(w);
    assert_int_equal(chmod(w->path, 0640), 0);
    assert_refused(w, w->path, "Run: chmod 600");
    assert_int_equal(chmod(w->path, 0604), 0);
    assert_refused(w, w->path, "others can read it");
}

static void what_is_not_a_ledger_is_refused_and_left_alone(void **state)
{
    struct world *w = *state;
    char *text = scratch_path(w->folder, "notes.txt"), *below = scratch_path(text, "ledger.db");
    char *foreign = scratch_path(w->folder, "foreign.db"), *after;
    char *dangling = scratch_path(w->folder, "dangling.db");
    size_t len = 0;
    sqlite3 *db = NULL;

    scratch_write(text, "This is not a database, it is a text.", 37, 0600);
    assert_refused(w, text, "it is not a database. Restore it from a backup");
    after = scratch_read(text, &len);
    assert_string_equal(after, "This is not a database, it is a text.");
    assert_refused(w, below, "a part of this path is a file");
    assert_refused(w, w->folder, "it is a directory");
    assert_refused(w, "/dev/null", "it is not a regular file");
    assert_int_equal(symlink("/nonexistent/ledger.db", dangling), 0);
    assert_refused(w, dangling, "a link to a file that is not there");
    assert_int_equal(th_ledger_open(&w->loop, "", &w->ledger, &w->err), -TH_INVALID);

    scratch_write(foreign, "", 0, 0600);
    assert_int_equal(sqlite3_open(foreign, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_refused(w, foreign, "a database of another program");
    assert_int_equal(query(foreign, "SELECT count(*) FROM sqlite_schema"), 1);
    free(after);
    free(text);
    free(below);
    free(foreign);
    free(dangling);
}

static void a_ledger_of_a_newer_version_is_refused_untouched(void **state)
{
    struct world *w = *state;

    open_ledger(w);
    shut(w);
    assert_int_equal(change(w->path, "PRAGMA user_version = 4711"), SQLITE_OK);
    assert_refused(w, w->path, "newer trunkhost (schema 4711");
    assert_int_equal(query(w->path, "PRAGMA user_version"), 4711);
}

static void a_damaged_ledger_is_refused(void **state)
{
    struct world *w = *state;
    char junk[4096];
    int fd;

    open_ledger(w);
    for (int i = 0; i < 50; i++)
        add(w, "42", "something to fill pages with");
    shut(w);
    memset(junk, 0xa5, sizeof(junk));
    fd = open(w->path, O_WRONLY | O_CLOEXEC);
    for (off_t page = 3; page < 8; page++)
        assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), sizeof(junk));
    close(fd);
    assert_refused(w, w->path, "it is damaged");
}

static void a_missing_ledger_is_not_made_by_reading(void **state)
{
    struct world *w = *state;
    char text[1000] = "";

    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "trunkhost secrets init"));
    assert_int_equal(access(w->path, F_OK), -1);
}

/* Root may write nearly everywhere, so this looks as somebody else, in a process of its own. */
static void as_nobody(struct world *w, const char *reason)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        th_error err = {0};
        th_ledger *ledger = NULL;

        if (setgid(65534) || setuid(65534))
            _exit(2);
        if (th_ledger_open(&w->loop, w->path, &ledger, &err) != -TH_INVALID)
            _exit(3);
        _exit(strstr(err.message, reason) ? 0 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void another_user_s_ledger_and_folder_are_refused(void **state)
{
    struct world *w = *state;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(w->folder, 0755), 0);
    as_nobody(w, "this user may not write there");
    open_ledger(w);
    shut(w);
    as_nobody(w, "it belongs to another user");
    assert_int_equal(chown(w->path, 65534, 65534), 0);
    as_nobody(w, "this user may not write there"); /* no room for the log beside it */
}

static void a_read_only_file_system_is_refused(void **state)
{
    struct world *w = *state;
    pid_t pid;
    int status = 0;

    open_ledger(w);
    shut(w);
    pid = fork();
    if (pid == 0) {
        th_error err = {0};
        th_ledger *ledger = NULL;

        if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
            mount(w->folder, w->folder, "none", MS_BIND, NULL) ||
            mount("none", w->folder, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
            _exit(77); /* this test may not mount here */
        if (th_ledger_open(&w->loop, w->path, &ledger, &err) != -TH_INVALID)
            _exit(3);
        if (!strstr(err.message, "the file system is read-only"))
            _exit(4);
        strcpy(strrchr(w->path, '/'), "/new.db");
        if (th_ledger_open(&w->loop, w->path, &ledger, &err) != -TH_INVALID)
            _exit(5);
        _exit(strstr(err.message, "the file system is read-only") ? 0 : 6);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* A whole program's life; without assertions, which belong to the parent. */
static int add_and_leave(struct world *w)
{
    th_secret *secret = NULL;
    th_ledger_op op;
    int called = 0;

    if (th_ledger_open(&w->loop, w->path, &w->ledger, &w->err)) {
        fprintf(stderr, "%s\n", w->err.message);
        return 1;
    }
    if (th_secret_copy("same", 4, &secret, NULL))
        return 2;
    op = add_op("42", secret);
    op.cb = count_up;
    op.ctx = &called;
    th_ledger_submit(w->ledger, &op);
    shut(w);
    return called == 1 && op.result == 0 ? 0 : 3;
}

static void programs_that_start_at_once_share_one_ledger_and_key(void **state)
{
    struct world *w = *state;
    enum { PROGRAMS = 4 };
    int status = 0;

    for (int i = 0; i < PROGRAMS; i++) {
        if (fork() == 0)
            _exit(add_and_leave(w));
    }
    for (int i = 0; i < PROGRAMS; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_rows(w, "candidate:same: candidate:same: candidate:same: candidate:same: ");
}

static void the_default_path_follows_the_xdg_specification(void **state)
{
    char *path;

    (void)state;
    setenv("HOME", "/home/op", 1);
    setenv("XDG_STATE_HOME", "/var/state", 1);
    path = th_ledger_default_path();
    assert_string_equal(path, "/var/state/trunkhost/ledger.db");
    free(path);
    setenv("XDG_STATE_HOME", "relative", 1);
    path = th_ledger_default_path();
    assert_string_equal(path, "/home/op/.local/state/trunkhost/ledger.db");
    free(path);
    unsetenv("XDG_STATE_HOME");
    path = th_ledger_default_path();
    assert_string_equal(path, "/home/op/.local/state/trunkhost/ledger.db");
    free(path);
    unsetenv("HOME");
    assert_null(th_ledger_default_path());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_is_synced_and_visible_before_its_callback),
        TEST(a_process_that_is_killed_in_the_callback_leaves_the_secret),
        TEST(operations_of_one_turn_share_one_commit_and_finish_in_order),
        TEST(closing_with_queued_work_writes_it_and_calls_back),
        TEST(the_ledger_may_be_closed_from_a_callback),
        TEST(an_idle_ledger_does_not_keep_the_loop_alive),
        TEST(a_new_current_secret_makes_the_earlier_one_previous),
        TEST(rows_survive_reopening_with_state_and_evidence),
        TEST(a_create_gets_its_trunk_later_and_replaces_what_that_had),
        TEST(a_secret_that_may_be_live_cannot_be_deleted),
        TEST(the_fault_of_one_operation_does_not_spoil_the_others),
        TEST(a_failed_commit_fails_all_of_it_and_later_ones_work),
        TEST(a_file_size_limit_fails_the_write_and_later_ones_work),
        TEST(a_failure_that_nobody_waits_for_is_kept),
        TEST(every_file_is_private_from_the_start),
        TEST(no_secret_lies_in_any_file_in_clear),
        TEST(a_sealed_secret_that_was_moved_to_another_row_is_refused),
        TEST(rotating_works_without_the_private_key_and_export_says_where_it_looked),
        TEST(a_new_ledger_takes_over_the_key_file_that_is_there),
        TEST(the_private_key_is_on_disk_before_the_public_one_is_committed),
        TEST(a_key_of_another_ledger_is_refused),
        TEST(a_key_file_that_is_no_key_is_not_overwritten),
        TEST(init_makes_keys_once),
        TEST(a_ledger_that_others_can_read_is_refused),
        TEST(what_is_not_a_ledger_is_refused_and_left_alone),
        TEST(a_ledger_of_a_newer_version_is_refused_untouched),
        TEST(a_damaged_ledger_is_refused),
        TEST(a_missing_ledger_is_not_made_by_reading),
        TEST(another_user_s_ledger_and_folder_are_refused),
        TEST(a_read_only_file_system_is_refused),
        TEST(programs_that_start_at_once_share_one_ledger_and_key),
        TEST(the_default_path_follows_the_xdg_specification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
