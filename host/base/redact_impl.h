/* Between redact.c and redact_decode.c: a text as it reads with one kind of escape taken away. */
#ifndef TH_REDACT_IMPL_H
#define TH_REDACT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct th_view {
    unsigned char *bytes;
    size_t len;
    /* Which bytes of the outermost text each came from: from[i] up to, not including, to[i]. Both
     * NULL: the i-th from the i-th. */
    uint32_t *from, *to;
};

enum th_escape {
    TH_ESCAPE_PERCENT,
    TH_ESCAPE_FORM, /* percent, and + is a blank */
    TH_ESCAPE_JSON,
    TH_ESCAPE_HTML,
    TH_ESCAPES,
};

/* Room for n bytes; false when memory runs out. */
bool th_view_open(struct th_view *view, size_t n);
/* Wiped and freed. */
void th_view_close(struct th_view *view);

/* Whether there may be anything of the kind, looked at quickly. */
bool th_view_has(const struct th_view *view, enum th_escape escape);
/* Takes every escape of the kind away. `out` has room for in->len bytes. False: there was none. */
bool th_view_decode(const struct th_view *in, enum th_escape escape, struct th_view *out);
/* in[at … end) holds nothing but characters of base64. Decodes as if a group of four began at `at`.
 */
void th_view_base64(const struct th_view *in, size_t at, size_t end, struct th_view *out);
bool th_is_base64(unsigned char c);

#endif
