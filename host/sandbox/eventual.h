/*
 * A platform whose readers lag behind: what was created or changed shows in replies to GET only
 * after a while. Writes always meet the truth, and so does /_sandbox/state.
 */
#ifndef SB_EVENTUAL_H
#define SB_EVENTUAL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Changes that readers do not see yet, oldest first. */
typedef struct sb_unseen {
    struct sb_change {
        char *id;       /* of the trunk; owned */
        json_t *before; /* what readers see of it; NULL: nothing; owned */
        uint64_t until; /* ns */
    } * list;
    size_t count, cap;
} sb_unseen;

/* Readers see `before` (taken; NULL: no trunk) in place of the trunk until then. */
void sb_unseen_add(sb_unseen *unseen, const char *id, json_t *before, uint64_t until);
/* The trunk is gone, for readers too. */
void sb_unseen_drop(sb_unseen *unseen, const char *id);
/* What readers see of the trunks, as a new reference; forgets what everybody sees by now. */
json_t *sb_unseen_view(sb_unseen *unseen, json_t *trunks, uint64_t now);
void sb_unseen_close(sb_unseen *unseen);

#endif
