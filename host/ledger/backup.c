#include "ledger/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/database.h"
#include "ledger/file.h"

static int refuse(th_error *err, const char *file, const char *reason)
{
    return th_fail(err, TH_INVALID, "cannot write the backup %s: %s", file, reason);
}

static int refuse_code(th_error *err, sqlite3 *db, const char *file, int rc)
{
    int system = db ? sqlite3_system_errno(db) : 0;

    if ((rc & 0xff) == SQLITE_FULL || system == ENOSPC || system == EDQUOT)
        return refuse(err, file, "the disk is full");
    return refuse(err, file,
                  system ? strerror(system)
                  : db   ? sqlite3_errmsg(db)
                         : sqlite3_errstr(rc));
}

static int create_file(const char *file, th_error *err)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return refuse(err, file, "it is there already. Name a new file");
    if (fd < 0)
        return refuse(err, file, strerror(errno));
    close(fd);
    return 0;
}

static int first_text_is(sqlite3 *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    const char *text;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    rc = text && strcmp(text, wanted) == 0;
    sqlite3_finalize(stmt);
    return rc;
}

/* All pages in one step: writers of the ledger go on meanwhile, and do not change what is copied.
 */
static int copy(sqlite3 *from, const char *file, th_error *err)
{
    sqlite3 *to = NULL;
    sqlite3_backup *backup = NULL;
    char *name = NULL;
    int rc;

    if (asprintf(&name, "%s%s", file[0] == '/' ? "" : "./", file) < 0)
        return refuse(err, file, "not enough memory");
    rc = sqlite3_open_v2(name, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    if (rc == SQLITE_OK && !(backup = sqlite3_backup_init(to, "main", from, "main")))
        rc = sqlite3_errcode(to);
    if (backup) {
        sqlite3_backup_step(backup, -1);
        rc = sqlite3_backup_finish(backup);
    }
    if (rc)
        rc = refuse_code(err, to, file, rc);
    /* One file, without a log beside it. */
    else if (!first_text_is(to, "PRAGMA journal_mode = DELETE", "delete") ||
             !first_text_is(to, "PRAGMA integrity_check(1)", "ok"))
        rc = refuse(err, file, "the copy is not whole. Check the disk");
    sqlite3_close(to);
    return rc;
}

static int sync_file(const char *file, th_error *err)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) || th_folder_sync(file) ? refuse(err, file, strerror(errno)) : 0;

    if (fd >= 0)
        close(fd);
    return rc;
}

int th_ledger_backup(const char *path, const char *file, th_error *err)
{
    sqlite3 *db = NULL;
    int rc = th_database_open(path, TH_DATABASE_COMMAND, &db, err);

    if (rc)
        return rc;
    if (!(rc = create_file(file, err))) {
        if ((rc = copy(db, file, err)) || (rc = sync_file(file, err)))
            unlink(file);
    }
    sqlite3_close(db);
    return rc;
}
