#include "watched_disk.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

#include "test.h"

struct watched_file {
    sqlite3_file base;
    bool wal;
    sqlite3_file real[]; /* the real VFS's file, of its own size */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    atomic_bool dirty;
    atomic_uint syncs;
    atomic_int write_code, sync_code;
} disk;

#define WATCHED(file) ((struct watched_file *)(file))
#define REAL(file)    (WATCHED(file)->real)
#define CALL(file)    (REAL(file)->pMethods)

static int on_close(sqlite3_file *file)
{
    return CALL(file)->xClose(REAL(file));
}

static int on_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
    return CALL(file)->xRead(REAL(file), data, len, at);
}

static int on_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    if (WATCHED(file)->wal) {
        if (disk.write_code)
            return disk.write_code;
        disk.dirty = true;
    }
    return CALL(file)->xWrite(REAL(file), data, len, at);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return CALL(file)->xTruncate(REAL(file), size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    if (WATCHED(file)->wal) {
        if (disk.sync_code)
            return disk.sync_code;
        disk.dirty = false;
        disk.syncs++;
    }
    return CALL(file)->xSync(REAL(file), flags);
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return CALL(file)->xFileSize(REAL(file), size);
}

static int on_lock(sqlite3_file *file, int level)
{
    return CALL(file)->xLock(REAL(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return CALL(file)->xUnlock(REAL(file), level);
}

static int on_reserved(sqlite3_file *file, int *out)
{
    return CALL(file)->xCheckReservedLock(REAL(file), out);
}

static int on_control(sqlite3_file *file, int op, void *arg)
{
    return CALL(file)->xFileControl(REAL(file), op, arg);
}

static int on_sector(sqlite3_file *file)
{
    return CALL(file)->xSectorSize(REAL(file));
}

static int on_traits(sqlite3_file *file)
{
    return CALL(file)->xDeviceCharacteristics(REAL(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return CALL(file)->xShmMap(REAL(file), page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return CALL(file)->xShmLock(REAL(file), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    CALL(file)->xShmBarrier(REAL(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
    return CALL(file)->xShmUnmap(REAL(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_traits,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    int rc = disk.real->xOpen(disk.real, name, REAL(file), flags, out);

    (void)vfs;
    WATCHED(file)->wal = (flags & SQLITE_OPEN_WAL) != 0;
    file->pMethods = REAL(file)->pMethods ? &methods : NULL;
    return rc;
}

void watched_disk_install(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    assert_non_null(disk.real);
    disk.vfs = *disk.real;
    disk.vfs.zName = "watched";
    disk.vfs.szOsFile = (int)sizeof(struct watched_file) + disk.real->szOsFile;
    disk.vfs.xOpen = on_open;
    disk.dirty = false;
    disk.syncs = 0;
    disk.write_code = disk.sync_code = 0;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

void watched_disk_remove(void)
{
    if (!disk.real)
        return;
    sqlite3_vfs_unregister(&disk.vfs);
    sqlite3_vfs_register(disk.real, 1);
    disk.real = NULL;
}

bool watched_disk_wal_dirty(void)
{
    return disk.dirty;
}

unsigned watched_disk_wal_syncs(void)
{
    return disk.syncs;
}

void watched_disk_fail_writes(int code)
{
    disk.write_code = code;
}

void watched_disk_fail_syncs(int code)
{
    disk.sync_code = code;
}
