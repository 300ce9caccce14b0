/*
 * Addresses, taken apart by libcurl's own parser, so that everybody sees the same host as the
 * request goes to: 127.1 and 0x7f.1 are 127.0.0.1, and "http://127.0.0.1@example.com" is example.com.
 */
#ifndef TH_URL_H
#define TH_URL_H

#include <stdbool.h>

#include "base/error.h"

/* Strings are libcurl's; those that may be absent are NULL then. */
typedef struct th_url {
    char *origin;   /* "https://api.example.com:8443", in lower case, without the usual port */
    char *host;     /* "api.example.com" or "[::1]", in lower case */
    char *port;     /* NULL: the usual one */
    char *path;     /* as it was written; "/" when there is none */
    char *query;    /* or NULL */
    char *fragment; /* or NULL */
    bool https;     /* and not http */
    bool user;      /* it contains a user name or a password */
    bool loopback;  /* the host is this machine: 127.0.0.0/8, ::1 or localhost */
} th_url;

/* Reads an address of http or https. Otherwise TH_INVALID: `what` ("the URL") and what is wrong
 * with it; nothing of the address is quoted. */
int th_url_parse(const char *text, const char *what, th_url *url, th_error *err);
void th_url_close(th_url *url);

/* https, or http to a loopback host, without user name and password. TH_INVALID and what is wrong
 * otherwise. */
int th_url_check(const char *url, th_error *err);
/* The same, but http to any host is fine. */
int th_url_check_plain(const char *url, th_error *err);

#endif
