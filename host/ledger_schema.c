#include "ledger_schema.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger.h"
#include "ledger_file.h"

enum {
    APPLICATION_ID = 0x74726b68, /* "trkh": tells a ledger from another program's database */
    BUSY_MS = 10000,             /* how long a commit waits for another process's commit */
    BUSY_STEP_MS = 5,
};

static const char restore[] = "Restore it from a backup, or name another with --ledger";

/*
 * Step i brings version i to version i + 1. A step that has been released is never edited: what
 * must change is changed by a further step.
 *
 * one_current holds what the export relies on: a trunk has at most one current secret per field. A
 * create that has not answered has no trunk yet, so several of those may stand side by side.
 */
static const char *const steps[] = {
    "CREATE TABLE meta ("
    "  key TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE runs ("
    "  id TEXT PRIMARY KEY,"
    "  script TEXT NOT NULL,"
    "  arguments TEXT NOT NULL,"
    "  started_at TEXT NOT NULL,"
    "  ended_at TEXT,"
    "  status INTEGER"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE secrets ("
    "  id INTEGER PRIMARY KEY,"
    "  run TEXT REFERENCES runs (id),"
    "  account TEXT NOT NULL CHECK (account <> ''),"
    "  provider TEXT NOT NULL,"
    "  trunk TEXT NOT NULL,"
    "  field TEXT NOT NULL CHECK (field <> ''),"
    "  state TEXT NOT NULL"
    "    CHECK (state IN ('candidate', 'current', 'previous', 'rejected')),"
    "  sealed BLOB NOT NULL,"
    "  evidence TEXT NOT NULL DEFAULT '',"
    "  created_at TEXT NOT NULL,"
    "  changed_at TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX secrets_by_trunk ON secrets (account, trunk, field);"
    "CREATE INDEX secrets_by_run ON secrets (run);"
    "CREATE UNIQUE INDEX one_current ON secrets (account, trunk, field)"
    "  WHERE state = 'current' AND trunk <> '';"
    "CREATE TRIGGER live_secrets_stay BEFORE DELETE ON secrets"
    "  WHEN old.state IN ('candidate', 'current')"
    "  BEGIN SELECT RAISE (ABORT, 'a secret that may be live is never deleted'); END;",
};

enum { VERSION = sizeof(steps) / sizeof(steps[0]) };

int th_database_version(void)
{
    return VERSION;
}

const char *th_secret_state_name(enum th_secret_state state)
{
    switch (state) {
    case TH_CANDIDATE:
        return "candidate";
    case TH_CURRENT:
        return "current";
    case TH_PREVIOUS:
        return "previous";
    case TH_REJECTED:
        return "rejected";
    }
    return "unknown";
}

int th_database_fail(th_error *err, sqlite3 *db, int rc, const char *verb, const char *path)
{
    int system = db ? sqlite3_system_errno(db) : 0;
    const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    int primary = rc & 0xff;

    if (primary == SQLITE_FULL || system == ENOSPC || system == EDQUOT)
        return th_fail(
            err, TH_INVALID,
            "cannot %s the ledger %s: the disk is full. Free some space, then start again", verb,
            path);
    switch (primary) {
    case SQLITE_NOTADB:
        return th_fail(err, TH_INVALID, "cannot %s the ledger %s: it is not a database. %s", verb,
                       path, restore);
    case SQLITE_CORRUPT:
        return th_fail(err, TH_INVALID, "cannot %s the ledger %s: it is damaged (%s). %s", verb,
                       path, text, restore);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return th_fail(err, TH_INVALID,
                       "cannot %s the ledger %s: another program holds it. Wait until that has "
                       "ended, then start again",
                       verb, path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return th_fail(err, TH_INVALID,
                       "cannot %s the ledger %s: it is read-only. Make the file and its folder "
                       "writable, or name another with --ledger",
                       verb, path);
    case SQLITE_IOERR:
        return th_fail(err, TH_INVALID,
                       "cannot %s the ledger %s: the disk does not obey (%s). Check the disk, its "
                       "quota and the file size limit, then start again",
                       verb, path, system ? strerror(system) : text);
    case SQLITE_CANTOPEN:
        return th_fail(
            err, TH_INVALID,
            "cannot %s the ledger %s: %s. Check the file and its folder, or name another "
            "with --ledger",
            verb, path, system ? strerror(system) : text);
    default:
        return th_fail(err, TH_INVALID, "cannot %s the ledger %s: %s", verb, path, text);
    }
}

static int execute(sqlite3 *db, const char *path, const char *sql, th_error *err)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc ? th_database_fail(err, db, rc, "open", path) : 0;
}

/* The first column of the first row of sql as an integer. */
static int query_number(sqlite3 *db, const char *path, const char *sql, int *out, th_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        *out = sqlite3_column_int(stmt, 0);
        sqlite3_finalize(stmt);
        return 0;
    }
    rc = th_database_fail(err, db, rc, "open", path);
    sqlite3_finalize(stmt);
    return rc;
}

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

/* Reads the version of the ledger and refuses what is not a ledger or newer than this program. */
static int identify(sqlite3 *db, const char *path, int *version, th_error *err)
{
    int id = 0, tables = 0, rc;
    char reason[120];

    if ((rc = query_number(db, path, "SELECT count(*) FROM sqlite_schema", &tables, err)) ||
        (rc = query_number(db, path, "PRAGMA application_id", &id, err)) ||
        (rc = query_number(db, path, "PRAGMA user_version", version, err)))
        return rc;
    if (id != APPLICATION_ID && (id != 0 || *version != 0 || tables != 0))
        return th_ledger_file_refuse(err, path, "it is a database of another program",
                                     "Name another with --ledger");
    if (*version > VERSION) {
        snprintf(reason, sizeof(reason),
                 "it was written by a newer trunkhost (schema %d, this one knows %d)", *version,
                 (int)VERSION);
        return th_ledger_file_refuse(err, path, reason,
                                     "Update trunkhost, or name another with --ledger");
    }
    return 0;
}

/* All missing steps in one transaction. The version is read again inside it: another process may
 * have done the work while this one waited for the lock. */
static int migrate(sqlite3 *db, const char *path, th_error *err)
{
    char sql[100];
    int version = 0;
    int rc = execute(db, path, "BEGIN IMMEDIATE", err);

    if (rc)
        return rc;
    rc = identify(db, path, &version, err);
    for (int i = version; !rc && i < VERSION; i++)
        rc = execute(db, path, steps[i], err);
    if (!rc && version < VERSION) {
        snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 (int)APPLICATION_ID, (int)VERSION);
        rc = execute(db, path, sql, err);
    }
    if (!rc)
        rc = execute(db, path, "COMMIT", err);
    if (rc && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int prepare(sqlite3 *db, const char *path, th_error *err)
{
    int version = 0;
    int rc = identify(db, path, &version, err);

    if (rc ||
        (rc = query_expect(db, path, "PRAGMA quick_check(1)", "ok", "it is damaged", restore, err)))
        return rc;
    if ((rc = query_expect(db, path, "PRAGMA journal_mode = WAL", "wal",
                           "its file system cannot keep a write-ahead log",
                           "Name a file on a local disk with --ledger", err)) ||
        (rc = execute(db, path,
                      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                      "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY",
                      err)))
        return rc;
    return version < VERSION ? migrate(db, path, err) : 0;
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
static int prepare_patiently(sqlite3 *db, const char *path, th_error *err)
{
    const int64_t deadline = milliseconds() + BUSY_MS;
    th_error problem = {0};
    int rc;

    while ((rc = prepare(db, path, &problem)) && (sqlite3_errcode(db) & 0xff) == SQLITE_BUSY &&
           milliseconds() < deadline)
        sqlite3_sleep(BUSY_STEP_MS);
    if (rc && err)
        th_error_move(err, &problem);
    th_error_close(&problem);
    return rc;
}

int th_database_open(const char *path, bool create, sqlite3 **out, th_error *err)
{
    sqlite3 *db = NULL;
    char *name = NULL;
    int rc = th_ledger_file_prepare(path, create, err);

    if (rc)
        return rc;
    /* SQLite gives some relative names (":memory:") a meaning of their own. */
    if (asprintf(&name, "%s%s", path[0] == '/' ? "" : "./", path) < 0)
        return th_fail(err, TH_INVALID, "cannot open the ledger %s: out of memory", path);
    rc = sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    if (rc) {
        rc = th_database_fail(err, db, rc, "open", path);
    } else {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, BUSY_MS);
        rc = prepare_patiently(db, path, err);
    }
    if (rc) {
        sqlite3_close(db);
        return rc;
    }
    *out = db;
    return 0;
}
