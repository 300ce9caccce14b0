/* A request as libcurl is to send it: checked, and set in an easy handle, only what differs from the
 * one before. */
#include <stdlib.h>
#include <string.h>

#include "wire/transfer_impl.h"
#include "wire/url.h"

enum {
    METHOD_MAX = sizeof((th_easy *)0)->method,
    EXPECT_FROM = 1 << 20, /* bytes of body from which libcurl would wait for "100 Continue" */
};

static CURLcode set_method(th_easy *easy, const th_transfer *transfer)
{
    const char *method = transfer->method;
    CURLcode code = CURLE_OK;

    if (easy->shape == TH_SHAPE_HEAD) {
        code = curl_easy_setopt(easy->curl, CURLOPT_NOBODY, 0L); /* back to GET */
        easy->shape = TH_SHAPE_GET;
    }
    if (transfer->give) {
        code = curl_easy_setopt(easy->curl, CURLOPT_POSTFIELDS, NULL);
        code = code ? code : curl_easy_setopt(easy->curl, CURLOPT_POST, 1L);
        code = code ? code
                    : curl_easy_setopt(easy->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                       (curl_off_t)transfer->body_len);
        easy->shape = TH_SHAPE_STREAM;
    } else if (transfer->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
               strcmp(method, "PATCH") == 0) {
        size_t len = transfer->body ? transfer->body_len : 0;
        /* Not copied. Also makes the method POST, whose name CUSTOMREQUEST replaces: PUT by the way
         * of a read callback would cost more and wait for a "100 Continue". */
        code =
            curl_easy_setopt(easy->curl, CURLOPT_POSTFIELDS, transfer->body ? transfer->body : "");
        if (!code && (easy->shape != TH_SHAPE_BODY || easy->body_len != len)) {
            code = curl_easy_setopt(easy->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
            easy->body_len = len;
        }
        easy->shape = TH_SHAPE_BODY;
    } else if (strcmp(method, "HEAD") == 0) {
        code = curl_easy_setopt(easy->curl, CURLOPT_NOBODY, 1L);
        easy->shape = TH_SHAPE_HEAD;
    } else if (easy->shape != TH_SHAPE_GET) {
        code = curl_easy_setopt(easy->curl, CURLOPT_HTTPGET, 1L);
        easy->shape = TH_SHAPE_GET;
    }
    if (!code && strcmp(easy->method, method) != 0) {
        code = curl_easy_setopt(easy->curl, CURLOPT_CUSTOMREQUEST, method);
        snprintf(easy->method, sizeof easy->method, "%s", method);
    }
    return code;
}

static bool has_header(const struct curl_slist *list, const char *name)
{
    size_t len = strlen(name);

    for (; list; list = list->next)
        if (strncasecmp(list->data, name, len) == 0 && strchr(":;", list->data[len]))
            return true;
    return false;
}

/* The owner's headers, preceded by those that keep libcurl from adding its own: a body makes it
 * claim to be a form, and a large one makes it wait for the server's consent. */
static struct curl_slist *headers_of(const th_client *client, th_transfer *transfer, bool has_body)
{
    struct curl_slist *list = transfer->headers;

    if (has_body && !has_header(list, "Content-Type")) {
        transfer->extra_headers[0] = (struct curl_slist){client->no_content_type->data, list};
        list = &transfer->extra_headers[0];
    }
    if (transfer->body_len >= EXPECT_FROM && !has_header(list, "Expect")) {
        transfer->extra_headers[1] = (struct curl_slist){client->no_expect->data, list};
        list = &transfer->extra_headers[1];
    }
    return list;
}

/* Whether libcurl would send the target as it stands: it drops fragments, resolves dot segments and
 * refuses or encodes some characters. */
static bool is_verbatim(const char *target)
{
    static const bool plain[256] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
        ['.'] = true,         ['_'] = true,         ['~'] = true,         ['%'] = true,
        ['/'] = true,         ['?'] = true,         ['='] = true,         ['&'] = true,
        [','] = true,         [':'] = true,         ['+'] = true,
    };
    const char *p = target;

    for (; plain[(unsigned char)*p]; p++)
        if (*p == '.' && p[-1] == '/')
            return false;
    return *p == '\0';
}

/* libcurl takes the whole URL apart and puts it together again for each request: so it gets the
 * origin, which stays, and the target beside it. */
static CURLcode set_url(th_easy *easy, const char *url)
{
    const th_client *client = easy->client;
    bool split = client->origin && strncmp(url, client->origin, client->origin_len) == 0 &&
                 is_verbatim(url + client->origin_len);
    unsigned origin = split ? client->norigins : 0;
    CURLcode code = CURLE_OK;

    if (!split || easy->origin != origin) {
        code = curl_easy_setopt(easy->curl, CURLOPT_URL, split ? client->origin : url);
        easy->origin = code ? 0 : origin;
    }
    if (!code && (split || easy->target)) {
        code = curl_easy_setopt(easy->curl, CURLOPT_REQUEST_TARGET,
                                split ? url + client->origin_len - 1 : NULL);
        easy->target = split || code;
    }
    return code;
}

CURLcode th_request_set(th_easy *easy, th_transfer *transfer)
{
    bool plain = strncasecmp(transfer->url, "http:", 5) == 0;
    long timeout = transfer->timeout_ms ? transfer->timeout_ms : easy->client->timeout_ms;

    CURLcode code = set_url(easy, transfer->url);
    code = code ? code : set_method(easy, transfer);
    struct curl_slist *headers = headers_of(easy->client, transfer, easy->shape >= TH_SHAPE_BODY);
    code = code ? code : curl_easy_setopt(easy->curl, CURLOPT_HTTPHEADER, headers);
    long stall = transfer->only_stalls ? (timeout + 999) / 1000 : 0;
    timeout = transfer->only_stalls ? 0 : timeout;
    if (!code && easy->timeout_ms != timeout) {
        code = curl_easy_setopt(easy->curl, CURLOPT_TIMEOUT_MS, timeout);
        easy->timeout_ms = timeout;
    }
    if (!code && easy->stall_s != stall) {
        code = curl_easy_setopt(easy->curl, CURLOPT_LOW_SPEED_TIME, stall);
        easy->stall_s = stall;
    }
    curl_off_t most = (curl_off_t)th_transfer_bound(transfer, easy->client);
    if (!code && easy->max_reply != most) {
        code = curl_easy_setopt(easy->curl, CURLOPT_MAXFILESIZE_LARGE, most);
        easy->max_reply = most;
    }
    if (!code && easy->plain != plain)
        code = th_easy_set_scheme(easy, plain);
    return code;
}

/* Parsing a URL costs as much as all other set-up of a request together, and a client nearly always
 * talks to one server: what was good up to the first slash of the path is good again. */
static int check_url(th_client *client, const char *url, th_error *err)
{
    if (client->origin && strncmp(url, client->origin, client->origin_len) == 0)
        return 0;
    int rc = client->plain_anywhere ? th_url_check_plain(url, err) : th_url_check(url, err);
    if (rc != 0)
        return rc;
    if (client->tls_fault.kind && strncasecmp(url, "https:", 6) == 0)
        return th_fail(err, client->tls_fault.kind, "%s", client->tls_fault.message);
    const char *authority = strstr(url, "://") + 3;
    size_t len = (size_t)(authority - url) + strcspn(authority, "/?#\\");
    if (url[len] == '/') {
        char *origin = strndup(url, len + 1);
        if (origin) {
            free(client->origin);
            client->origin = origin;
            client->norigins++;
            client->origin_len = len + 1;
        }
    }
    return 0;
}

static int check_method(const char *method, th_error *err)
{
    size_t len = strlen(method);

    if (len == 0 || len >= METHOD_MAX || strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != len)
        return th_fail(err, TH_INVALID, "'%.20s' is not an HTTP method", method);
    return 0;
}

int th_request_check(th_client *client, const th_transfer *transfer, th_error *err)
{
    int rc = check_method(transfer->method, err);
    return rc ? rc : check_url(client, transfer->url, err);
}
