#include "ledger/database.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/alive.h"
#include "ledger/file.h"
#include "ledger/schema.h"
#include "ledger/sql.h"

enum {
    BUSY_MS = 10000, /* how long a commit waits for another process's commit */
    BUSY_STEP_MS = 5,
};

/* Refuses a database in which the first answer to sql is anything but `wanted`. */
static int query_expect(sqlite3 *db, const char *path, const char *sql, const char *wanted,
                        const char *reason, const char *advice, th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *answer = (const char *)sqlite3_column_text(stmt, 0);

        if (!answer || strcmp(answer, wanted) != 0)
            rc = th_fail(err, TH_INVALID, "cannot open the ledger %s: %s (%.*s). %s", path, reason,
                         (int)strcspn(answer ? answer : "?", "\n"), answer ? answer : "?", advice);
        else
            rc = 0;
    } else {
        rc = th_database_fail(err, db, rc, "open", path);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static int prepare(sqlite3 *db, const char *path, enum th_database_use use, th_error *err)
{
    int version = 0;
    int rc = th_schema_identify(db, path, &version, err);

    if (!rc && use == TH_DATABASE_RUN)
        rc = query_expect(db, path, "PRAGMA quick_check(1)", "ok", "it is damaged",
                          th_database_restore, err);
    if (rc)
        return rc;
    if ((rc = query_expect(db, path, "PRAGMA journal_mode = WAL", "wal",
                           "its file system cannot keep a write-ahead log",
                           "Name a file on a local disk with --ledger", err)) ||
        (rc = th_database_execute(db, path,
                                  "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                                  "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
                                  "PRAGMA wal_autocheckpoint = 4000",
                                  err)))
        return rc;
    return version < th_database_version() ? th_schema_migrate(db, path, err) : 0;
}

static int64_t milliseconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * SQLite's busy timeout does not cover two moments of another program: the switch to the
 * write-ahead log when it makes the ledger, and the removal of that log when it is the last to
 * close.
 */
static int prepare_patiently(sqlite3 *db, const char *path, enum th_database_use use, th_error *err)
{
    const int64_t deadline = milliseconds() + BUSY_MS;
    th_error problem = {0};
    int rc;

    while ((rc = prepare(db, path, use, &problem)) && (sqlite3_errcode(db) & 0xff) == SQLITE_BUSY &&
           milliseconds() < deadline)
        sqlite3_sleep(BUSY_STEP_MS);
    if (rc && err)
        th_error_move(err, &problem);
    th_error_close(&problem);
    return rc;
}

/* SQL: lives(host, pid, started_at, process): whether the process that a run was is still there. */
static void sql_lives(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const char *host = (const char *)sqlite3_value_text(argv[0]);
    const char *when = (const char *)sqlite3_value_text(argv[2]);
    pid_t pid = (pid_t)sqlite3_value_int64(argv[1]);

    (void)argc;
    sqlite3_result_int(
        context, host && when &&
                     th_process_lives(host, pid, when, (const char *)sqlite3_value_text(argv[3])));
}

/* The statistics of its memory, which nobody asks for, cost SQLite a lock at each allocation. */
static void start_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int connect_to(const char *path, sqlite3 **out, th_error *err)
{
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    char *name = NULL;
    int rc;

    pthread_once(&started, start_sqlite);
    /* SQLite gives some relative names (":memory:") a meaning of their own. */
    if (asprintf(&name, "%s%s", path[0] == '/' ? "" : "./", path) < 0)
        return th_fail(err, TH_INVALID, "cannot open the ledger %s: not enough memory", path);
    rc = sqlite3_open_v2(name, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    if (!rc)
        rc = sqlite3_create_function(*out, "lives", 4, SQLITE_UTF8, NULL, sql_lives, NULL, NULL);
    if (rc)
        return th_database_fail(err, *out, rc, "open", path);
    sqlite3_extended_result_codes(*out, 1);
    sqlite3_busy_timeout(*out, BUSY_MS);
    return 0;
}

int th_database_open(const char *path, enum th_database_use use, sqlite3 **out, th_error *err)
{
    sqlite3 *db = NULL;
    int rc = th_ledger_file_prepare(path, use == TH_DATABASE_RUN, err);

    if (rc)
        return rc;
    if ((rc = connect_to(path, &db, err)) || (rc = prepare_patiently(db, path, use, err))) {
        sqlite3_close(db);
        return rc;
    }
    *out = db;
    return 0;
}

int th_database_look(const char *path, sqlite3 **out, th_error *err)
{
    sqlite3 *db = NULL;
    int rc = connect_to(path, &db, err);

    if (!rc)
        rc = th_database_execute(db, path, "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF",
                                 err);
    if (rc) {
        sqlite3_close(db);
        return rc;
    }
    *out = db;
    return 0;
}
