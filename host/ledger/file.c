#include "ledger/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"

static const char another[] = "Name another with --ledger";

char *th_ledger_default_path(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *service =
        getenv("STATE_DIRECTORY"); /* of systemd: one folder, or several with colons */
    const char *home = getenv("HOME");
    char *path = NULL;
    int n = -1;

    /* The XDG specification has relative paths ignored. */
    if (state && state[0] == '/')
        n = asprintf(&path, "%s/trunkhost/ledger.db", state);
    else if (service && service[0] == '/')
        n = asprintf(&path, "%.*s/ledger.db", (int)strcspn(service, ":"), service);
    else if (home && home[0])
        n = asprintf(&path, "%s/.local/state/trunkhost/ledger.db", home);
    return n < 0 ? NULL : path;
}

char *th_ledger_beside(const char *path, const char *suffix)
{
    size_t len = strlen(path);
    char *beside = NULL;

    if (len > 3 && strcmp(path + len - 3, ".db") == 0 && path[len - 4] != '/')
        len -= 3;
    return asprintf(&beside, "%.*s%s", (int)len, path, suffix) < 0 ? NULL : beside;
}

int th_ledger_file_refuse(th_error *err, const char *path, const char *reason, const char *advice)
{
    return th_fail(err, TH_INVALID, "cannot open the ledger %s: %s. %s", path, reason, advice);
}

static int refuse_errno(th_error *err, const char *path, int code)
{
    switch (code) {
    case EROFS:
        return th_ledger_file_refuse(err, path, "the file system is read-only", another);
    case ENOTDIR:
        return th_ledger_file_refuse(err, path, "a part of this path is a file, not a folder",
                                     another);
    case EACCES:
    case EPERM:
        return th_ledger_file_refuse(err, path, "this user may not write there",
                                     "Run as the user who owns it, or name another with --ledger");
    case ENOSPC:
    case EDQUOT:
        return th_ledger_file_refuse(err, path, "the disk is full",
                                     "Free some space, then start again");
    default:
        return th_ledger_file_refuse(err, path, strerror(code), another);
    }
}

/* The folder that holds path; owned by the caller, NULL when memory runs out. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int th_folder_sync(const char *path)
{
    char *folder = folder_of(path);
    int fd, rc, code;

    if (!folder) {
        errno = ENOMEM;
        return -1;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return -1;
    rc = fsync(fd);
    code = errno;
    close(fd);
    /* Some file systems cannot sync a folder and say so; there is nothing more to do on those. */
    if (rc && code == EINVAL)
        return 0;
    errno = code;
    return rc;
}

/* Makes every missing folder above path. 0 or -1 with errno. */
static int make_folders(const char *path)
{
    char *copy = strdup(path);
    int rc = 0;

    if (!copy) {
        errno = ENOMEM;
        return -1;
    }
    for (char *slash = strchr(copy + 1, '/'); slash && !rc; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) == 0) {
            rc = th_folder_sync(copy);
        } else if (errno != EEXIST) {
            int code = errno;

            /* A folder that is there already may be refused for another reason than that. */
            rc = access(copy, F_OK);
            errno = code;
        }
        *slash = '/';
    }
    free(copy);
    return rc;
}

/* SQLite would make the file with the mode that the umask leaves; it must be private from its first
 * instant, so it is made here. WAL and shared memory take their modes from it. */
static int make_file(const char *path, th_error *err)
{
    int fd;

    if (make_folders(path))
        return refuse_errno(err, path, errno);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return refuse_errno(err, path, errno);
    if (fd >= 0)
        close(fd);
    if (th_folder_sync(path))
        return refuse_errno(err, path, errno);
    return 0;
}

static int check_folder(const char *path, th_error *err)
{
    char *folder = folder_of(path);
    int rc = folder ? euidaccess(folder, W_OK | X_OK) : -1;
    int code = folder ? errno : ENOMEM;

    free(folder);
    return rc ? refuse_errno(err, path, code) : 0;
}

static int check_file(const char *path, const struct stat *st, th_error *err)
{
    if (S_ISDIR(st->st_mode))
        return th_ledger_file_refuse(err, path, "it is a directory",
                                     "Name a file in it with --ledger");
    if (!S_ISREG(st->st_mode))
        return th_ledger_file_refuse(err, path, "it is not a regular file", another);
    if (st->st_uid != geteuid() && geteuid() != 0)
        return th_ledger_file_refuse(err, path, "it belongs to another user",
                                     "Run as that user, or name another with --ledger");
    if (!th_mode_is_private(st->st_mode))
        return th_fail(err, TH_INVALID,
                       "cannot open the ledger %s: its mode is %04o, so others can read it. "
                       "Run: chmod 600 %s",
                       path, (unsigned)(st->st_mode & 07777), path);
    if (euidaccess(path, R_OK | W_OK))
        return refuse_errno(err, path, errno);
    return check_folder(path, err);
}

int th_ledger_file_prepare(const char *path, bool create, th_error *err)
{
    struct stat st;
    int rc;

    if (!path || !path[0])
        return th_fail(err, TH_INVALID, "the path of the ledger is empty. Name it with --ledger");
    if (path[strlen(path) - 1] == '/' && stat(path, &st) != 0)
        return th_ledger_file_refuse(err, path, "it names a folder",
                                     "Name a file in it with --ledger");
    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            return refuse_errno(err, path, errno);
        if (!create)
            return th_ledger_file_refuse(
                err, path, "it is not there",
                "Make one with: trunkhost secrets init, or name another with --ledger");
        if ((rc = make_file(path, err)))
            return rc;
        if (stat(path, &st) != 0)
            return th_ledger_file_refuse(err, path, "it is a link to a file that is not there",
                                         another);
    }
    return check_file(path, &st, err);
}
