#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 64 };

static void give_up(th_buf *buf, char *block, size_t size)
{
    if (block && buf->sensitive)
        explicit_bzero(block, size);
    free(block);
}

/* A sensitive block never goes through realloc, which would leave the old one behind unwiped. */
static int grow(th_buf *buf, size_t cap)
{
    char *block;
    if (!buf->sensitive) {
        block = realloc(buf->data, cap);
        if (!block)
            return -1;
    } else {
        block = malloc(cap);
        if (!block)
            return -1;
        if (buf->len)
            memcpy(block, buf->data, buf->len);
        give_up(buf, buf->data, buf->cap);
    }
    block[buf->len] = '\0';
    buf->data = block;
    buf->cap = cap;
    return 0;
}

int th_buf_reserve(th_buf *buf, size_t extra)
{
    if (extra >= SIZE_MAX - buf->len)
        return -1;
    size_t need = buf->len + extra + 1; /* the NUL that is not counted */
    if (need <= buf->cap)
        return 0;
    size_t cap = buf->cap ? buf->cap : FIRST_BLOCK;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return grow(buf, cap);
}

int th_buf_append(th_buf *buf, const void *data, size_t len)
{
    if (th_buf_reserve(buf, len) < 0)
        return -1;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int th_buf_puts(th_buf *buf, const char *text)
{
    return th_buf_append(buf, text, strlen(text));
}

int th_buf_putc(th_buf *buf, char c)
{
    return th_buf_append(buf, &c, 1);
}

int th_buf_put_integer(th_buf *buf, int64_t n)
{
    char digits[20]; /* 2^63 has 19, and there may be a sign */
    char *at = digits + sizeof digits;
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        *--at = '-';
    return th_buf_append(buf, at, (size_t)(digits + sizeof digits - at));
}

int th_buf_printf(th_buf *buf, const char *format, ...)
{
    /* Formats straight into the block: a copy on the stack could not be wiped for certain. */
    for (size_t room = 64;;) {
        if (th_buf_reserve(buf, room) < 0)
            return -1;
        va_list args;
        va_start(args, format);
        int n = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < buf->cap - buf->len) {
            buf->len += (size_t)n;
            return 0;
        }
        buf->data[buf->len] = '\0';
        if (n < 0)
            return -1;
        room = (size_t)n;
    }
}

void th_buf_clear(th_buf *buf)
{
    if (!buf->data)
        return;
    if (buf->sensitive)
        explicit_bzero(buf->data, buf->cap);
    buf->len = 0;
    buf->data[0] = '\0';
}

void th_buf_close(th_buf *buf)
{
    give_up(buf, buf->data, buf->cap);
    *buf = (th_buf){0};
}
