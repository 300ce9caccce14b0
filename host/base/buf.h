/*
 * A growable byte buffer. A sensitive one wipes every block that it gives up, so that a request
 * body with a password in it leaves no copy in the heap.
 */
#ifndef TH_BUF_H
#define TH_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct th_buf {
    char *data; /* owned; NULL while empty; always followed by a NUL that is not counted */
    size_t len;
    size_t cap;
    bool sensitive; /* set before the first byte goes in */
} th_buf;

/* All return 0, or -1 when memory runs out (the buffer keeps what it had). */
int th_buf_reserve(th_buf *buf, size_t extra);
int th_buf_append(th_buf *buf, const void *data, size_t len);
int th_buf_puts(th_buf *buf, const char *text);
int th_buf_putc(th_buf *buf, char c);
/* In decimal, as "%lld" writes it. */
int th_buf_put_integer(th_buf *buf, int64_t n);
int th_buf_printf(th_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties the buffer but keeps its block for reuse (wiped when sensitive). */
void th_buf_clear(th_buf *buf);
/* Frees the block (wiped when sensitive) and zeroes the struct. */
void th_buf_close(th_buf *buf);

#endif
