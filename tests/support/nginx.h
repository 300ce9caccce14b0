/*
 * A real server for tests of TLS and HTTP/2: nginx in the foreground in a folder of its own, with
 * certificates that openssl makes for the purpose.
 *
 * The folder holds ca.pem (which signed the others), localhost.pem/.key (localhost and 127.0.0.1),
 * other.pem/.key (for other.example) and stranger.pem/.key (localhost, signed by itself).
 */
#ifndef TEST_NGINX_H
#define TEST_NGINX_H

#include <stddef.h>

enum { NGINX_PORTS = 6 };

typedef struct nginx nginx;

/*
 * Starts nginx with these server blocks. In them @0@ … @5@ stand for "127.0.0.1:<port>" of a free
 * port each, and @dir@ for the folder. It listens before this returns. Ends the test program when
 * nginx or openssl is missing.
 */
nginx *nginx_start(const char *servers);
/* Ends it, waits for it and removes the folder. NULL is fine. */
void nginx_stop(nginx *server);

int nginx_port(const nginx *server, size_t index);
/* "https://localhost:<port>" */
const char *nginx_url(const nginx *server, size_t index);
/* The path of ca.pem. */
const char *nginx_ca(const nginx *server);
/* What stands in a file of the folder (an access log); owned by the caller, "" when it is not
 * there. */
char *nginx_file(const nginx *server, const char *name);

#endif
