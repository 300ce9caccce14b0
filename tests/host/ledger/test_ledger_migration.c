/* An older ledger is brought up to date as it is opened, with every password it held. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger_v1.h"
#include "ledger_world.h"
#include "scratch_folder.h"
#include "test.h"
#include "watched_disk.h"

static int collect_all(const struct th_ledger_secret_row *row, void *ctx)
{
    char *text = ctx;
    size_t len = strlen(text);

    snprintf(text + len, 2000 - len, "%s:%s:%.*s:%s ", row->trunk, th_secret_state_name(row->state),
             (int)row->secret_len, row->secret, row->evidence);
    return 0;
}

WORLD_TEST(every_password_of_schema_1_opens_after_the_migration)
{
    char text[2000] = "";

    ledger_v1_make(w->path, w->key);
    world_open(w);
    assert_int_equal(world_query(w->path, "PRAGMA user_version"), 7);
    assert_int_equal(th_ledger_each_secret(w->path, NULL, NULL, collect_all, text, &w->err), 0);
    assert_string_equal(text, "42:previous:42-first-password:accepted "
                              "42:previous:42-second-password:accepted "
                              "42:previous:42-third-password:accepted "
                              "42:current:42-fourth-password:accepted "
                              "4242:rejected:4242-refused-password:refused "
                              "43:current:43-first-password:accepted "
                              "50:current:created-password:accepted "
                              "43:candidate:43-second-password: ");
    world_expect(w, "SELECT id, script, status, pid, host, resumed_from FROM runs",
                 "20261120T063953Z-ae3fa7|make.lua|0|-||- "
                 "20261120T063953Z-b6f75d|make.lua|-|-||-");
    world_expect(w, "SELECT count(*) FROM secrets WHERE state = 'current' AND proven_at IS NULL",
                 "0");
    world_expect(w, "PRAGMA foreign_key_check", "");
    world_expect(w, "PRAGMA integrity_check", "ok");
}

WORLD_TEST(a_candidate_that_a_proven_one_has_followed_becomes_previous)
{
    ledger_v1_make(w->path, w->key);
    assert_int_equal(world_change(w->path, "UPDATE secrets SET state = 'candidate', evidence = ''"
                                           " WHERE id = 2"),
                     SQLITE_OK);
    world_open(w);
    world_expect(w, "SELECT id, state, evidence FROM secrets WHERE id IN (1, 2, 8)",
                 "1|previous|accepted 2|previous|superseded 8|candidate|");
}

/* Everything that a table is made of, in an order that does not depend on its history. */
static const char shape[] =
    "SELECT group_concat(line, ' ') FROM (SELECT type || ' ' || name AS line FROM sqlite_schema"
    " UNION SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\""
    " FROM sqlite_schema AS t, pragma_table_info(t.name) AS c ORDER BY line)";

WORLD_TEST(a_migrated_ledger_is_like_a_new_one)
{
    char *fresh = scratch_path(w->folder, "fresh.db"), *old = w->path, *wanted;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(th_ledger_init(fresh, &w->err), 0);
    assert_int_equal(sqlite3_open(fresh, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, shape, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    wanted = strdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    ledger_v1_make(old, w->key);
    world_open(w);
    world_expect(w, shape, wanted);
    free(wanted);
    free(fresh);
}

WORLD_TEST(a_migration_that_fails_leaves_the_old_ledger)
{
    ledger_v1_make(w->path, w->key);
    watched_disk_install();
    watched_disk_fail_writes(SQLITE_FULL);
    assert_int_equal(th_ledger_open(&w->loop, w->path, &w->ledger, &w->err), -TH_INVALID);
    assert_non_null(strstr(w->err.message, "the disk is full"));
    th_error_close(&w->err);
    watched_disk_fail_writes(0);
    watched_disk_remove();
    assert_int_equal(world_query(w->path, "PRAGMA user_version"), 1);
    assert_int_equal(
        world_query(w->path, "SELECT count(*) FROM sqlite_schema WHERE name = 'items'"), 0);
    world_open(w);
    assert_int_equal(world_query(w->path, "PRAGMA user_version"), 7);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 8);
}

WORLD_TEST(programs_that_start_at_once_migrate_once)
{
    enum { PROGRAMS = 4 };
    int status = 0;

    ledger_v1_make(w->path, w->key);
    for (int i = 0; i < PROGRAMS; i++) {
        if (fork() == 0) {
            int rc = th_ledger_open(&w->loop, w->path, &w->ledger, &w->err);

            if (rc)
                fprintf(stderr, "%s\n", w->err.message);
            world_shut(w);
            _exit(rc ? 1 : 0);
        }
    }
    for (int i = 0; i < PROGRAMS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 8);
}

WORLD_TEST(a_reader_in_the_middle_of_the_old_ledger_does_not_stop_the_migration)
{
    sqlite3 *reader = NULL;
    sqlite3_stmt *stmt = NULL;

    ledger_v1_make(w->path, w->key);
    assert_int_equal(sqlite3_open(w->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT id FROM secrets", -1, &stmt, NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    world_open(w);
    world_add(w, "42", "after the migration");
    for (int i = 2; i <= 8; i++)
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_step(stmt), SQLITE_DONE); /* what it began to read is what it sees */
    sqlite3_finalize(stmt);
    sqlite3_close(reader);
    assert_int_equal(world_query(w->path, "SELECT count(*) FROM secrets"), 9);
}

WORLD_TEST(a_ledger_of_schema_2_keeps_its_runs_and_items)
{
    int64_t row;

    world_open(w);
    world_begin_run(w);
    row = world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_BEGIN,
                                     .run = "r1",
                                     .account = "bolna",
                                     .trunk = "42",
                                     .item_state = TH_ITEM_RUNNING,
                                     .plan = "{\"is_active\":false}"});
    world_shut(w);
    assert_int_equal(world_change(w->path, "DROP INDEX items_undoing;"
                                           "ALTER TABLE items DROP COLUMN undoes;"
                                           "ALTER TABLE items DROP COLUMN after;"
                                           "ALTER TABLE items DROP COLUMN before;"
                                           "ALTER TABLE runs DROP COLUMN undoes;"
                                           "ALTER TABLE runs DROP COLUMN conclusion;"
                                           "ALTER TABLE runs DROP COLUMN purpose;"
                                           "DROP INDEX runs_in_order;"
                                           "ALTER TABLE runs DROP COLUMN seq;"
                                           "ALTER TABLE runs DROP COLUMN process;"
                                           "ALTER TABLE attempts DROP COLUMN newest;"
                                           "ALTER TABLE secrets DROP COLUMN turn;"
                                           "ALTER TABLE creates DROP COLUMN changed_boot;"
                                           "ALTER TABLE items DROP COLUMN label;"
                                           "PRAGMA user_version = 2"),
                     SQLITE_OK);
    world_open(w);
    assert_int_equal(world_query(w->path, "PRAGMA user_version"), 7);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_ITEM_END,
                               .row = row,
                               .item_state = TH_ITEM_DONE,
                               .evidence = "updated_at",
                               .before = "{\"is_active\":true}",
                               .after = "{\"is_active\":false}"});
    world_expect(w, "SELECT trunk, state, plan, before, after, undoes FROM items",
                 "42|done|{\"is_active\":false}|{\"is_active\":true}|{\"is_active\":false}|-");
    world_expect(w, "PRAGMA foreign_key_check", "");
}

WORLD_TEST(what_later_runs_need_of_a_run_is_read_once_out_of_old_arguments)
{
    world_open(w);
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN,
                               .run = "a",
                               .arguments = "[\"--from\",\"old\",\"--to=new\",\"--deliver=x\"]"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN,
                               .run = "b",
                               .resumed_from = "a",
                               .arguments = "[\"--resume\",\"a\"]"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN,
                               .run = "c",
                               .resumed_from = "b",
                               .arguments = "[\"--resume\",\"b\"]"});
    world_do(w, (th_ledger_op){
                    .verb = TH_LEDGER_RUN_BEGIN, .run = "d", .arguments = "[\"--rollback\"]"});
    world_do(w, (th_ledger_op){.verb = TH_LEDGER_RUN_BEGIN, .run = "e", .purpose = "{}"});
    world_shut(w);
    assert_int_equal(world_change(w->path, "ALTER TABLE runs DROP COLUMN purpose;"
                                           "PRAGMA user_version = 6"),
                     SQLITE_OK);
    world_open(w);
    world_expect(w,
                 "SELECT id, purpose ->> 'from', purpose ->> 'to', purpose ->> 'deliver',"
                 " purpose ->> 'rollback' FROM runs WHERE id < 'f' ORDER BY id",
                 "a|old|new|1|0 b|old|new|1|0 c|old|new|1|0 d|-|-|0|1 e|-|-|-|-");
}
