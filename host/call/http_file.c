#include "call/http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

struct th_download {
    uv_work_t work;
    char *path, *part; /* owned */
    int fd;            /* -1: closed */
    uint64_t size;
    th_error err;
    void (*done)(void *ctx);
    void *ctx;
    bool keeping; /* the thread has it */
    bool kept;    /* renamed */
    atomic_bool abandoned;
};

static const char *error_name(int number)
{
    return uv_err_name(uv_translate_sys_error(number));
}

/* kind: TH_INVALID before anything was sent, TH_REFUSED afterwards. */
static int fail(th_error *err, enum th_kind kind, const char *what, const char *path)
{
    int number = errno;
    int rc = th_fail(err, kind, "cannot %s %s: %s", what, path, strerror(number));
    th_error_set_code(err, error_name(number));
    return rc;
}

/* --- a reply that goes to a file -------------------------------------------------------------- */

static int check_target(const char *path, th_error *err)
{
    struct stat there;
    size_t len = strlen(path);
    if (len == 0 || path[len - 1] == '/')
        return th_fail(err, TH_INVALID, "'%s' names no file", path);
    /* A rename would replace a device or a pipe by a file. */
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return th_fail(err, TH_INVALID, "%s is there and is not a plain file", path);
    return 0;
}

static void download_free(th_download *download)
{
    if (download->fd >= 0)
        close(download->fd);
    if (download->part && !download->kept)
        unlink(download->part);
    free(download->path);
    free(download->part);
    th_error_close(&download->err);
    free(download);
}

int th_download_create(const char *path, th_download **out, th_error *err)
{
    int rc = check_target(path, err);
    if (rc != 0)
        return rc;
    th_download *download = calloc(1, sizeof *download);
    th_buf part = {0};
    if (!download || th_buf_printf(&part, "%s.part-XXXXXX", path) != 0 ||
        !(download->path = strdup(path))) {
        th_buf_close(&part);
        free(download);
        return th_fail(err, TH_INVALID, "not enough memory");
    }
    download->fd = mkostemp(part.data, O_CLOEXEC);
    if (download->fd < 0) {
        rc = fail(err, TH_INVALID, "make a file beside", path);
        th_buf_close(&part);
        download_free(download);
        return rc;
    }
    download->part = part.data;
    *out = download;
    return 0;
}

bool th_download_write(th_download *download, uint64_t offset, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(download->fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fail(&download->err, TH_REFUSED, "write the reply to", download->part);
            return false;
        }
        data += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

/* So that the name is on disk as well. A folder that cannot be opened has to do without. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

static void keep(uv_work_t *work)
{
    th_download *download = work->data;
    /* An earlier attempt may have been longer. */
    if (ftruncate(download->fd, (off_t)download->size) != 0 || fsync(download->fd) != 0) {
        fail(&download->err, TH_REFUSED, "write the reply to", download->part);
        return;
    }
    if (atomic_load(&download->abandoned))
        return;
    if (rename(download->part, download->path) != 0) {
        fail(&download->err, TH_REFUSED, "rename the complete reply to", download->path);
        return;
    }
    download->kept = true;
    sync_folder(download->path);
}

static void after_keep(uv_work_t *work, int status)
{
    th_download *download = work->data;
    (void)status; /* never cancelled while it runs; before that, nothing was kept */
    download->keeping = false;
    if (atomic_load(&download->abandoned))
        download_free(download);
    else
        download->done(download->ctx);
}

int th_download_keep(th_download *download, uv_loop_t *loop, uint64_t size, void (*done)(void *ctx),
                     void *ctx, th_error *err)
{
    download->size = size;
    download->done = done;
    download->ctx = ctx;
    download->work.data = download;
    int rc = uv_queue_work(loop, &download->work, keep, after_keep);
    if (rc != 0)
        return th_fail(err, TH_REFUSED, "cannot write %s: %s", download->path, uv_strerror(rc));
    download->keeping = true;
    return 0;
}

bool th_download_keeping(const th_download *download)
{
    return download->keeping;
}

int th_download_error(th_download *download, th_error *err)
{
    if (!download->err.kind)
        return 0;
    th_error_move(err, &download->err);
    return -(int)err->kind;
}

void th_download_destroy(th_download *download)
{
    if (!download)
        return;
    if (download->keeping) {
        atomic_store(&download->abandoned, true);
        uv_cancel((uv_req_t *)&download->work); /* also then after_keep comes */
    } else {
        download_free(download);
    }
}

/* --- a body that comes from a file ------------------------------------------------------------ */

int th_upload_open(th_upload *upload, const char *path, th_error *err)
{
    struct stat file;
    /* Not waiting for somebody to write into a pipe, which is refused below. */
    upload->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (upload->fd < 0 || fstat(upload->fd, &file) != 0) {
        int rc = fail(err, TH_INVALID, "read", path);
        th_upload_close(upload);
        return rc;
    }
    if (!S_ISREG(file.st_mode)) {
        th_upload_close(upload);
        return th_fail(err, TH_INVALID, "%s is not a plain file, so its size is not known", path);
    }
    upload->size = (uint64_t)file.st_size;
    return 0;
}

size_t th_upload_read(const th_upload *upload, uint64_t offset, char *buffer, size_t room)
{
    ssize_t n;
    do
        n = pread(upload->fd, buffer, room, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

void th_upload_close(th_upload *upload)
{
    if (upload->fd >= 0)
        close(upload->fd);
    upload->fd = -1;
}
