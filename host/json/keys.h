/*
 * The keys of the objects that a scan has open: is a key new in its object? Part of json_scan.
 *
 * One hash table serves all objects. Keys are forgotten in the reverse order in which they came, so
 * taking one out is setting its bucket back to the key before it.
 */
#ifndef TH_JSON_KEYS_H
#define TH_JSON_KEYS_H

#include "json/scan.h"

struct th_json_key {
    uint32_t offset; /* in the text, or in scan->unescaped */
    uint32_t len : 31;
    uint32_t unescaped : 1;
    uint32_t hash;
    uint32_t next; /* index + 1 of the key before it in its bucket */
};

enum th_json_key_answer { TH_JSON_KEY_NEW, TH_JSON_KEY_TWICE, TH_JSON_KEY_MEMORY };

/* Adds a key of the innermost object. `bytes` point into the text, between the quotes; `escaped`
 * says that they hold (valid) escapes. Keys are the same when they are after unescaping. */
enum th_json_key_answer th_json_keys_add(th_json_scan *scan, const char *text, const char *bytes,
                                         size_t len, bool escaped);

/* Forgets all but the first `keep` keys. */
void th_json_keys_forget(th_json_scan *scan, size_t keep);

#endif
