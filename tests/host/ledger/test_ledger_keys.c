/* Nobody reads the ledger without its private key, and that key is never lost or overwritten. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger_world.h"
#include "scratch_folder.h"
#include "test.h"
#include "watched_disk.h"

/* --- private ---------------------------------------------------------------------------------- */

WORLD_TEST(every_file_is_private_from_the_start)
{
    char *deep = scratch_path(w->folder, "state/trunkhost/ledger.db");
    char *wal = scratch_path(w->folder, "state/trunkhost/ledger.db-wal");
    char *shm = scratch_path(w->folder, "state/trunkhost/ledger.db-shm");
    char *key = scratch_path(w->folder, "state/trunkhost/ledger.key");
    char *inner = scratch_path(w->folder, "state/trunkhost"),
         *outer = scratch_path(w->folder, "state");
    mode_t mask = umask(0);

    assert_int_equal(th_ledger_open(&w->loop, deep, &w->ledger, &w->err), 0);
    umask(mask);
    world_add(w, "42", "private");
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

WORLD_TEST(no_secret_lies_in_any_file_in_clear)
{
    const char text[] = "kEqzV7yBnT3mWcX9sLpR2dFg";

    world_open(w);
    world_set_state(w, world_add(w, "42", text), TH_CURRENT, "accepted");
    assert_true(scratch_contains(w->folder, "famulor-prod", 12)); /* the search does find things */
    assert_false(scratch_contains(w->folder, text, 12));
    world_shut(w);
    assert_false(scratch_contains(w->folder, text, 12));
    world_expect_rows(w, "current:kEqzV7yBnT3mWcX9sLpR2dFg:accepted ");
}

WORLD_TEST(a_sealed_secret_that_was_moved_to_another_row_is_refused)
{
    char text[1000] = "";

    world_open(w);
    world_add(w, "42", "one");
    world_add(w, "43", "two");
    world_add(w, "44", "three");
    assert_int_equal(world_change(w->path, "UPDATE secrets SET sealed = (SELECT sealed FROM secrets"
                                           " WHERE trunk = '42') WHERE trunk = '43'"),
                     SQLITE_OK);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "1 of 3 secrets"));
    assert_non_null(strstr(w->err.message, "trunk 43"));
    assert_non_null(strstr(w->err.message, "sealed for another row"));
    assert_string_equal(text, "candidate:one: candidate:three: ");
    th_error_close(&w->err);

    assert_int_equal(world_change(w->path, "UPDATE secrets SET sealed = zeroblob(length(sealed))"),
                     SQLITE_OK);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "3 of 3 secrets"));
    assert_non_null(strstr(w->err.message, "damaged, or sealed to another key"));
}

/* --- keys ------------------------------------------------------------------------------------- */

WORLD_TEST(rotating_works_without_the_private_key_and_export_says_where_it_looked)
{
    char *elsewhere = scratch_path(w->folder, "elsewhere.key");
    char text[1000] = "";

    world_open(w);
    assert_int_equal(rename(w->key, elsewhere), 0);
    world_shut(w);
    world_open(w);
    world_add(w, "42", "sealed with the public key");
    assert_int_equal(access(w->key, F_OK), -1);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, w->key));
    th_error_close(&w->err);
    assert_int_equal(th_ledger_each_secret(w->path, elsewhere, NULL, world_collect, text, &w->err),
                     0);
    assert_string_equal(text, "candidate:sealed with the public key: ");
    free(elsewhere);
}

WORLD_TEST(a_new_ledger_takes_over_the_key_file_that_is_there)
{
    char *before, *after;
    size_t len = 0;

    world_open(w);
    world_shut(w);
    before = scratch_read(w->key, &len);
    assert_int_equal(unlink(w->path), 0);
    world_open(w);
    world_add(w, "42", "same key");
    after = scratch_read(w->key, &len);
    assert_string_equal(before, after);
    world_expect_rows(w, "candidate:same key: ");
    free(before);
    free(after);
}

WORLD_TEST(the_private_key_is_on_disk_before_the_public_one_is_committed)
{
    char *made, *used;
    size_t len = 0;

    /* A ledger with its schema and without keys, whose next commit fails. */
    world_open(w);
    world_shut(w);
    assert_int_equal(world_change(w->path, "DELETE FROM meta"), SQLITE_OK);
    assert_int_equal(unlink(w->key), 0);
    watched_disk_install();
    watched_disk_fail_writes(SQLITE_FULL);
    assert_int_equal(th_ledger_open(&w->loop, w->path, &w->ledger, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, "the disk is full"));
    th_error_close(&w->err);
    watched_disk_remove();
    made = scratch_read(w->key, &len);
    assert_non_null(made);

    world_open(w);
    used = scratch_read(w->key, &len);
    assert_string_equal(made, used);
    world_add(w, "42", "not lost");
    world_expect_rows(w, "candidate:not lost: ");
    free(made);
    free(used);
}

WORLD_TEST(a_key_of_another_ledger_is_refused)
{
    char *other = scratch_path(w->folder, "other.db"), *key = scratch_path(w->folder, "other.key");
    char text[1000] = "";

    assert_int_equal(th_ledger_init(other, &w->err), 0);
    world_open(w);
    world_add(w, "42", "mine");
    assert_int_equal(th_ledger_each_secret(w->path, key, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "does not belong to the ledger"));
    assert_string_equal(text, "");
    th_error_close(&w->err);
    assert_int_equal(chmod(key, 0640), 0);
    assert_int_equal(th_ledger_each_secret(w->path, key, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "chmod 600"));
    th_error_close(&w->err);
    scratch_write(key, "# nothing\n", 10, 0600);
    assert_int_equal(th_ledger_each_secret(w->path, key, NULL, world_collect, text, &w->err),
                     -TH_INVALID);
    assert_non_null(strstr(w->err.message, "does not hold a private key"));
    free(other);
    free(key);
}

WORLD_TEST(a_key_file_that_is_no_key_is_not_overwritten)
{
    char *after;
    size_t len = 0;

    scratch_write(w->key, "precious", 8, 0600);
    assert_int_equal(th_ledger_open(&w->loop, w->path, &w->ledger, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, w->key));
    after = scratch_read(w->key, &len);
    assert_string_equal(after, "precious");
    free(after);
}

WORLD_TEST(init_makes_keys_once)
{
    assert_int_equal(th_ledger_init(w->path, &w->err), 0);
    assert_int_equal(th_ledger_init(w->path, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, "Nothing was changed"));
}
