#include "wire/proxy.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As libcurl reads it: without a scheme it is http. */
enum { FLAGS = CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME };

static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                    "ALL_PROXY",   "http_proxy",  "HTTP_PROXY"};

enum { OURS = 4, NAMES = sizeof names / sizeof names[0] };

const char *th_proxy_address(const char **name)
{
    for (size_t i = 0; i < OURS; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0]) {
            if (name)
                *name = names[i];
            return value;
        }
    }
    return "";
}

int th_proxy_shown(char **out, th_error *err)
{
    const char *name = NULL, *address = th_proxy_address(&name);
    char *host = NULL, *port = NULL;
    *out = NULL;
    if (!address[0])
        return 0;
    CURLU *handle = curl_url();
    bool read = handle && curl_url_set(handle, CURLUPART_URL, address, FLAGS) == CURLUE_OK &&
                curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0];
    if (read)
        curl_url_get(handle, CURLUPART_PORT, &port, 0);
    int rc = 0;
    if (!read)
        rc = th_fail(err, TH_INVALID,
                     "the address of the proxy in %s cannot be read, and nothing was sent; write "
                     "http://user:password@host:port, and each character of the password that is "
                     "no letter and no digit percent-encoded, as %%40 for @",
                     name);
    else if (asprintf(out, "%s%s%s", host, port ? ":" : "", port ? port : "") < 0)
        rc = th_fail(err, TH_INVALID, "not enough memory");
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(handle);
    return rc;
}

static void add(th_secret **out, size_t *n, const char *text, size_t len)
{
    th_error err = {0};
    if (len > 0 && *n < TH_PROXY_SECRETS && th_secret_copy(text, len, &out[*n], &err) == 0)
        ++*n;
    th_error_close(&err);
}

/* By hand, because what has to be hidden most of all is an address that no parser takes: everything
 * from the first colon to the last @ is the password, and where there is no @, all of it may be. */
static void add_password(th_secret **out, size_t *n, const char *address)
{
    const char *scheme = strstr(address, "://");
    const char *begin = scheme ? scheme + 3 : address;
    const char *at = strrchr(begin, '@');
    const char *end = at ? at : begin + strlen(begin);
    const char *colon = memchr(begin, ':', (size_t)(end - begin));
    if (!colon)
        return;
    const char *password = colon + 1;
    if (!at && strspn(password, "0123456789/") == strlen(password))
        return; /* a port */
    add(out, n, password, (size_t)(end - password));
    int len = 0;
    char *plain = curl_easy_unescape(NULL, password, (int)(end - password), &len);
    if (plain && (len != end - password || memcmp(plain, password, (size_t)len) != 0))
        add(out, n, plain, (size_t)len);
    curl_free(plain);
}

size_t th_proxy_secrets(th_secret *out[static TH_PROXY_SECRETS])
{
    size_t n = 0;
    for (size_t i = 0; i < NAMES; i++) {
        const char *value = getenv(names[i]);
        if (value)
            add_password(out, &n, value);
    }
    return n;
}
