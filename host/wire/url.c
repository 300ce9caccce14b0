#include "wire/url.h"

#include <curl/curl.h>
#include <string.h>

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static void make_lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text |= 0x20;
}

static CURLUcode read_parts(CURLU *handle, const char *text, th_url *url)
{
    char *user = NULL, *password = NULL;
    CURLUcode code =
        curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
    if (code)
        return code;
    curl_url_get(handle, CURLUPART_HOST, &url->host, 0);
    curl_url_get(handle, CURLUPART_PORT, &url->port, CURLU_NO_DEFAULT_PORT);
    curl_url_get(handle, CURLUPART_PATH, &url->path, 0);
    curl_url_get(handle, CURLUPART_QUERY, &url->query, 0);
    curl_url_get(handle, CURLUPART_FRAGMENT, &url->fragment, 0);
    curl_url_get(handle, CURLUPART_USER, &user, 0);
    curl_url_get(handle, CURLUPART_PASSWORD, &password, 0);
    url->user = user || password;
    curl_free(user);
    curl_free(password);

    /* What is left without the rest is the origin. */
    static const CURLUPart rest[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_PATH,
                                     CURLUPART_QUERY, CURLUPART_FRAGMENT};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        curl_url_set(handle, rest[i], NULL, 0);
    curl_url_get(handle, CURLUPART_URL, &url->origin, CURLU_NO_DEFAULT_PORT);
    if (!url->host || !url->path || !url->origin)
        return CURLUE_OUT_OF_MEMORY;
    make_lower(url->host);
    make_lower(url->origin);
    size_t len = strlen(url->origin);
    if (len > 0 && url->origin[len - 1] == '/')
        url->origin[len - 1] = '\0';
    url->loopback = is_loopback(url->host);
    return CURLUE_OK;
}

int th_url_parse(const char *text, const char *what, th_url *url, th_error *err)
{
    *url = (th_url){0};
    /* libcurl is more generous: it takes one slash or three, and a backslash for a part of a name. */
    const char *authority = strstr(text, "://");
    size_t scheme = authority ? (size_t)(authority - text) : 0;
    if (!((scheme == 5 && strncasecmp(text, "https", 5) == 0) ||
          (scheme == 4 && strncasecmp(text, "http", 4) == 0)))
        return th_fail(err, TH_INVALID, "%s must begin with https://", what);
    url->https = scheme == 5;
    authority += 3;
    size_t len = strcspn(authority, "/?#\\");
    if (authority[len] == '\\')
        return th_fail(err, TH_INVALID, "%s contains '\\' in the name of its host", what);
    if (len == 0 && authority[0])
        return th_fail(err, TH_INVALID, "%s names no host", what);

    CURLU *handle = curl_url();
    CURLUcode code = handle ? read_parts(handle, text, url) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(handle);
    if (code == CURLUE_OK)
        return 0;
    th_url_close(url);
    return code == CURLUE_OUT_OF_MEMORY
               ? th_fail(err, TH_INVALID, "not enough memory")
               : th_fail(err, TH_INVALID, "%s cannot be read: %s", what, curl_url_strerror(code));
}

void th_url_close(th_url *url)
{
    char *const parts[] = {url->origin, url->host, url->port, url->path, url->query, url->fragment};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        curl_free(parts[i]);
    *url = (th_url){0};
}

static int check(const char *text, bool plain, th_error *err)
{
    th_url url;
    int rc = th_url_parse(text, "the URL", &url, err);
    if (rc == 0 && url.user)
        rc = th_fail(err, TH_INVALID,
                     "the URL for %s contains a user name or password; configure a token instead",
                     url.host);
    else if (rc == 0 && !plain && !url.https && !url.loopback)
        rc = th_fail(err, TH_INVALID,
                     "plain http to %s is refused, because anyone on the way could read the token "
                     "and the passwords; use https:// (http is for loopback only)",
                     url.host);
    th_url_close(&url);
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
