/*
 * A strict reader of JSON (RFC 8259) that builds nothing. It runs before lua-cjson, which accepts
 * more than JSON and loses what a double or a Lua table cannot hold: the scan refuses what is not
 * JSON, and lists the places that have to be rewritten so that nothing is lost.
 *
 * One pass, no recursion; time is linear in the length of the text.
 */
#ifndef TH_JSON_SCAN_H
#define TH_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { TH_JSON_DEPTH = 256 }; /* levels of arrays and objects, for reading and for writing */

enum th_json_edit_kind {
    TH_JSON_EMPTY_ARRAY, /* "[]" with any space in it: an empty Lua table would be an object */
    TH_JSON_INTEGER,     /* an integer of more than 15 digits that fits in 64 bits */
};

typedef struct th_json_edit {
    uint32_t offset, len;
    enum th_json_edit_kind kind;
} th_json_edit;

/* Where a number is: the keys that lead to it from the outermost object, as they stand in the text.
 */
enum { TH_JSON_PLACES = 8, TH_JSON_PLACE_KEYS = 4 };
typedef struct th_json_place {
    struct {
        uint32_t offset, len;
    } keys[TH_JSON_PLACE_KEYS];
    unsigned nkeys;
} th_json_place;

struct th_json_key;

/* A scanner, to be used for any number of texts one after the other. */
typedef struct th_json_scan {
    /* results when all is well */
    bool numbers;        /* there is a number */
    bool arrays;         /* there is an array */
    th_json_edit *edits; /* in the order of the text; the scanner's, until the next text */
    size_t nedits;
    /* All numbers, as long as they are few, in no array, and not behind a key with an escape; a
     * longer text is not worth the search for each: nplaces is above TH_JSON_PLACES then. */
    th_json_place places[TH_JSON_PLACES];
    unsigned nplaces;

    /* results when it is not */
    const char *reason; /* static: "a comma must not stand before ]" */
    size_t offset;      /* of the byte that it is about */

    uint64_t probes; /* keys that were compared with another one; for tests of linear time */

    /* the scanner's */
    size_t edits_cap;
    struct th_json_key *keys; /* of all objects that are open, outermost first */
    size_t nkeys, keys_cap;
    uint32_t *heads;  /* hash table over keys: index + 1 of the latest key of each bucket */
    size_t nheads;    /* a power of two */
    th_buf unescaped; /* the keys that are written with escapes */
    uint64_t seed;
    struct th_json_frame {
        uint32_t first_key, unescaped;
        uint32_t key, key_len; /* the last one that was read */
        bool object;
        bool escaped; /* that key is written with escapes */
    } frames[TH_JSON_DEPTH];
    unsigned depth;
} th_json_scan;

/* Never fails; takes no memory yet. */
void th_json_scan_init(th_json_scan *scan);
void th_json_scan_close(th_json_scan *scan);

/* Scans one text, which needs no NUL at its end. 0, or -1 with reason and offset. */
int th_json_scan_text(th_json_scan *scan, const char *text, size_t len);

/* Line and column of a byte, both from 1; the column counts characters. */
void th_json_position(const char *text, size_t offset, size_t *line, size_t *column);

#endif
