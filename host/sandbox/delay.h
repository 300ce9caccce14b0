/*
 * Replies that wait: a connection is set aside and taken up again later by a thread of its own, so
 * that a late reply keeps no other request waiting.
 */
#ifndef SB_DELAY_H
#define SB_DELAY_H

#include <microhttpd.h>
#include <stdbool.h>

typedef struct sb_delay sb_delay;

/* NULL when there is no memory or no thread. */
sb_delay *sb_delay_create(void);
/* Suspends the connection for `ms`. False: not now (stopping, no memory); reply at once. Called
 * from the access handler only. */
bool sb_delay_hold(sb_delay *delay, struct MHD_Connection *connection, unsigned ms);
/* Resumes everything and holds nothing from now on. To be called before MHD_stop_daemon. */
void sb_delay_stop(sb_delay *delay);
/* After MHD_stop_daemon. NULL is fine. */
void sb_delay_destroy(sb_delay *delay);

#endif
