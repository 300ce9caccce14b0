#include "json/scan.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "json/keys.h"
#include "json/token.h"

enum { KEEP = 64 * 1024 }; /* bytes of scratch memory that survive a text */

static bool key(th_json_cursor *c)
{
    if (*c->p != '"')
        return th_json_fail(c, *c->p == '}' ? "a comma must not stand before }"
                                            : "a key in double quotes was expected");
    const char *open = c->p;
    bool escaped;
    if (!th_json_string(c, &escaped))
        return false;
    const size_t len = (size_t)(c->p - open - 2);
    struct th_json_frame *frame = &c->scan->frames[c->scan->depth - 1];
    frame->key = (uint32_t)(open + 1 - c->begin);
    frame->key_len = (uint32_t)len;
    frame->escaped = escaped;
    switch (th_json_keys_add(c->scan, c->begin, open + 1, len, escaped)) {
    case TH_JSON_KEY_NEW:
        return true;
    case TH_JSON_KEY_TWICE:
        return th_json_fail_at(c, open, "a key appears twice in one object");
    default:
        return th_json_fail_at(c, open, "there is not enough memory to read it");
    }
}

static bool word(th_json_cursor *c, const char *text, size_t len)
{
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0)
        return th_json_fail(
            c, "a value was expected: words other than true, false and null are not JSON");
    c->p += len;
    return true;
}

/* Notes where the number is that comes now. */
static void note_place(th_json_scan *s)
{
    if (s->nplaces >= TH_JSON_PLACES || s->arrays || s->depth == 0 ||
        s->depth > TH_JSON_PLACE_KEYS) {
        s->nplaces = TH_JSON_PLACES + 1;
        return;
    }
    th_json_place *place = &s->places[s->nplaces++];
    place->nkeys = s->depth;
    for (unsigned i = 0; i < s->depth; i++) {
        const struct th_json_frame *frame = &s->frames[i];
        place->keys[i].offset = frame->key;
        place->keys[i].len = frame->key_len;
        if (frame->escaped)
            s->nplaces = TH_JSON_PLACES + 1;
    }
}

static bool scalar(th_json_cursor *c)
{
    bool escaped;
    switch (*c->p) {
    case '"':
        return th_json_string(c, &escaped);
    case '-':
    case '0' ... '9':
        note_place(c->scan);
        return th_json_number(c);
    case 't':
        return word(c, "true", 4);
    case 'f':
        return word(c, "false", 5);
    case 'n':
        return word(c, "null", 4);
    case ']':
        return th_json_fail(c, c->scan->depth && !c->scan->frames[c->scan->depth - 1].object
                                   ? "a comma must not stand before ]"
                                   : "a value was expected");
    case 'N':
    case 'I':
        return th_json_fail(c, "a value was expected: NaN and Infinity are not JSON");
    case '\'':
        return th_json_fail(c, "a value was expected: strings stand in double quotes");
    default:
        return th_json_fail(c, "a value was expected");
    }
}

static bool enter(th_json_cursor *c)
{
    th_json_scan *s = c->scan;
    if (s->depth == TH_JSON_DEPTH)
        return th_json_fail(c, "it is nested deeper than 256 levels");
    bool object = *c->p++ == '{';
    s->frames[s->depth++] = (struct th_json_frame){
        .first_key = (uint32_t)s->nkeys, .unescaped = (uint32_t)s->unescaped.len, .object = object};
    s->arrays |= !object;
    return true;
}

static void leave(th_json_cursor *c)
{
    th_json_scan *s = c->scan;
    const struct th_json_frame *frame = &s->frames[--s->depth];
    th_json_keys_forget(s, frame->first_key);
    s->unescaped.len = frame->unescaped;
    c->p++;
}

static void space(th_json_cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

enum want { VALUE, FIRST_ITEM, FIRST_KEY, KEY, COLON, AFTER };

static bool after_value(th_json_cursor *c, enum want *want)
{
    if (c->scan->depth == 0)
        return th_json_fail(c, "there is more text after the end of the value");
    bool object = c->scan->frames[c->scan->depth - 1].object;
    if (*c->p == ',') {
        c->p++;
        *want = object ? KEY : VALUE;
        return true;
    }
    if (*c->p != (object ? '}' : ']'))
        return th_json_fail(c, object ? "a comma or } was expected" : "a comma or ] was expected");
    leave(c);
    return true;
}

static bool scan_all(th_json_cursor *c)
{
    enum want want = VALUE;
    const char *open = c->p; /* of the array that was entered last */
    for (;;) {
        space(c);
        if (c->p == c->end) {
            if (want == AFTER && c->scan->depth == 0)
                return true;
            return th_json_fail(c, c->scan->depth
                                       ? "the text ends before its last bracket is closed"
                                       : "the text is empty");
        }
        switch (want) {
        case FIRST_ITEM:
            if (*c->p == ']') {
                leave(c);
                if (!th_json_edit_add(c, open, TH_JSON_EMPTY_ARRAY))
                    return false;
                want = AFTER;
                break;
            }
            /* fall through */
        case VALUE:
            if (*c->p == '{' || *c->p == '[') {
                want = *c->p == '{' ? FIRST_KEY : FIRST_ITEM;
                open = c->p;
                if (!enter(c))
                    return false;
            } else if (scalar(c)) {
                want = AFTER;
            } else {
                return false;
            }
            break;
        case FIRST_KEY:
            if (*c->p == '}') {
                leave(c);
                want = AFTER;
                break;
            }
            /* fall through */
        case KEY:
            if (!key(c))
                return false;
            want = COLON;
            break;
        case COLON:
            if (*c->p != ':')
                return th_json_fail(c, "a colon was expected after the key");
            c->p++;
            want = VALUE;
            break;
        case AFTER:
            if (!after_value(c, &want))
                return false;
            break;
        }
    }
}

void th_json_scan_init(th_json_scan *scan)
{
    *scan = (th_json_scan){0};
    randombytes_buf(&scan->seed, sizeof scan->seed);
}

void th_json_scan_close(th_json_scan *scan)
{
    free(scan->edits);
    free(scan->keys);
    free(scan->heads);
    th_buf_close(&scan->unescaped);
    *scan = (th_json_scan){0};
}

/* One large reply must not hold its scratch memory for the rest of the run. */
static void trim(th_json_scan *scan)
{
    if (scan->keys_cap * sizeof(struct th_json_key) > KEEP) {
        free(scan->keys);
        free(scan->heads);
        scan->keys = NULL;
        scan->heads = NULL;
        scan->keys_cap = scan->nheads = 0;
    }
    if (scan->edits_cap * sizeof(th_json_edit) > KEEP) {
        free(scan->edits);
        scan->edits = NULL;
        scan->edits_cap = 0;
    }
    if (scan->unescaped.cap > KEEP)
        th_buf_close(&scan->unescaped);
}

int th_json_scan_text(th_json_scan *scan, const char *text, size_t len)
{
    trim(scan);
    scan->numbers = scan->arrays = false;
    scan->nedits = 0;
    scan->nplaces = 0;
    scan->depth = 0;
    scan->unescaped.len = 0;
    th_json_cursor c = {.begin = text, .p = text, .end = text + len, .scan = scan};
    if (len > INT32_MAX / 2) {
        th_json_fail(&c, "it is larger than 1 GiB");
        return -1;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        th_json_fail(&c, "it starts with a byte order mark");
        return -1;
    }
    bool ok = scan_all(&c);
    th_json_keys_forget(scan, 0);
    return ok ? 0 : -1;
}

void th_json_position(const char *text, size_t offset, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}
