/*
 * The end that no program can prepare for: SIGKILL to the process behind a connection, at a known
 * request. The kernel tells which process that is, so nothing but a client can be meant.
 */
#ifndef SB_KILL_CLIENT_H
#define SB_KILL_CLIENT_H

#include <microhttpd.h>

/* Kills the process on this machine that holds the other end of the connection to 127.0.0.1:port.
 * Does nothing when there is none, or when it belongs to somebody whom this user may not kill. */
void sb_kill_client(struct MHD_Connection *connection, unsigned port);

#endif
