/*
 * What one API holds: its trunks and what belongs to them, as JSON objects with every field, the
 * secret ones too. Replies show a part of a record; the admin state shows all of it.
 *
 * Time is the store's own: it stands still between writes and moves on by about a second at each,
 * so that the same requests lead to the same state.
 */
#ifndef SB_STORE_H
#define SB_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandbox/eventual.h"
#include "sandbox/random.h"

struct sb_api;

typedef struct sb_store {
    const struct sb_api *api;
    json_t *trunks; /* id → record, in order of creation; owned, as the others */
    json_t
        *numbers; /* Famulor: all other numbers; Vatel: assignments; Bolna: numbers of all trunks */
    json_t *agents; /* assistants or agents that numbers can be given to */
    sb_random random;
    sb_unseen unseen; /* what readers do not see yet */
    int64_t clock;    /* microseconds since 1970 */
    int64_t next_id;  /* where ids are integers */
} sb_store;

/* Fills it with `trunks` trunks. 0 or -1 when memory runs out. */
int sb_store_init(sb_store *store, const struct sb_api *api, unsigned trunks, uint64_t seed);
void sb_store_close(sb_store *store);

/* Moves the clock on, so that what is stamped next is later than all before. */
void sb_store_tick(sb_store *store);
/* The present time as a new JSON string, with microseconds or whole seconds. */
json_t *sb_store_time(const sb_store *store, bool microseconds);

/* Moves the time of change, as when somebody else touches the trunk. False: it has none. */
bool sb_store_touch(sb_store *store, json_t *trunk);

/* A new object with those members of the record that it has, in the order of the names
 * (NULL-ended). */
json_t *sb_pick(const json_t *record, const char *const *names);
/* Sets every member of the body that is named in `names` (NULL: all) on the record. */
void sb_merge(json_t *record, json_t *body, const char *const *names);
/* The string member, "" when it is absent, null or something else. */
const char *sb_text(const json_t *record, const char *name);
bool sb_true(const json_t *record, const char *name);
/* Sets the member to the default when the record has none; takes the reference. */
void sb_default(json_t *record, const char *name, json_t *value);
/* A random password, as a new JSON string. */
json_t *sb_password(sb_random *random);
/* Takes a record out of an array that holds it. */
void sb_array_drop(json_t *array, const json_t *record);

#endif
