#include "sandbox/eventual.h"

#include <stdlib.h>
#include <string.h>

static void forget(sb_unseen *unseen, size_t at)
{
    free(unseen->list[at].id);
    json_decref(unseen->list[at].before);
    unseen->count--;
    memmove(&unseen->list[at], &unseen->list[at + 1],
            (unseen->count - at) * sizeof unseen->list[0]);
}

void sb_unseen_add(sb_unseen *unseen, const char *id, json_t *before, uint64_t until)
{
    if (unseen->count == unseen->cap) {
        size_t cap = unseen->cap ? unseen->cap * 2 : 16;
        struct sb_change *list = realloc(unseen->list, cap * sizeof *list);
        if (!list) {
            json_decref(before);
            return;
        }
        unseen->list = list;
        unseen->cap = cap;
    }
    unseen->list[unseen->count++] = (struct sb_change){strdup(id), before, until};
}

void sb_unseen_drop(sb_unseen *unseen, const char *id)
{
    for (size_t i = unseen->count; i-- > 0;)
        if (strcmp(unseen->list[i].id, id) == 0)
            forget(unseen, i);
}

json_t *sb_unseen_view(sb_unseen *unseen, json_t *trunks, uint64_t now)
{
    for (size_t i = unseen->count; i-- > 0;)
        if (unseen->list[i].until <= now)
            forget(unseen, i);
    if (unseen->count == 0)
        return json_incref(trunks);
    json_t *view = json_copy(trunks);
    /* From the newest to the oldest: of several changes of one trunk readers lack all from the
     * oldest on. */
    for (size_t i = unseen->count; i-- > 0;) {
        const struct sb_change *change = &unseen->list[i];
        if (change->before)
            json_object_set(view, change->id, change->before);
        else
            json_object_del(view, change->id);
    }
    return view;
}

void sb_unseen_close(sb_unseen *unseen)
{
    while (unseen->count)
        forget(unseen, unseen->count - 1);
    free(unseen->list);
    *unseen = (sb_unseen){0};
}
