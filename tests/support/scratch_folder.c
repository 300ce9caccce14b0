#include "scratch_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

char *scratch_create(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = NULL;

    assert_true(asprintf(&folder, "%s/trunkhost-test-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_destroy(char *folder)
{
    if (folder)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *scratch_path(const char *folder, const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

void scratch_write(const char *path, const void *data, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

char *scratch_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rbe");
    struct stat st;
    char *data;

    if (!file)
        return NULL;
    assert_int_equal(fstat(fileno(file), &st), 0);
    data = calloc(1, (size_t)st.st_size + 1);
    assert_non_null(data);
    *len = fread(data, 1, (size_t)st.st_size, file);
    fclose(file);
    return data;
}

mode_t scratch_mode(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

bool scratch_contains(const char *folder, const void *bytes, size_t len)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool found = false;

    assert_non_null(dir);
    while (!found && (entry = readdir(dir))) {
        char *path, *data;
        size_t size = 0;

        if (entry->d_type != DT_REG)
            continue;
        path = scratch_path(folder, entry->d_name);
        data = scratch_read(path, &size);
        found = data && memmem(data, size, bytes, len);
        free(data);
        free(path);
    }
    closedir(dir);
    return found;
}
