/*
 * The proxy that the environment names. Its address may hold a password: that is a secret of the
 * process, and the address is never shown as it is.
 */
#ifndef TH_PROXY_H
#define TH_PROXY_H

#include <stddef.h>

#include "base/error.h"
#include "base/secret.h"

enum { TH_PROXY_SECRETS = 24 };

/* The first of https_proxy, HTTPS_PROXY, all_proxy and ALL_PROXY that is set and not empty: its
 * value, "" when there is none. *name (may be NULL) becomes the variable's. */
const char *th_proxy_address(const char **name);

/* "proxy.example.com:3128": what may be shown of the proxy there is, owned by the caller; NULL when
 * there is none. TH_INVALID when its address cannot be read; the error does not quote it. */
int th_proxy_shown(char **out, th_error *err);

/* Makes secrets of the passwords in all variables of this kind, for as long as the caller keeps
 * them. Returns how many there are. */
size_t th_proxy_secrets(th_secret *out[static TH_PROXY_SECRETS]);

#endif
