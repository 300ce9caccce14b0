/* Where the ledger lies, and what is refused in its place. */
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

#include "ledger/ledger.h"
#include "ledger_world.h"
#include "scratch_folder.h"
#include "test.h"

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

/* --- what is refused -------------------------------------------------------------------------- */

WORLD_TEST(a_ledger_that_others_can_read_is_refused)
{
    world_open(w);
    world_shut(w);
    assert_int_equal(chmod(w->path, 0640), 0);
    assert_refused(w, w->path, "Run: chmod 600");
    assert_int_equal(chmod(w->path, 0604), 0);
    assert_refused(w, w->path, "others can read it");
}

WORLD_TEST(what_is_not_a_ledger_is_refused_and_left_alone)
{
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
    assert_int_equal(world_query(foreign, "SELECT count(*) FROM sqlite_schema"), 1);
    free(after);
    free(text);
    free(below);
    free(foreign);
    free(dangling);
}

WORLD_TEST(a_ledger_of_a_newer_version_is_refused_untouched)
{
    world_open(w);
    world_shut(w);
    assert_int_equal(world_change(w->path, "PRAGMA user_version = 4711"), SQLITE_OK);
    assert_refused(w, w->path, "newer trunkhost (schema 4711");
    assert_int_equal(world_query(w->path, "PRAGMA user_version"), 4711);
}

static int ignore_row(const struct th_ledger_secret_row *row, void *ctx)
{
    (void)row;
    (void)ctx;
    return 0;
}

WORLD_TEST(a_damaged_ledger_is_refused)
{
    char junk[4096];
    int fd;

    world_open(w);
    for (int i = 0; i < 50; i++)
        world_add(w, "42", "something to fill pages with");
    world_shut(w);
    memset(junk, 0xa5, sizeof junk);
    fd = open(w->path, O_WRONLY | O_CLOEXEC);
    for (off_t page = 3; page < 8; page++)
        assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
    close(fd);
    assert_refused(w, w->path, "it is damaged");
    /* A command meets the damage while it reads. */
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, ignore_row, NULL, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "it is damaged"));
}

WORLD_TEST(a_missing_ledger_is_not_made_by_reading)
{
    char text[1000] = "";

    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, world_collect, text, &w->err),
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

WORLD_TEST(another_user_s_ledger_and_folder_are_refused)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(w->folder, 0755), 0);
    as_nobody(w, "this user may not write there");
    world_open(w);
    world_shut(w);
    as_nobody(w, "it belongs to another user");
    assert_int_equal(chown(w->path, 65534, 65534), 0);
    as_nobody(w, "this user may not write there"); /* no room for the log beside it */
}

WORLD_TEST(a_read_only_file_system_is_refused)
{
    pid_t pid;
    int status = 0;

    world_open(w);
    world_shut(w);
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
    op = world_add_op("42", secret);
    op.cb = world_count_up;
    op.ctx = &called;
    th_ledger_submit(w->ledger, &op);
    world_shut(w);
    return called == 1 && op.result == 0 ? 0 : 3;
}

WORLD_TEST(programs_that_start_at_once_share_one_ledger_and_key)
{
    enum { PROGRAMS = 4 };
    int status = 0;

    for (int i = 0; i < PROGRAMS; i++)
        if (fork() == 0)
            _exit(add_and_leave(w));
    for (int i = 0; i < PROGRAMS; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    world_expect_rows(w, "candidate:same: candidate:same: candidate:same: candidate:same: ");
}

WORLD_TEST(the_default_path_follows_the_xdg_specification)
{
    char *path;

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

/* A unit with StateDirectory= and DynamicUser=, which has no home. */
WORLD_TEST(a_service_of_systemd_keeps_it_in_its_state_directory)
{
    static const struct {
        const char *xdg, *service, *home, *path;
    } cases[] = {
        {NULL, "/var/lib/trunkhost", NULL, "/var/lib/trunkhost/ledger.db"},
        {NULL, "/var/lib/trunkhost:/var/lib/other", NULL, "/var/lib/trunkhost/ledger.db"},
        {NULL, "/var/lib/trunkhost", "/root", "/var/lib/trunkhost/ledger.db"},
        {"/xdg", "/var/lib/trunkhost", "/root", "/xdg/trunkhost/ledger.db"},
        {NULL, "", "/root", "/root/.local/state/trunkhost/ledger.db"},
        {NULL, "relative", "/root", "/root/.local/state/trunkhost/ledger.db"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const names[] = {"XDG_STATE_HOME", "STATE_DIRECTORY", "HOME"};
        const char *const values[] = {cases[i].xdg, cases[i].service, cases[i].home};
        for (int n = 0; n < 3; n++)
            if (values[n])
                setenv(names[n], values[n], 1);
            else
                unsetenv(names[n]);
        char *path = th_ledger_default_path();
        assert_string_equal(path, cases[i].path);
        free(path);
    }
    unsetenv("STATE_DIRECTORY");
}
