/* Request headers that hold a token. */
#ifndef TH_HEADERS_H
#define TH_HEADERS_H

#include <curl/curl.h>

#include "base/error.h"
#include "base/secret.h"

/* Wipes and frees them; curl keeps a copy of its own while a request is under way. NULL is fine. */
void th_headers_free(struct curl_slist *list);
/* A token consists of visible ASCII characters. TH_INVALID otherwise; whose: "account office". */
int th_token_check(const th_secret *token, const char *whose, th_error *err);

#endif
