/* Files that hold secrets: read in full, refused when others could read them too. */
#ifndef TH_PRIVATE_FILE_H
#define TH_PRIVATE_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Reads at most limit bytes of the file into out (which should be `sensitive`; the caller closes
 * it, also on failure). what names the file in messages: "token file". A file below systemd's
 * $CREDENTIALS_DIRECTORY is private already; any other must be closed to group and others.
 */
int th_private_file_read(const char *path, const char *what, size_t limit, th_buf *out,
                         th_error *err);

#endif
