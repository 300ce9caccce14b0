#include "call/headers.h"

#include <sodium.h>
#include <string.h>

void th_headers_free(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        sodium_memzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

int th_token_check(const th_secret *token, const char *whose, th_error *err)
{
    size_t len;
    const char *bytes = th_secret_bytes(token, &len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)bytes[i] <= ' ' || (unsigned char)bytes[i] >= 0x7f)
            return th_fail(err, TH_INVALID,
                           "%s: the token contains a blank or a character that no token has; "
                           "check where it comes from",
                           whose);
    return 0;
}
