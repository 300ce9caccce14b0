#include "ledger/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "ledger/file.h"

enum {
    LOOKS = 20, /* at a lock whose holder has not yet written who it is */
    LOOK_PAUSE_MS = 5,
};

struct th_lock {
    int fd;
    char *account;
};

struct holder {
    long pid; /* 0: not known */
    char run[64], since[40];
};

const char *th_lock_account(const th_lock *lock)
{
    return lock->account;
}

static int refuse(th_error *err, const char *path, int code)
{
    const char *advice = code == ENOSPC || code == EDQUOT
                             ? "Free some space, then start again"
                             : "Make the folder of the ledger writable, or name another ledger "
                               "with --ledger";

    return th_fail(err, TH_INVALID, "cannot lock the account with %s: %s. %s", path, strerror(code),
                   advice);
}

static int refuse_open(th_error *err, const char *path, mode_t mode, const char *wanted)
{
    return th_fail(err, TH_INVALID,
                   "cannot lock the account with %s: its mode is %04o, so others could hold it. "
                   "Run: chmod %s %s",
                   path, (unsigned)(mode & 07777), wanted, path);
}

/* --- the file --------------------------------------------------------------------------------- */

/* Any account as the name of a file: what is not plain stands there as %xx. */
static int append_name(th_buf *out, const char *account)
{
    for (const char *at = account; *at; at++) {
        unsigned char c = (unsigned char)*at;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || (c == '.' && at > account);

        if (plain ? th_buf_putc(out, *at) : th_buf_printf(out, "%%%02x", c))
            return -1;
    }
    return 0;
}

/* Makes the folder beside the ledger and checks that nobody else can lock anything in it. */
static int prepare_folder(const char *folder, th_error *err)
{
    struct stat st;

    if (mkdir(folder, 0700) && errno != EEXIST)
        return refuse(err, folder, errno);
    if (lstat(folder, &st))
        return refuse(err, folder, errno);
    if (!S_ISDIR(st.st_mode))
        return refuse(err, folder, ENOTDIR);
    if (!th_mode_is_private(st.st_mode))
        return refuse_open(err, folder, st.st_mode, "700");
    return 0;
}

static int open_file(const char *path, int *out, th_error *err)
{
    /* Not inherited over exec, from the first instant on. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;
    int rc;

    if (fd < 0)
        return refuse(err, path, errno);
    rc = fstat(fd, &st) ? refuse(err, path, errno) : 0;
    if (!rc && !th_mode_is_private(st.st_mode))
        rc = refuse_open(err, path, st.st_mode, "600");
    if (rc) {
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

/* `<ledger without .db>.lock/<account>`, opened. Links are followed, so that two names of one
 * ledger have one lock. */
static int open_lock(const char *ledger_path, const char *account, int *fd, th_error *err)
{
    char *real = realpath(ledger_path, NULL);
    char *folder;
    th_buf path = {0};
    int rc;

    if (!real)
        return refuse(err, ledger_path, errno);
    folder = th_ledger_beside(real, ".lock");
    free(real);
    if (!folder || th_buf_printf(&path, "%s/", folder) || append_name(&path, account))
        rc = th_fail(err, TH_INVALID, "cannot lock the account %s: not enough memory", account);
    else if (!(rc = prepare_folder(folder, err)))
        rc = open_file(path.data, fd, err);
    th_buf_close(&path);
    free(folder);
    return rc;
}

/* --- who holds it ----------------------------------------------------------------------------- */

static int write_holder(int fd, const char *run)
{
    time_t now = time(NULL);
    struct tm tm;
    char since[40], text[200];
    int len;

    gmtime_r(&now, &tm);
    strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
    len = snprintf(text, sizeof text, "pid %ld\nrun %.60s\nsince %s\n", (long)getpid(), run, since);
    if (ftruncate(fd, 0))
        return -1;
    return pwrite(fd, text, (size_t)len, 0) == len ? 0 : -1;
}

static void read_holder(int fd, struct holder *out)
{
    char text[200];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);

    *out = (struct holder){0};
    text[len > 0 ? len : 0] = '\0';
    if (sscanf(text, "pid %ld run %63s since %39s", &out->pid, out->run, out->since) != 3)
        out->pid = 0;
}

/* What stands there may still be of a holder that was killed: the new one writes in a moment. */
static void find_holder(int fd, struct holder *out)
{
    const struct timespec pause = {.tv_nsec = LOOK_PAUSE_MS * 1000000L};

    for (int i = 0; i < LOOKS; i++) {
        read_holder(fd, out);
        if (out->pid > 0 && (kill((pid_t)out->pid, 0) == 0 || errno == EPERM))
            return;
        nanosleep(&pause, NULL);
    }
    out->pid = 0;
}

static int refuse_held(th_error *err, int fd, const char *account)
{
    struct holder holder;
    int rc;

    find_holder(fd, &holder);
    if (holder.pid > 0)
        rc = th_fail(err, TH_CONFLICT,
                     "account %s is being changed by another run: %s (process %ld), since %s. Wait "
                     "until it has ended, or stop it with: kill %ld",
                     account, holder.run, holder.pid, holder.since, holder.pid);
    else
        rc =
            th_fail(err, TH_CONFLICT,
                    "account %s is being changed by another run. Wait until it has ended", account);
    if (err)
        th_error_set_code(err, "locked");
    return rc;
}

/* --- taking and releasing --------------------------------------------------------------------- */

int th_lock_take(const char *ledger_path, const char *account, const char *run, th_lock **out,
                 th_error *err)
{
    th_lock *lock = calloc(1, sizeof *lock);
    int rc;

    if (!lock || !(lock->account = strdup(account))) {
        free(lock);
        return th_fail(err, TH_INVALID, "cannot lock the account %s: not enough memory", account);
    }
    lock->fd = -1;
    rc = open_lock(ledger_path, account, &lock->fd, err);
    if (!rc && flock(lock->fd, LOCK_EX | LOCK_NB))
        rc = errno == EWOULDBLOCK ? refuse_held(err, lock->fd, account)
                                  : refuse(err, ledger_path, errno);
    if (!rc && write_holder(lock->fd, run))
        rc = refuse(err, ledger_path, errno);
    if (rc) {
        if (lock->fd >= 0)
            close(lock->fd);
        free(lock->account);
        free(lock);
        return rc;
    }
    *out = lock;
    return 0;
}

void th_lock_release(th_lock *lock)
{
    if (!lock)
        return;
    /* The file stays: removing it would let two others hold locks of two files of one name. */
    if (ftruncate(lock->fd, 0))
        errno = 0; /* then it tells of a run that is over, which nobody reads unlocked */
    close(lock->fd);
    free(lock->account);
    free(lock);
}
