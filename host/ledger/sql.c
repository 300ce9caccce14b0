#include "ledger/sql.h"

#include <errno.h>
#include <string.h>

const char th_database_restore[] = "Restore it from a backup, or name another with --ledger";

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
                       path, th_database_restore);
    case SQLITE_CORRUPT:
        return th_fail(err, TH_INVALID, "cannot %s the ledger %s: it is damaged (%s). %s", verb,
                       path, text, th_database_restore);
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
        return th_fail(
            err, TH_INVALID,
            "cannot %s the ledger %s: the disk reports an error (%s). Check the disk, its "
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

int th_database_execute(sqlite3 *db, const char *path, const char *sql, th_error *err)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc ? th_database_fail(err, db, rc, "open", path) : 0;
}

int th_database_number(sqlite3 *db, const char *path, const char *sql, int *out, th_error *err)
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
