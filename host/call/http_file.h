/*
 * Files at the two ends of a request: a reply that goes to one, and a body that comes from one.
 * Neither is ever in memory as a whole.
 */
#ifndef TH_HTTP_FILE_H
#define TH_HTTP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

typedef struct th_download th_download;

/* Makes a temporary file beside `path` (mode 0600). Fails with TH_INVALID when there can be none,
 * or when something else than a plain file lies at path. */
int th_download_create(const char *path, th_download **out, th_error *err);
/* Writes at that offset; false when it cannot, see th_download_error. */
bool th_download_write(th_download *download, uint64_t offset, const char *data, size_t len);
/* The file is complete with `size` bytes: puts it on disk and renames it to path, on a thread, and
 * calls done(ctx) from the loop. Fails when that cannot even begin. */
int th_download_keep(th_download *download, uv_loop_t *loop, uint64_t size, void (*done)(void *ctx),
                     void *ctx, th_error *err);
bool th_download_keeping(const th_download *download);
/* What went wrong with writing or keeping, moved to err; 0 when nothing did. */
int th_download_error(th_download *download, th_error *err);
/* Removes the temporary file unless it was renamed. One that is being kept may still appear; done
 * is not called any more. NULL is fine. */
void th_download_destroy(th_download *download);

typedef struct th_upload {
    int fd; /* -1: closed */
    uint64_t size;
} th_upload;

/* Opens a plain file. Fails with TH_INVALID. */
int th_upload_open(th_upload *upload, const char *path, th_error *err);
/* As the `give` of a transfer; 0 also when the file has become shorter. */
size_t th_upload_read(const th_upload *upload, uint64_t offset, char *buffer, size_t room);
void th_upload_close(th_upload *upload);

#endif
