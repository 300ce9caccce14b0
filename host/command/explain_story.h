/* The story of a trunk: what the ledger's tables say of it, brought into the order of time. */
#ifndef TH_EXPLAIN_STORY_H
#define TH_EXPLAIN_STORY_H

#include "base/buf.h"
#include "ledger/view.h"

struct th_story_event;

/* Starts zeroed but for json: lines for a program instead of a table. */
struct th_story {
    bool json;
    struct th_story_event *events; /* owned */
    size_t count, room;
    th_buf now; /* what is known of its passwords at the end */
};

/* Reads everything about the trunk in the filter. 0; TH_INVALID; or -1 when memory runs out. */
int th_story_gather(struct th_story *story, th_ledger_view *view,
                    const struct th_view_filter *filter, th_error *err);
/* Appends it to out; 0, or -1 when memory runs out. */
int th_story_print(struct th_story *story, th_buf *out);
void th_story_close(struct th_story *story);

#endif
