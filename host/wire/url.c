#include <curl/curl.h>
#include <string.h>

#include "wire/transfer.h"

struct url_parts {
    char *scheme, *host, *user, *password; /* libcurl's memory */
};

static void close_parts(struct url_parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->user);
    curl_free(parts->password);
}

/* libcurl's own parser, so that this sees the same host as the request goes to: 127.1 and 0x7f.1
 * come out as 127.0.0.1, and "http://127.0.0.1@example.com" as example.com. */
static CURLUcode parse(const char *url, struct url_parts *parts)
{
    CURLU *handle = curl_url();

    *parts = (struct url_parts){0};
    if (!handle)
        return CURLUE_OUT_OF_MEMORY;
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OK)
        code = curl_url_get(handle, CURLUPART_SCHEME, &parts->scheme, 0);
    curl_url_get(handle, CURLUPART_HOST, &parts->host, 0);
    curl_url_get(handle, CURLUPART_USER, &parts->user, 0);
    curl_url_get(handle, CURLUPART_PASSWORD, &parts->password, 0);
    curl_url_cleanup(handle);
    return code;
}

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static int check_parts(const struct url_parts *parts, bool plain, th_error *err)
{
    bool https = strcasecmp(parts->scheme, "https") == 0;

    if (!https && strcasecmp(parts->scheme, "http") != 0)
        return th_fail(err, TH_INVALID, "the URL begins with %s://; use https://", parts->scheme);
    if (!parts->host || !parts->host[0])
        return th_fail(err, TH_INVALID, "the URL names no host");
    if (parts->user || parts->password) {
        return th_fail(err, TH_INVALID,
                       "the URL for %s contains a user name or password; configure a token instead",
                       parts->host);
    }
    if (!https && !plain && !is_loopback(parts->host)) {
        return th_fail(
            err, TH_INVALID,
            "plain http to %s is refused, because anyone on the way could read the token "
            "and the passwords; use https:// (http is for loopback only)",
            parts->host);
    }
    return 0;
}

static int check(const char *url, bool plain, th_error *err)
{
    struct url_parts parts;

    if (!strstr(url, "://"))
        return th_fail(err, TH_INVALID, "the URL must begin with https://");
    CURLUcode code = parse(url, &parts);
    int rc = code ? th_fail(err, TH_INVALID, "the URL cannot be read: %s", curl_url_strerror(code))
                  : check_parts(&parts, plain, err);
    close_parts(&parts);
    return rc;
}

int th_url_check(const char *url, th_error *err)
{
    return check(url, false, err);
}

int th_url_check_plain(const char *url, th_error *err)
{
    return check(url, true, err);
}
