/*
 * The peer of the benchmarks: the same updates as update.lua sends, by libcurl's multi interface
 * alone, as fast as we know how to drive it. What trunkhost costs is told as a ratio to this
 * program.
 *
 * `tuned` does everything that has been found to matter: sockets stay in epoll between transfers,
 * easy handles are reused and only what differs is set, the body is lent, TLS sessions are shared,
 * the connection cache covers the concurrency, and on HTTP/2 the frames of one turn leave together.
 * `uncorked` is the same without the last.
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SOCKETS = 4096, EVENTS = 256, PASSES = 4 };

/* One transfer at a time, with everything that libcurl borrows for it. */
struct slot {
    CURL *easy;
    struct client *client;
    char url[256];
    char body[128];
    char reply[2048];
    size_t reply_len;
};

/* What epoll watches for a descriptor, and whether libcurl wants to hear of it now. */
struct watch {
    uint32_t mask;
    bool wanted;
    bool open;
};

struct client {
    const char *base, *field, *ca;
    bool http2, cork;
    unsigned total, concurrency;

    CURLM *multi;
    CURLSH *share;
    struct curl_slist *headers;
    int epoll;
    long long due_us; /* when libcurl wants a timeout action; -1 = never */
    struct watch watches[MAX_SOCKETS];
    int highest; /* the highest descriptor that was ever watched */

    unsigned started, done, failed, connections;
    char first_failure[CURL_ERROR_SIZE + 64];
};

static void die(const char *what)
{
    fprintf(stderr, "bare_multi: %s\n", what);
    exit(2);
}

static long long now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void watch_set(struct client *client, curl_socket_t fd, uint32_t mask)
{
    struct watch *watch = &client->watches[fd];
    struct epoll_event event = {.events = mask, .data.fd = fd};
    int op = watch->mask == 0 ? EPOLL_CTL_ADD : mask == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (watch->mask == mask)
        return;
    if (epoll_ctl(client->epoll, op, fd, &event) != 0)
        die(strerror(errno));
    watch->mask = mask;
}

/* A finished transfer's socket stays watched: the next one on that connection wants the same. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct client *client = ctx;
    (void)easy;
    (void)socket_ctx;
    if (fd >= MAX_SOCKETS)
        die("too many sockets");
    client->watches[fd].wanted = what != CURL_POLL_REMOVE;
    if (what != CURL_POLL_REMOVE)
        watch_set(client, fd,
                  (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U));
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct client *client = ctx;
    (void)multi;
    client->due_us = ms < 0 ? -1 : now_us() + ms * 1000LL;
    return 0;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct client *client = ctx;
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    (void)purpose;
    if (fd < 0 || fd >= MAX_SOCKETS)
        return CURL_SOCKET_BAD;
    client->watches[fd] = (struct watch){.open = true};
    client->connections++;
    if (fd > client->highest)
        client->highest = fd;
    return fd;
}

static int on_close(void *ctx, curl_socket_t fd)
{
    struct client *client = ctx;
    client->watches[fd] = (struct watch){0}; /* epoll forgets a closed descriptor by itself */
    return close(fd);
}

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;
    size_t len = size * count;
    if (slot->reply_len + len > sizeof slot->reply)
        return 0;
    memcpy(slot->reply + slot->reply_len, data, len);
    slot->reply_len += len;
    return len;
}

static void slot_prepare(struct slot *slot, struct client *client)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        die("not enough memory");
    slot->easy = easy;
    slot->client = client;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, client);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(easy, CURLOPT_SHARE, client->share);
    if (client->ca != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (client->http2) {
        bool tls = strncmp(client->base, "https:", 6) == 0;
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         tls ? (long)CURL_HTTP_VERSION_2TLS
                             : (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    }
}

static void slot_start(struct slot *slot)
{
    struct client *client = slot->client;
    unsigned id = ++client->started;
    int len;
    snprintf(slot->url, sizeof slot->url, "%s/user/phone-numbers/sip-trunks/%u", client->base, id);
    len = snprintf(slot->body, sizeof slot->body, "{\"%s\":\"password-of-thirty-two-%09u\"}",
                   client->field, id);
    slot->reply_len = 0;
    curl_easy_setopt(slot->easy, CURLOPT_URL, slot->url);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE, (long)len);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body);
    if (curl_multi_add_handle(client->multi, slot->easy) != CURLM_OK)
        die("cannot add a transfer");
}

static void slot_finished(struct slot *slot, CURLcode code)
{
    struct client *client = slot->client;
    long status = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    client->done++;
    if (code != CURLE_OK || status != 200) {
        if (client->failed++ == 0)
            snprintf(client->first_failure, sizeof client->first_failure, "%s, status %ld",
                     curl_easy_strerror(code), status);
    }
    curl_multi_remove_handle(client->multi, slot->easy);
    if (client->started < client->total)
        slot_start(slot);
}

static void drain(struct client *client)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct slot *slot = NULL;
        CURLcode code = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        slot_finished(slot, code);
    }
}

static void cork(struct client *client, int on)
{
    if (!client->cork)
        return;
    for (int fd = 0; fd <= client->highest; fd++)
        if (client->watches[fd].open)
            setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

static int wait_ms(const struct client *client)
{
    long long left;
    if (client->due_us < 0)
        return -1;
    left = client->due_us - now_us();
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

/* Turns until all is done: events, then whatever became due, the new transfers' requests among it.
 */
static void loop(struct client *client)
{
    struct epoll_event events[EVENTS];
    int running;
    while (client->done < client->total) {
        int n = epoll_wait(client->epoll, events, EVENTS, wait_ms(client));
        if (n < 0 && errno != EINTR)
            die(strerror(errno));
        cork(client, 1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            int flags = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                        (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
            if (!client->watches[fd].wanted) {
                watch_set(client, fd, 0); /* the server closed an idle connection */
                continue;
            }
            curl_multi_socket_action(client->multi, fd, flags, &running);
            drain(client);
        }
        for (int pass = 0; pass < PASSES && client->due_us >= 0 && client->due_us <= now_us();
             pass++) {
            client->due_us = -1;
            curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
            drain(client);
        }
        cork(client, 0);
    }
}

static void client_open(struct client *client)
{
    const char *token = getenv("BENCH_TOKEN");
    char bearer[512];
    if (token == NULL)
        die("BENCH_TOKEN is not set");
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", token);
    client->headers = curl_slist_append(NULL, bearer);
    client->headers = curl_slist_append(client->headers, "Content-Type: application/json");
    client->headers = curl_slist_append(client->headers, "Accept: application/json");
    client->headers = curl_slist_append(client->headers, "User-Agent: trunkhost-bench");

    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->multi = curl_multi_init();
    client->share = curl_share_init();
    if (client->epoll < 0 || client->multi == NULL || client->share == NULL)
        die("not enough memory");
    curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 2L * client->concurrency + 16);
    if (client->http2)
        curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                          (client->concurrency + 99L) / 100);
}

static void run(struct client *client)
{
    struct slot *slots = calloc(client->concurrency, sizeof *slots);
    long long begin = now_us();
    if (slots == NULL)
        die("not enough memory");
    client_open(client);
    for (unsigned i = 0; i < client->concurrency && client->started < client->total; i++) {
        slot_prepare(&slots[i], client);
        slot_start(&slots[i]);
    }
    loop(client);
    for (unsigned i = 0; i < client->concurrency; i++)
        curl_easy_cleanup(slots[i].easy);
    curl_multi_cleanup(client->multi);
    curl_share_cleanup(client->share);
    curl_slist_free_all(client->headers);
    close(client->epoll);
    free(slots);
    printf("requests %u failed %u connections %u seconds %.3f\n", client->done, client->failed,
           client->connections, (double)(now_us() - begin) / 1e6);
}

static unsigned count_of(const char *text, unsigned most)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value == 0 || value > most)
        die("a count is not a number in its range");
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'},         {"requests", required_argument, NULL, 'r'},
        {"concurrency", required_argument, NULL, 'c'}, {"http", required_argument, NULL, 'h'},
        {"ca", required_argument, NULL, 'a'},          {"mode", required_argument, NULL, 'm'},
        {"field", required_argument, NULL, 'f'},       {NULL, 0, NULL, 0},
    };
    struct client *client = calloc(1, sizeof *client);
    bool failed;
    int c;
    if (client == NULL)
        die("not enough memory");
    client->field = "sip_password";
    client->total = 20000;
    client->concurrency = 32;
    client->cork = true;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'u':
            client->base = optarg;
            break;
        case 'r':
            client->total = count_of(optarg, 10000000);
            break;
        case 'c':
            client->concurrency = count_of(optarg, 1000);
            break;
        case 'h':
            client->http2 = strcmp(optarg, "2") == 0;
            break;
        case 'a':
            client->ca = optarg;
            break;
        case 'm':
            client->cork = strcmp(optarg, "uncorked") != 0;
            break;
        case 'f':
            client->field = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (client->base == NULL)
        die("--url is missing");
    /* On HTTP/1.1 a request is one write already. */
    client->cork = client->cork && client->http2;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        die("libcurl does not start");
    run(client);
    curl_global_cleanup();
    if (client->failed > 0)
        fprintf(stderr, "bare_multi: %u of %u failed, the first with: %s\n", client->failed,
                client->done, client->first_failure);
    failed = client->failed > 0;
    free(client);
    return failed ? 1 : 0;
}
