#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "library.h"
#include "lua/error.h"

enum { PASSWORDS_MAX = 64 * 1024 * 1024 };

/* Appends all that can be read from fd, at most limit bytes; 0, or -1 when it fails or is more. */
static int read_all(int fd, size_t limit, th_buf *out)
{
    char chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || out->len > limit || th_buf_append(out, chunk, (size_t)n) != 0)
            break;
    }
    explicit_bzero(chunk, sizeof chunk);
    return n == 0 && out->len <= limit ? 0 : -1;
}

/*
 * Docker and Kubernetes mount secrets with mode 0444 or 0644, owned by root, in a place that nobody in the container can
 * write to: below /run/secrets (where /var/run/secrets leads), or on a tmpfs of their own that is mounted read-only.
 * The path is the real one, behind the symbolic links that Kubernetes makes.
 */
static bool is_mounted_secret(int fd, const struct stat *st)
{
    static const char secrets[] = "/run/secrets/";
    char link[40], path[4096];
    struct statfs fs;
    if ((st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & 033))
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len > 0 && strncmp(path, secrets, sizeof secrets - 1) == 0) {
        struct stat folder;
        return stat("/run/secrets", &folder) == 0 && folder.st_uid == 0 &&
               (!(folder.st_mode & 022) || (folder.st_mode & S_ISVTX));
    }
    return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC && (fs.f_flags & ST_RDONLY);
}

static int check_private(const char *path, const char *what, int fd, th_error *err)
{
    struct stat st;
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return th_fail(err, TH_INVALID, "the %s %s is not a regular file", what, path);
    size_t len = credentials ? strlen(credentials) : 0;
    if (len > 0 && strncmp(path, credentials, len) == 0 && path[len] == '/' &&
        !strstr(path, "/../"))
        return 0;
    if ((st.st_mode & 077) && !is_mounted_secret(fd, &st))
        return th_fail(err, TH_INVALID,
                       "the %s %s can be read by others (mode %04o): run chmod 600 on it", what,
                       path, (unsigned)(st.st_mode & 07777));
    return 0;
}

int th_private_file_read(const char *path, const char *what, size_t limit, th_buf *out,
                         th_error *err)
{
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not stop us: it is refused */
    if (fd < 0)
        return th_fail(err, TH_INVALID, "cannot read the %s %s: %s", what, path, strerror(errno));
    int rc = check_private(path, what, fd, err);
    if (rc == 0 && read_all(fd, limit, out) != 0)
        rc = th_fail(err, TH_INVALID, "cannot read the %s %s: it is too long, or reading failed",
                     what, path);
    close(fd);
    return rc;
}

static int push_text(lua_State *L)
{
    const th_buf *text = lua_touserdata(L, 1);
    lua_pushlstring(L, text->data ? text->data : "", text->len);
    return 1;
}

/* read_private(path, what) → the text of the file */
static int read_private(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1), *what = luaL_checkstring(L, 2);
    th_error err = {0};
    th_buf text = {.sensitive = true};
    if (th_private_file_read(path, what, PASSWORDS_MAX, &text, &err) != 0) {
        th_buf_close(&text);
        th_error_set_code(&err, "configuration");
        return th_error_raise(L, &err);
    }
    lua_pushcfunction(L, push_text);
    lua_pushlightuserdata(L, &text);
    int status = lua_pcall(L, 1, 1, 0);
    th_buf_close(&text);
    return status == LUA_OK ? 1 : lua_error(L);
}

/* Beside the file and then in its place, so that nobody ever sees half of it. */
static int replace_file(const char *path, const char *what, const char *text, size_t len,
                        th_error *err)
{
    char *beside = NULL;
    if (asprintf(&beside, "%s.XXXXXX", path) < 0)
        return th_fail(err, TH_INVALID, "not enough memory");
    int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    int failed = fd < 0 ? errno : 0;
    while (!failed && len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            failed = errno;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    if (!failed && fsync(fd) != 0)
        failed = errno;
    if (fd >= 0)
        close(fd);
    if (!failed && rename(beside, path) != 0)
        failed = errno;
    if (failed && fd >= 0)
        unlink(beside);
    free(beside);
    return failed ? th_fail(err, TH_INVALID, "cannot write the %s %s: %s", what, path,
                            strerror(failed))
                  : 0;
}

/* write_private(path, what, text): a file that only its owner can read, whole or not at all */
static int write_private(lua_State *L)
{
    size_t len;
    const char *path = luaL_checkstring(L, 1), *what = luaL_checkstring(L, 2);
    const char *text = luaL_checklstring(L, 3, &len);
    th_error err = {0};
    if (replace_file(path, what, text, len, &err) != 0) {
        th_error_set_code(&err, "configuration");
        return th_error_raise(L, &err);
    }
    return 0;
}

void th_open_private_files(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read_private", read_private}, {"write_private", write_private}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
