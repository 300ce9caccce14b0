/*
 * A folder of its own for a test that needs real files, removed with everything in it.
 */
#ifndef TH_TEST_SCRATCH_FOLDER_H
#define TH_TEST_SCRATCH_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Below $TMPDIR or /tmp. Owned by the caller; fails the test when it cannot. */
char *scratch_create(void);
/* Removes the folder and frees its name. */
void scratch_destroy(char *folder);

/* "<folder>/<name>", owned by the caller. */
char *scratch_path(const char *folder, const char *name);
void scratch_write(const char *path, const void *data, size_t len, mode_t mode);
/* The whole file, NUL-terminated; owned by the caller, NULL when it is not there. */
char *scratch_read(const char *path, size_t *len);
/* The permission bits; fails the test when there is no such file. */
mode_t scratch_mode(const char *path);
/* Whether the bytes stand in any file of the folder. */
bool scratch_contains(const char *folder, const void *bytes, size_t len);

#endif
