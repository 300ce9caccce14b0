/*
 * SQLite's disk under observation: a VFS in front of the real one that knows whether everything
 * written was synced, and fails on request. It becomes the default of the process.
 *
 * SQLite's registry is the process's; so is this one watcher.
 */
#ifndef TH_TEST_WATCHED_DISK_H
#define TH_TEST_WATCHED_DISK_H

#include <stdbool.h>

void watched_disk_install(void);
/* After every file is closed. Does nothing when it is not installed. */
void watched_disk_remove(void);

/* Bytes of a write-ahead log were written and not synced yet. */
bool watched_disk_wal_dirty(void);
/* Syncs of write-ahead logs so far. */
unsigned watched_disk_wal_syncs(void);

/* From now on writes to (syncs of) write-ahead logs fail with this SQLite code; 0: work again. */
void watched_disk_fail_writes(int code);
void watched_disk_fail_syncs(int code);

#endif
