/* What libcurl calls while one request is under way: before it is sent, for its body, for the reply. */
#include <string.h>
#include <time.h>

#include "wire/reply_headers.h"
#include "wire/transfer_impl.h"

enum { MAX_HEADER_BYTES = 256 << 10 };

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

/* A reply to HEAD has no body, but libcurl believes its length. */
uint64_t th_transfer_bound(const th_transfer *transfer, const th_client *client)
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
    uint64_t most = th_transfer_bound(transfer, easy->client);

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
