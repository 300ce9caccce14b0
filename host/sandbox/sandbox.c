/*
 * The server: libmicrohttpd on a loopback socket, one thread for all connections, one for late
 * replies.
 */
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/delay.h"
#include "sandbox/kill_client.h"
#include "sandbox/world.h"

struct th_sandbox {
    sb_world world; /* guarded by lock */
    pthread_mutex_t lock;
    struct MHD_Daemon *daemon;
    sb_delay *delay;
    unsigned port;
    char urls[SB_APIS][64];
};

/* One request on its way; made by begin, freed by finish. */
typedef struct sb_exchange {
    sb_request request;
    sb_reply reply;
    bool started, answered;
} sb_exchange;

/* libmicrohttpd hands out the undecoded target only here. */
static void *begin(void *ctx, const char *target, struct MHD_Connection *connection)
{
    (void)ctx;
    (void)connection;
    sb_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange && !(exchange->request.target = strdup(target))) {
        free(exchange);
        exchange = NULL;
    }
    return exchange;
}

static void finish(void *ctx, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    (void)ctx;
    (void)connection;
    (void)why;
    sb_exchange *exchange = *state;
    if (!exchange)
        return;
    sb_request_close(&exchange->request);
    sb_reply_clear(&exchange->reply);
    free(exchange);
    *state = NULL;
}

static char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? strdup(value) : NULL;
}

static void take_head(sb_request *request, struct MHD_Connection *connection, const char *method)
{
    snprintf(request->method, sizeof request->method, "%s", method);
    request->authorization = header(connection, "Authorization");
    request->content_type = header(connection, "Content-Type");
    request->host = header(connection, "Host");
}

static void take_body(sb_request *request, const char *data, size_t size)
{
    if (request->body.len + size > SB_BODY_MAX || th_buf_append(&request->body, data, size) != 0)
        request->too_large = true;
}

/* Half of the body, then the end: with the whole length announced, the client sees a cut reply. */
static ssize_t read_half(void *ctx, uint64_t position, char *out, size_t max)
{
    const sb_reply *reply = ctx;
    size_t half = reply->len / 2;
    if (position >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t size = half - (size_t)position < max ? half - (size_t)position : max;
    memcpy(out, reply->body + position, size);
    return (ssize_t)size;
}

static void add_number(struct MHD_Response *response, const char *name, long long number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", number);
    MHD_add_response_header(response, name, text);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, sb_reply *reply)
{
    struct MHD_Response *response;
    if (reply->ending == SB_HANG_UP)
        return MHD_NO; /* libmicrohttpd closes the connection */
    if (reply->ending == SB_CUT)
        response = MHD_create_response_from_callback(reply->len, 4096, read_half, reply, NULL);
    else
        response = MHD_create_response_from_buffer(reply->len, reply->body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    if (reply->type)
        MHD_add_response_header(response, "Content-Type", reply->type);
    if (reply->rates.told) {
        add_number(response, "X-RateLimit-Limit", reply->rates.limit);
        add_number(response, "X-RateLimit-Remaining", reply->rates.remaining);
        add_number(response, "X-RateLimit-Reset", reply->rates.reset);
    }
    for (size_t i = 0; i < SB_HEADERS; i++)
        if (reply->headers[i].name && reply->headers[i].value)
            MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result sent = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return sent;
}

static uint64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Called for the head, for each piece of the body, at the end, and once more after a delay. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    th_sandbox *sandbox = ctx;
    sb_exchange *exchange = *state;
    (void)url;
    (void)version;
    if (!exchange)
        return MHD_NO;
    if (!exchange->started) {
        take_head(&exchange->request, connection, method);
        exchange->started = true;
        return MHD_YES;
    }
    if (*size) {
        take_body(&exchange->request, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (!exchange->answered) {
        pthread_mutex_lock(&sandbox->lock);
        sb_world_serve(&sandbox->world, &exchange->request, monotonic(), &exchange->reply);
        pthread_mutex_unlock(&sandbox->lock);
        exchange->answered = true;
        if (exchange->reply.kill)
            sb_kill_client(connection, sandbox->port);
        if (exchange->reply.delay_ms &&
            sb_delay_hold(sandbox->delay, connection, exchange->reply.delay_ms))
            return MHD_YES;
    }
    return send_reply(connection, &exchange->reply);
}

/* A socket of our own, because libmicrohttpd does not say why it could not listen. */
static int listen_on(unsigned *port, int *out, th_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 511) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        *port = ntohs(address.sin_port);
        *out = fd;
        return 0;
    }
    int why = errno;
    if (fd >= 0)
        close(fd);
    return th_fail(
        err, TH_INVALID,
        "the sandbox cannot listen on 127.0.0.1:%u: %s; choose another port, or 0 for any "
        "free one",
        *port, strerror(why));
}

/* With poll, not epoll: libmicrohttpd 0.9.75 asks epoll again without a timeout after it got a full
 * batch of 128 events, and the resumed connections behind them wait until some other request comes.
 */
static int start_server(th_sandbox *sandbox, int fd, th_error *err)
{
    sigset_t all, before;
    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sandbox->delay = sb_delay_create();
    if (sandbox->delay)
        sandbox->daemon =
            MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                             on_request, sandbox, MHD_OPTION_LISTEN_SOCKET, fd,
                             MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_URI_LOG_CALLBACK, begin,
                             NULL, MHD_OPTION_NOTIFY_COMPLETED, finish, NULL, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (sandbox->daemon)
        return 0;
    close(fd);
    return th_fail(err, TH_INVALID, "the sandbox's server could not be started: %s",
                   strerror(errno));
}

int th_sandbox_start(const th_sandbox_options *options, th_sandbox **out, th_error *err)
{
    int fd = -1;
    th_sandbox *sandbox = calloc(1, sizeof *sandbox);
    *out = NULL;
    if (!sandbox)
        return th_fail(err, TH_INVALID, "not enough memory for the sandbox");
    int rc = sb_world_init(&sandbox->world, options, err);
    if (rc != 0) {
        free(sandbox);
        return rc;
    }
    pthread_mutex_init(&sandbox->lock, NULL);
    sandbox->port = options->port;
    rc = listen_on(&sandbox->port, &fd, err);
    if (rc == 0)
        rc = start_server(sandbox, fd, err);
    if (rc != 0) {
        th_sandbox_stop(sandbox);
        return rc;
    }
    for (size_t i = 0; i < SB_APIS; i++)
        snprintf(sandbox->urls[i], sizeof sandbox->urls[i], "http://127.0.0.1:%u%s", sandbox->port,
                 sb_apis[i]->base);
    *out = sandbox;
    return 0;
}

void th_sandbox_stop(th_sandbox *sandbox)
{
    if (!sandbox)
        return;
    if (sandbox->delay)
        sb_delay_stop(sandbox->delay);
    if (sandbox->daemon)
        MHD_stop_daemon(sandbox->daemon);
    sb_delay_destroy(sandbox->delay);
    sb_world_close(&sandbox->world);
    pthread_mutex_destroy(&sandbox->lock);
    free(sandbox);
}

const char *th_sandbox_base_url(const th_sandbox *sandbox, const char *api)
{
    for (size_t i = 0; i < SB_APIS; i++)
        if (strcmp(sb_apis[i]->name, api) == 0)
            return sandbox->urls[i];
    return NULL;
}

const char *th_sandbox_token(const th_sandbox *sandbox)
{
    return sandbox->world.token;
}

unsigned th_sandbox_port(const th_sandbox *sandbox)
{
    return sandbox->port;
}

char *th_sandbox_report(th_sandbox *sandbox, const char *what)
{
    pthread_mutex_lock(&sandbox->lock);
    json_t *report = sb_admin_report(&sandbox->world, what);
    char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;
    json_decref(report);
    pthread_mutex_unlock(&sandbox->lock);
    return text;
}
