/* One writer for each account and ledger, whatever happens to the one before. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/lock.h"
#include "ledger_world.h"
#include "scratch_folder.h"
#include "test.h"

static th_lock *take(struct world *w, const char *account)
{
    th_lock *lock = NULL;

    if (th_lock_take(w->path, account, "r1", &lock, &w->err))
        fail_msg("%s", w->err.message);
    assert_string_equal(th_lock_account(lock), account);
    return lock;
}

static int set_up(void **state)
{
    int rc = world_set_up(state);

    scratch_write(((struct world *)*state)->path, "", 0, 0600);
    return rc;
}

#define LOCK_TEST(name) TEST_WITH(set_up, world_tear_down, name, struct world *w)

/* A process that holds the lock until it is killed, and perhaps a program that it has started. */
struct other {
    pid_t pid, child;
};

static struct other hold(struct world *w, const char *account, bool with_child)
{
    struct other other = {0};
    int ready[2];

    assert_int_equal(pipe(ready), 0);
    other.pid = fork();
    if (other.pid == 0) {
        char name[] = "sleep", seconds[] = "60", *argv[] = {name, seconds, NULL};
        th_lock *lock = NULL;
        pid_t child = 0;

        if (th_lock_take(w->path, account, "20250131T235959Z-4f2a91", &lock, NULL))
            _exit(1);
        if (with_child && posix_spawnp(&child, name, NULL, NULL, argv, environ))
            _exit(2);
        if (write(ready[1], &child, sizeof(child)) != sizeof(child))
            _exit(3);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &other.child, sizeof other.child), sizeof other.child);
    close(ready[0]);
    return other;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void assert_says(struct world *w, const char *word)
{
    if (!strstr(w->err.message, word))
        fail_msg("\"%s\" does not say \"%s\"", w->err.message, word);
}

LOCK_TEST(a_second_run_is_refused_at_once_and_told_by_whom_since_when)
{
    struct other other = hold(w, "famulor-prod", false);
    th_lock *lock = NULL;
    char pid[40];

    snprintf(pid, sizeof pid, "process %ld", (long)other.pid);
    assert_int_equal(th_lock_take(w->path, "famulor-prod", "r2", &lock, &w->err), -TH_CONFLICT);
    assert_null(lock);
    assert_string_equal(w->err.code, "locked");
    assert_says(w, "account famulor-prod is being changed by another run");
    assert_says(w, "20250131T235959Z-4f2a91");
    assert_says(w, pid);
    assert_says(w, "since 20");
    th_error_close(&w->err);
    end(other.pid);
}

LOCK_TEST(the_lock_is_free_when_its_process_was_killed)
{
    struct other other = hold(w, "famulor-prod", false);

    end(other.pid);
    th_lock_release(take(w, "famulor-prod"));
}

LOCK_TEST(a_child_of_the_holder_does_not_keep_the_lock)
{
    struct other other = hold(w, "famulor-prod", true);
    char path[64];
    struct stat st;

    end(other.pid);
    snprintf(path, sizeof path, "/proc/%ld", (long)other.child);
    assert_int_equal(stat(path, &st), 0); /* it does live on */
    /* The kernel closes the child's copy while it starts the program, a moment after the holder may
     * go on. */
    th_lock *lock = NULL;
    while (th_lock_take(w->path, "famulor-prod", "r1", &lock, &w->err) != 0) {
        th_error_close(&w->err);
        sched_yield();
    }
    th_lock_release(lock);
    kill(other.child, SIGKILL);
}

LOCK_TEST(other_accounts_and_other_ledgers_are_free)
{
    char *path = scratch_path(w->folder, "other.db");
    th_lock *first = take(w, "famulor-prod"), *second = take(w, "vatel"), *third = NULL;

    scratch_write(path, "", 0, 0600);
    assert_int_equal(th_lock_take(path, "famulor-prod", "r1", &third, &w->err), 0);
    th_lock_release(first);
    th_lock_release(second);
    th_lock_release(third);
    free(path);
}

LOCK_TEST(two_names_of_one_ledger_have_one_lock)
{
    char *link = scratch_path(w->folder, "link.db");
    th_lock *lock = take(w, "famulor-prod"), *other = NULL;

    assert_int_equal(symlink(w->path, link), 0);
    assert_int_equal(th_lock_take(link, "famulor-prod", "r2", &other, &w->err), -TH_CONFLICT);
    th_error_close(&w->err);
    th_lock_release(lock);
    free(link);
}

LOCK_TEST(a_released_lock_can_be_taken_again)
{
    for (int i = 0; i < 3; i++)
        th_lock_release(take(w, "famulor-prod"));
    th_lock_release(NULL);
}

LOCK_TEST(the_files_are_private_and_an_account_cannot_leave_the_folder)
{
    char *folder = scratch_path(w->folder, "ledger.lock");
    char *file = scratch_path(w->folder, "ledger.lock/%2e.%2fup%20%c3%a4");
    char *plain = scratch_path(w->folder, "ledger.lock/famulor-prod");
    mode_t mask = umask(0);
    th_lock *odd = take(w, "../up \xc3\xa4"), *lock = take(w, "famulor-prod");

    umask(mask);
    assert_int_equal(scratch_mode(folder), 0700);
    assert_int_equal(scratch_mode(file), 0600);
    assert_int_equal(scratch_mode(plain), 0600);
    th_lock_release(odd);
    th_lock_release(lock);
    free(folder);
    free(file);
    free(plain);
}

LOCK_TEST(a_lock_that_others_could_hold_is_refused)
{
    char *folder = scratch_path(w->folder, "ledger.lock");
    char *file = scratch_path(w->folder, "ledger.lock/famulor-prod");
    th_lock *lock = NULL;

    th_lock_release(take(w, "famulor-prod"));
    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(th_lock_take(w->path, "famulor-prod", "r2", &lock, &w->err), -TH_INVALID);
    assert_says(w, "chmod 600");
    th_error_close(&w->err);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(th_lock_take(w->path, "famulor-prod", "r2", &lock, &w->err), -TH_INVALID);
    assert_says(w, "chmod 700");
    th_error_close(&w->err);
    free(folder);
    free(file);
}

LOCK_TEST(a_lock_that_cannot_be_made_says_what_to_do)
{
    char *folder = scratch_path(w->folder, "ledger.lock");
    th_lock *lock = NULL;

    scratch_write(folder, "", 0, 0600);
    assert_int_equal(th_lock_take(w->path, "famulor-prod", "r2", &lock, &w->err), -TH_INVALID);
    assert_says(w, "Make the folder of the ledger writable");
    th_error_close(&w->err);
    free(folder);
}
