#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/redact.h"
#include "wire/reply_headers.h"
#include "wire/transfer_impl.h"
#include "wire/url.h"

enum {
    MAX_HEADER_BYTES = 256 << 10,
    METHOD_MAX = sizeof((th_easy *)0)->method,
    EXPECT_FROM = 1 << 20, /* bytes of body from which libcurl would wait for "100 Continue" */
};

/* --- libcurl's callbacks ---------------------------------------------------------------------- */

/*
 * Runs before each sending. When a server closes a kept connection without a reply, libcurl sends
 * the request again on a new one, POST included, and reports one success. So: once, and never
 * again.
 */
static int on_send(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    th_transfer *transfer = ((th_easy *)ctx)->transfer;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (transfer->sent) {
        transfer->repeated = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* Bytes of body that a reply may have. One to HEAD has none, but libcurl believes its length. */
static uint64_t bound(const th_transfer *transfer, const th_client *client)
{
    if (strcmp(transfer->method, "HEAD") == 0)
        return INT64_MAX;
    if (transfer->max_reply)
        return transfer->max_reply;
    return transfer->take ? INT64_MAX : client->max_response;
}

static bool is_taken(const th_easy *easy)
{
    long status = 0;

    if (!easy->transfer->take)
        return false;
    curl_easy_getinfo(easy->curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t on_body(char *data, size_t unit, size_t len, void *ctx)
{
    th_easy *easy = ctx;
    th_transfer *transfer = easy->transfer;
    bool take = is_taken(easy);
    uint64_t most = bound(transfer, easy->client);

    (void)unit; /* always 1 */
    if (!take && most > easy->client->max_response)
        most = easy->client->max_response; /* a refusal has no right to the bound of a file */
    if (len > most - (take ? transfer->taken : transfer->reply.len)) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (!take)
        return th_buf_append(&transfer->reply, data, len) == 0 ? len : CURL_WRITEFUNC_ERROR;
    if (!transfer->take(transfer, transfer->taken, data, len)) {
        transfer->stream_failed = true;
        return CURL_WRITEFUNC_ERROR;
    }
    transfer->taken += len;
    return len;
}

static size_t on_give(char *buffer, size_t unit, size_t room, void *ctx)
{
    th_transfer *transfer = ((th_easy *)ctx)->transfer;
    uint64_t left = transfer->body_len - transfer->given;

    (void)unit; /* always 1 */
    if (room > left)
        room = (size_t)left;
    if (room == 0)
        return 0;
    size_t len = transfer->give(transfer, transfer->given, buffer, room);
    if (len == 0) {
        transfer->stream_failed = true;
        return CURL_READFUNC_ABORT;
    }
    transfer->given += len;
    return len;
}

static double time_of_day(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool keep_header(th_transfer *transfer, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    return len == 0 || (th_buf_append(&transfer->reply_headers, line, len) == 0 &&
                        th_buf_putc(&transfer->reply_headers, '\n') == 0);
}

static size_t on_header(char *line, size_t unit, size_t len, void *ctx)
{
    th_transfer *transfer = ((th_easy *)ctx)->transfer;

    (void)unit; /* always 1 */
    transfer->header_bytes += len;
    if (transfer->header_bytes > MAX_HEADER_BYTES) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        /* A new head: what an interim one (100, 103) said does not count. */
        th_reply_headers_clear(&transfer->pace, &transfer->json);
        th_buf_clear(&transfer->reply_headers);
        transfer->head_at = time_of_day();
        transfer->head_complete = false;
        return len;
    }
    if (transfer->head_complete)
        return len; /* a trailer, behind the body: the reply is what its head says */
    transfer->head_complete = len <= 2 && (line[0] == '\r' || line[0] == '\n');
    th_reply_headers_read(&transfer->pace, &transfer->json, line, len, transfer->head_at);
    if (transfer->keep_headers && !keep_header(transfer, line, len))
        return CURL_WRITEFUNC_ERROR;
    return len;
}

CURLcode th_transfer_set_callbacks(th_easy *easy)
{
    CURL *curl = easy->curl;

    CURLcode code = curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_send);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PREREQDATA, easy);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, easy);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_give);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_READDATA, easy);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HEADERDATA, easy);
    return code;
}

/* --- the request ------------------------------------------------------------------------------ */

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

static CURLcode set_request(th_easy *easy, th_transfer *transfer)
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
    curl_off_t most = (curl_off_t)bound(transfer, easy->client);
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

static void clear_results(th_transfer *transfer)
{
    transfer->fate = TH_FATE_UNSENT;
    transfer->status = 0;
    transfer->code = CURLE_OK;
    transfer->kind = TH_OK;
    transfer->problem[0] = '\0';
    th_buf_clear(&transfer->reply);
    th_buf_clear(&transfer->reply_headers);
    th_reply_headers_clear(&transfer->pace, &transfer->json);
    transfer->sent = transfer->repeated = transfer->too_large = transfer->stream_failed = false;
    transfer->given = transfer->taken = 0;
    transfer->head_complete = false;
    transfer->header_bytes = 0;
}

/* --- start, finish, abort --------------------------------------------------------------------- */

static void put_in_flight(th_easy *easy, th_transfer *transfer)
{
    th_client *client = easy->client;

    easy->transfer = transfer;
    easy->error[0] = '\0';
    easy->next = client->in_flight;
    if (easy->next)
        easy->next->prev = easy;
    client->in_flight = easy;
    client->nin_flight++;
    client->transfers++;
    transfer->easy = easy;
    th_driver_busy(&client->driver, true);
}

/* Takes the easy handle out of libcurl's hands and back into the pool. */
static void take_out_of_flight(th_easy *easy)
{
    th_client *client = easy->client;

    curl_multi_remove_handle(client->driver.multi, easy->curl);
    *(easy->prev ? &easy->prev->next : &client->in_flight) = easy->next;
    if (easy->next)
        easy->next->prev = easy->prev;
    if (--client->nin_flight == 0)
        th_driver_busy(&client->driver, false);
    easy->transfer->easy = NULL;
    th_easy_give(easy);
}

int th_transfer_start(th_client *client, th_transfer *transfer, th_error *err)
{
    clear_results(transfer);
    int rc = check_method(transfer->method, err);
    rc = rc ? rc : check_url(client, transfer->url, err);
    if (rc != 0)
        return rc;
    th_easy *easy = th_easy_take(client);
    if (!easy)
        return th_fail(err, TH_INVALID, "not enough memory for a request");
    CURLcode code = set_request(easy, transfer);
    if (code) {
        th_easy_give(easy);
        return th_fail(err, TH_INVALID, "libcurl refuses the request: %s",
                       curl_easy_strerror(code));
    }
    put_in_flight(easy, transfer);
    CURLMcode added = curl_multi_add_handle(client->driver.multi, easy->curl);
    if (added) {
        take_out_of_flight(easy);
        return th_fail(err, TH_INVALID, "libcurl refuses the request: %s",
                       curl_multi_strerror(added));
    }
    return 0;
}

static void settle(th_easy *easy, CURLcode code)
{
    th_transfer *transfer = easy->transfer;
    long status = 0;

    curl_easy_getinfo(easy->curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->status = transfer->pace.status = (int)status;
    th_redact_text(easy->error); /* before it is cut */
    th_transfer_settle(transfer, code, easy->error);
}

void th_transfer_finish(th_easy *easy, CURLcode code)
{
    th_transfer *transfer = easy->transfer;

    if (code == CURLE_OK && !transfer->head_complete) {
        code = CURLE_PARTIAL_FILE; /* libcurl takes a connection that ends inside the head for
                                      success */
    }
    if (code == CURLE_OK) {
        long version = 0;
        curl_easy_getinfo(easy->curl, CURLINFO_HTTP_VERSION, &version);
        th_client_learn_version(easy->client, version);
    }
    settle(easy, code);
    take_out_of_flight(easy);
    transfer->done(transfer);
}

void th_transfer_abort(th_transfer *transfer)
{
    if (transfer->easy) {
        settle(transfer->easy, CURLE_ABORTED_BY_CALLBACK);
        transfer->kind = TH_CANCELLED;
        take_out_of_flight(transfer->easy);
    }
}
