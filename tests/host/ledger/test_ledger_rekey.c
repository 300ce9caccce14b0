/* A new key for the ledger: all of it or nothing, and at no instant without a key that opens it. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/keys.h"
#include "ledger/ledger.h"
#include "ledger/rekey.h"
#include "ledger_v1.h"
#include "ledger_world.h"
#include "scratch_folder.h"
#include "test.h"
#include "watched_disk.h"

struct files {
    char *next, *old, *elsewhere;
};

static struct files files_of(struct world *w)
{
    return (struct files){scratch_path(w->folder, "ledger.key.next"),
                          scratch_path(w->folder, "ledger.key.old"),
                          scratch_path(w->folder, "elsewhere.key")};
}

static void files_free(struct files *files)
{
    free(files->next);
    free(files->old);
    free(files->elsewhere);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void fill(struct world *w)
{
    world_open(w);
    world_set_state(w, world_add(w, "42", "one"), TH_CURRENT, "accepted");
    world_add(w, "43", "two");
    world_shut(w);
}

static const char filled[] = "current:one:accepted candidate:two: ";

static void rekey(struct world *w, struct th_rekey how)
{
    if (th_ledger_rekey(w->path, &how, &w->err))
        fail_msg("%s", w->err.message);
}

static void assert_refused(struct world *w, struct th_rekey how, const char *reason)
{
    assert_int_equal(th_ledger_rekey(w->path, &how, &w->err), -TH_INVALID);
    if (!strstr(w->err.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", w->err.message, reason);
    th_error_close(&w->err);
}

WORLD_TEST(only_the_new_key_opens_the_ledger_and_the_old_one_is_gone)
{
    struct files files = files_of(w);
    char *before, *after, text[1000] = "";
    size_t len = 0;

    fill(w);
    before = scratch_read(w->key, &len);
    rekey(w, (struct th_rekey){0});
    after = scratch_read(w->key, &len);
    assert_string_not_equal(before, after);
    assert_int_equal(scratch_mode(w->key), 0600);
    world_expect_rows(w, filled);
    assert_false(there(files.next));
    assert_false(there(files.old));
    scratch_write(files.elsewhere, before, strlen(before), 0600);
    assert_int_equal(
        th_ledger_each_secret(w->path, files.elsewhere, NULL, world_collect, text, &w->err),
        -TH_INVALID);
    assert_non_null(strstr(w->err.message, "does not belong to the ledger"));
    free(before);
    free(after);
    files_free(&files);
}

WORLD_TEST(the_old_key_can_be_kept_and_opens_older_copies)
{
    struct files files = files_of(w);
    char *before, *kept;
    size_t len = 0;

    fill(w);
    before = scratch_read(w->key, &len);
    rekey(w, (struct th_rekey){.keep_old = true});
    kept = scratch_read(files.old, &len);
    assert_string_equal(before, kept);
    assert_int_equal(scratch_mode(files.old), 0600);
    assert_refused(w, (struct th_rekey){0}, "Move it to a safe place first");
    world_expect_rows(w, filled);
    free(before);
    free(kept);
    files_free(&files);
}

WORLD_TEST(a_key_that_lies_elsewhere_stays_elsewhere)
{
    struct files files = files_of(w);
    char *fresh = scratch_path(w->folder, "fresh.key"), text[1000] = "";

    fill(w);
    assert_int_equal(rename(w->key, files.elsewhere), 0);
    assert_refused(w, (struct th_rekey){0}, "there is no private key");
    assert_refused(w, (struct th_rekey){.key = files.elsewhere}, "--key-out");
    rekey(w, (struct th_rekey){.key = files.elsewhere, .key_out = fresh});
    assert_false(there(w->key));
    assert_int_equal(scratch_mode(fresh), 0600);
    assert_int_equal(th_ledger_each_secret(w->path, fresh, NULL, world_collect, text, &w->err), 0);
    assert_string_equal(text, filled);
    assert_refused(w, (struct th_rekey){.key = fresh, .key_out = files.elsewhere}, "File exists");
    free(fresh);
    files_free(&files);
}

WORLD_TEST(a_run_that_has_the_ledger_open_seals_to_the_new_key)
{
    world_open(w);
    world_add(w, "42", "before");
    rekey(w, (struct th_rekey){0});
    world_add(w, "42", "after");
    world_expect_rows(w, "candidate:before: candidate:after: ");
}

WORLD_TEST(passwords_of_an_older_schema_are_sealed_anew)
{
    char text[1000] = "";

    ledger_v1_make(w->path, w->key);
    rekey(w, (struct th_rekey){0});
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, world_collect, text, &w->err), 0);
    assert_non_null(strstr(text, "current:42-fourth-password:accepted "));
    assert_non_null(strstr(text, "candidate:43-second-password: "));
}

WORLD_TEST(one_password_that_does_not_open_leaves_everything_as_it_was)
{
    struct files files = files_of(w);
    char *before, *after, text[1000] = "";
    size_t len = 0;

    fill(w);
    assert_int_equal(world_change(w->path, "UPDATE secrets SET trunk = '99' WHERE trunk = '43'"),
                     0);
    before = scratch_read(w->key, &len);
    assert_refused(w, (struct th_rekey){0}, "trunk 99) does not open");
    after = scratch_read(w->key, &len);
    assert_string_equal(before, after);
    assert_false(there(files.next));
    assert_false(there(files.old));
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_string_equal(text, "current:one:accepted ");
    free(before);
    free(after);
    files_free(&files);
}

WORLD_TEST(a_full_disk_leaves_the_ledger_readable_and_no_key_is_lost)
{
    struct files files = files_of(w);

    fill(w);
    watched_disk_install();
    watched_disk_fail_writes(SQLITE_FULL);
    assert_refused(w, (struct th_rekey){0}, "the disk is full");
    watched_disk_fail_writes(0);
    watched_disk_fail_syncs(SQLITE_IOERR_FSYNC);
    assert_refused(w, (struct th_rekey){0}, "the disk reports an error");
    watched_disk_fail_syncs(0);
    watched_disk_remove();
    world_expect_rows(w, filled);
    rekey(w, (struct th_rekey){0});
    world_expect_rows(w, filled);
    assert_false(there(files.next));
    assert_false(there(files.old));
    files_free(&files);
}

/* --- cut off ---------------------------------------------------------------------------------- */

WORLD_TEST(cut_off_before_the_commit_the_old_key_opens_it_and_it_can_be_repeated)
{
    struct files files = files_of(w);
    char *key;
    size_t len = 0;

    fill(w);
    key = scratch_read(w->key, &len);
    scratch_write(files.old, key, len, 0600);
    scratch_write(files.next, "# half a k", 10, 0600);
    world_expect_rows(w, filled);
    rekey(w, (struct th_rekey){0});
    world_expect_rows(w, filled);
    assert_false(there(files.next));
    assert_false(there(files.old));
    free(key);
    files_free(&files);
}

WORLD_TEST(cut_off_after_the_commit_the_new_key_opens_it_and_is_put_in_place)
{
    struct files files = files_of(w);
    char *key, *now;
    size_t len = 0;

    fill(w);
    rekey(w, (struct th_rekey){.keep_old = true});
    /* As it was between the commit and the renaming. */
    assert_int_equal(rename(w->key, files.next), 0);
    assert_int_equal(link(files.old, w->key), 0);
    world_expect_rows(w, filled);
    world_open(w);
    world_add(w, "44", "meanwhile");
    world_shut(w);
    world_expect_rows(w, "current:one:accepted candidate:two: candidate:meanwhile: ");
    key = scratch_read(files.next, &len);
    /* The next one first ends this one: its key is the one that is replaced now. */
    assert_refused(w, (struct th_rekey){0}, "Move it to a safe place first");
    now = scratch_read(w->key, &len);
    assert_string_equal(key, now);
    assert_int_equal(unlink(files.old), 0);
    rekey(w, (struct th_rekey){0});
    world_expect_rows(w, "current:one:accepted candidate:two: candidate:meanwhile: ");
    free(key);
    free(now);
    files_free(&files);
}
