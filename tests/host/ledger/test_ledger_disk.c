/* A disk that is full, and other programs that read and write the ledger meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/backup.h"
#include "ledger/ledger.h"
#include "ledger/lock.h"
#include "ledger_world.h"
#include "scratch_folder.h"
#include "test.h"

/* --- a full disk: a small one, mounted in a process of its own -------------------------------- */

enum { CANNOT_MOUNT = 77 };

/* Takes all room that is left. */
static int fill_up(const char *path)
{
    char block[4096] = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    while (fd >= 0 && write(fd, block, sizeof block) > 0)
        continue;
    return fd < 0 || close(fd) || errno != ENOSPC;
}

static void on_small_disk(struct world *w, int (*act)(struct world *w, const char *filler))
{
    char *filler = scratch_path(w->folder, "filler");
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
            mount("tmpfs", w->folder, "tmpfs", 0, "size=512k,mode=0700"))
            _exit(CANNOT_MOUNT);
        _exit(act(w, filler));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    free(filler);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_MOUNT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool says_full(struct world *w)
{
    bool full = w->err.message && strstr(w->err.message, "the disk is full. Free some space");

    if (!full)
        fprintf(stderr, "%s\n", w->err.message ? w->err.message : "no message");
    th_error_close(&w->err);
    return full;
}

static int open_on_full_disk(struct world *w, const char *filler)
{
    if (fill_up(filler))
        return 1;
    if (th_ledger_open(&w->loop, w->path, &w->ledger, &w->err) != -TH_INVALID || !says_full(w))
        return 2;
    if (unlink(filler))
        return 3;
    return th_ledger_open(&w->loop, w->path, &w->ledger, &w->err) ? 4 : 0;
}

WORLD_TEST(a_full_disk_is_refused_when_the_ledger_is_opened)
{
    on_small_disk(w, open_on_full_disk);
}

static int add(struct world *w)
{
    th_secret *secret = NULL;
    th_ledger_op op;
    int called = 0, rc;

    if (th_secret_copy("password", 8, &secret, NULL))
        return 1;
    op = world_add_op("42", secret);
    op.cb = world_count_up;
    op.ctx = &called;
    th_ledger_submit(w->ledger, &op);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    rc = op.result;
    th_error_move(&w->err, &op.err);
    th_secret_unref(secret);
    return rc;
}

static int write_on_full_disk(struct world *w, const char *filler)
{
    int written = 0;

    if (th_ledger_open(&w->loop, w->path, &w->ledger, &w->err) || fill_up(filler))
        return 1;
    while (written < 10000 && add(w) == 0)
        written++;
    if (!says_full(w))
        return 2;
    if (world_query(w->path, "SELECT count(*) FROM secrets") != written)
        return 3;
    if (add(w) == 0 || !says_full(w) || unlink(filler) || add(w))
        return 4;
    return world_query(w->path, "SELECT count(*) FROM secrets") == written + 1 ? 0 : 5;
}

WORLD_TEST(a_full_disk_fails_the_write_and_nothing_that_was_told_is_lost)
{
    on_small_disk(w, write_on_full_disk);
}

static int lock_on_full_disk(struct world *w, const char *filler)
{
    th_lock *lock = NULL;

    scratch_write(w->path, "", 0, 0600);
    if (fill_up(filler))
        return 1;
    /* Where even a name needs room the folder cannot be made, elsewhere the holder's name. */
    if (th_lock_take(w->path, "famulor-prod", "r1", &lock, &w->err) != -TH_INVALID ||
        !strstr(w->err.message, "Free some space, then start again"))
        return 2;
    th_error_close(&w->err);
    if (unlink(filler) || th_lock_take(w->path, "famulor-prod", "r1", &lock, &w->err))
        return 3;
    th_lock_release(lock);
    return 0;
}

WORLD_TEST(a_lock_on_a_full_disk_says_what_to_do)
{
    on_small_disk(w, lock_on_full_disk);
}

static int backup_to_full_disk(struct world *w, const char *filler)
{
    char *copy = scratch_path(w->folder, "copy.db");
    int rc = 0;

    if (th_ledger_open(&w->loop, w->path, &w->ledger, &w->err) || add(w) || fill_up(filler))
        return 1;
    if (th_ledger_backup(w->path, copy, &w->err) != -TH_INVALID ||
        !strstr(w->err.message, "the disk is full"))
        rc = 2;
    else if (access(copy, F_OK) == 0)
        rc = 3;
    free(copy);
    return rc;
}

WORLD_TEST(a_backup_that_finds_no_room_leaves_nothing_behind)
{
    on_small_disk(w, backup_to_full_disk);
}

/* --- other programs --------------------------------------------------------------------------- */

static sqlite3 *connect_to(struct world *w)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(w->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    return db;
}

WORLD_TEST(a_long_reader_stops_no_writer_and_sees_one_moment)
{
    enum { COMMITS = 2000 };
    sqlite3 *reader;
    sqlite3_stmt *stmt = NULL;
    int seen = 1;

    world_open(w);
    world_add(w, "1", "first");
    world_add(w, "1", "second");
    reader = connect_to(w);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT id FROM secrets", -1, &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    for (int i = 0; i < COMMITS; i++)
        world_add(w, "42", "while it reads");
    while (sqlite3_step(stmt) == SQLITE_ROW)
        seen++;
    assert_int_equal(seen, 2);
    sqlite3_finalize(stmt);
    world_shut(w); /* the reader is still connected */
    world_open(w);
    world_add(w, "42", "afterwards");
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), COMMITS + 3);
    sqlite3_close(reader);
}

WORLD_TEST(a_commit_waits_for_that_of_another_program)
{
    th_secret *secret = world_secret("patient");
    th_ledger_op op = world_add_op("42", secret);
    sqlite3 *other;
    int called = 0;

    world_open(w);
    other = connect_to(w);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    op.cb = world_count_up;
    op.ctx = &called;
    th_ledger_submit(w->ledger, &op);
    for (int i = 0; i < 100; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(called, 0);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(called, 1);
    assert_int_equal(op.result, 0);
    sqlite3_close(other);
    th_secret_unref(secret);
}

WORLD_TEST(a_backup_during_a_run_is_whole_private_and_one_file)
{
    char *copy = scratch_path(w->folder, "copy.db"), *log = scratch_path(w->folder, "copy.db-wal");
    char text[1000] = "";
    mode_t mask = umask(0);
    int rc;

    world_open(w);
    world_set_state(w, world_add(w, "42", "backed up"), TH_CURRENT, "accepted");
    rc = th_ledger_backup(w->path, copy, &w->err);
    umask(mask);
    assert_int_equal(rc, 0);
    world_add(w, "42", "after the backup");
    assert_int_equal(scratch_mode(copy), 0600);
    assert_int_equal(access(log, F_OK), -1);
    assert_int_equal(th_ledger_each_secret(copy, w->key, NULL, world_collect, text, &w->err), 0);
    assert_string_equal(text, "current:backed up:accepted ");
    assert_int_equal(th_ledger_backup(w->path, copy, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, "it is there already"));
    free(copy);
    free(log);
}
