/* What a transfer sends, what it returns, and with which fate it ends. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "test.h"

TEST_GROUP(NULL, net_group_over)

static char header_value[4096];

static const char *header(const wire_request *request, const char *name)
{
    return wire_request_header(request, name, header_value, sizeof header_value);
}

/* --- what is sent ----------------------------------------------------------------------------- */

NET_TEST(a_request_is_sent_as_given_and_its_reply_returned)
{
    const wire_step steps[] = {{.status = 201,
                                .headers = "Content-Type: application/json; charset=utf-8\r\n"
                                           "X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 99\r\n"
                                           "Retry-After: 7\r\n",
                                .body = "{\"id\":42}"}};
    SERVER(server, steps);
    NET(net);
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer t0ken");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    struct fetch fetch = {.transfer = {.headers = headers, .keep_headers = true}};

    fetch_run(&net, &fetch, "POST", wire_server_url(server), "/api/sip-trunks?x=1",
              "{\"name\":\"a\"}");
    const th_transfer *t = &fetch.transfer;
    assert_int_equal(t->fate, TH_FATE_REPLIED);
    assert_int_equal(t->kind, TH_OK);
    assert_int_equal(t->status, 201);
    assert_string_equal(t->problem, "");
    assert_string_equal(fetch_text(&fetch), "{\"id\":42}");
    assert_true(t->json);
    assert_int_equal(t->pace.status, 201);
    assert_true(t->pace.limit == 100 && t->pace.remaining == 99 && t->pace.retry_after == 7);
    assert_true(t->pace.reset == -1);
    assert_non_null(strstr(t->reply_headers.data, "Retry-After: 7\nContent-Length: 9\n"));

    const wire_request *request = wire_server_request(server, 0);
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->target, "/api/sip-trunks?x=1");
    assert_string_equal(request->body, "{\"name\":\"a\"}");
    assert_string_equal(header(request, "Authorization"), "Bearer t0ken");
    assert_string_equal(header(request, "Content-Type"), "application/json");
    assert_string_equal(header(request, "Content-Length"), "12");
    assert_string_equal(header(request, "User-Agent"), "trunkhost/" TH_VERSION);
    assert_null(header(request, "Accept-Encoding"));
    assert_null(header(request, "Transfer-Encoding"));
    fetch_close(&fetch);
    curl_slist_free_all(headers);
}

NET_TEST(methods_do_not_leave_traces_in_a_reused_handle)
{
    const wire_step steps[] = {{.status = 200, .body = "ok"}};
    SERVER(server, steps);
    static const struct {
        const char *method, *body, *length;
    } requests[] = {
        {"PUT", "0123456789", "10"}, {"GET", NULL, NULL},    {"DELETE", NULL, NULL},
        {"POST", NULL, "0"},         {"PATCH", "abc", "3"},  {"HEAD", NULL, NULL},
        {"PUT", "0123456789", "10"}, {"DELETE", "xyz", "3"}, {"PUT", "abc", "3"},
        {"HEAD", NULL, NULL},        {"GET", NULL, NULL},    {"OPTIONS", NULL, NULL},
        {"POST", "", "0"},           {"POST", "body", "4"},  {"GET", NULL, NULL},
    };
    const size_t n = sizeof requests / sizeof requests[0];
    NET(net, .concurrency = 1);
    for (size_t i = 0; i < n; i++) {
        struct fetch fetch = {0};
        fetch_run(&net, &fetch, requests[i].method, wire_server_url(server), "/x",
                  requests[i].body);
        assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
        assert_int_equal(fetch.transfer.status, 200);
        bool head = strcmp(requests[i].method, "HEAD") == 0;
        assert_string_equal(fetch_text(&fetch), head ? "" : "ok");
        fetch_close(&fetch);

        const wire_request *request = wire_server_request(server, i);
        assert_string_equal(request->method, requests[i].method);
        assert_string_equal(request->body, requests[i].body ? requests[i].body : "");
        assert_null(header(request, "Content-Type"));
        const char *length = header(request, "Content-Length");
        if (requests[i].length) {
            assert_non_null(length);
            assert_string_equal(length, requests[i].length);
        } else {
            assert_null(length);
        }
    }
    struct th_client_stats stats;
    th_client_stats(net.client, &stats);
    assert_int_equal(stats.idle_easies, 1);
    assert_int_equal(stats.transfers, n);
}

NET_TEST(a_large_body_is_sent_without_waiting_for_consent)
{
    const wire_step steps[] = {{.status = 200}};
    SERVER(server, steps);
    NET(net);
    const size_t len = 3 << 20;
    char *body = malloc(len + 1);
    memset(body, 'b', len);
    body[len] = '\0';
    FETCH(fetch);
    fetch_run(&net, &fetch, "PUT", wire_server_url(server), "/x", body);
    assert_int_equal(fetch.transfer.status, 200);
    const wire_request *request = wire_server_request(server, 0);
    assert_null(header(request, "Expect"));
    assert_int_equal(request->body_len, len);
    assert_memory_equal(request->body, body, len);
    free(body);
}

NET_TEST(interim_replies_do_not_count)
{
    const wire_step steps[] = {
        {.reply = "HTTP/1.1 103 Early Hints\r\nRetry-After: 99\r\nLink: <a>\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nX-RateLimit-Remaining: 5\r\nContent-Length: 2\r\n\r\nok"}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch, .keep_headers = true);
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    assert_int_equal(fetch.transfer.status, 200);
    assert_true(fetch.transfer.pace.retry_after == -1);
    assert_true(fetch.transfer.pace.remaining == 5);
    assert_string_equal(fetch.transfer.reply_headers.data,
                        "X-RateLimit-Remaining: 5\nContent-Length: 2\n");
}

NET_TEST(what_cannot_be_a_request_is_refused_before_anything_is_sent)
{
    static const struct {
        const char *method, *url;
    } bad[] = {{"GET", "http://example.com/"},
               {"GET", "file:///etc/passwd"},
               {"GET", "https://user:secret@example.com/"},
               {"GET", "http://127.0.0.1@example.com/"},
               {"GET", "https://"},
               {"", "http://127.0.0.1/"},
               {"GET /x HTTP/1.1\r\nX:", "http://127.0.0.1/"},
               {"FARTOOLONGAMETHOD", "http://127.0.0.1/"}};
    NET(net);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        th_transfer transfer = {.method = bad[i].method, .url = bad[i].url};
        th_error err = {0};
        assert_int_equal(th_transfer_start(net.client, &transfer, &err), -TH_INVALID);
        assert_non_null(err.message);
        assert_null(strstr(err.message, "secret"));
        th_error_close(&err);
        th_transfer_abort(&transfer); /* not in flight: nothing happens */
    }
    struct th_client_stats stats;
    th_client_stats(net.client, &stats);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.connections, 0);
}

/* --- how it ends ------------------------------------------------------------------------------ */

struct ending {
    wire_step step;
    enum th_fate fate;
    int status;
    enum th_kind kind;
    const char *problem; /* part of it */
    size_t max_response;
};

static void expect_ending(const struct ending *ending)
{
    wire_server *server = wire_server_start(&ending->step, 1);
    struct net net;
    net_open(&net, &(th_client_options){.timeout_ms = ending->kind == TH_TIMEOUT ? 100 : 20000,
                                        .max_response = ending->max_response});
    struct fetch fetch = {0};
    fetch_run(&net, &fetch, "POST", wire_server_url(server), "/x", "{\"sip_password\":\"hidden\"}");
    const th_transfer *t = &fetch.transfer;
    assert_int_equal(fetch.done, 1);
    assert_int_equal(t->fate, ending->fate);
    assert_int_equal(t->status, ending->status);
    assert_int_equal(t->kind, ending->kind);
    assert_true(t->sent);
    assert_false(t->repeated);
    if (!strstr(t->problem, ending->problem) ||
        (ending->problem[0] && !strstr(t->problem, "127.0.0.1")))
        fail_msg("problem: \"%s\"", t->problem);
    assert_null(strstr(t->problem, "hidden"));
    assert_int_equal(wire_server_requests(server), 1);
    fetch_close(&fetch);
    net_close(&net);
    wire_server_stop(server);
}

#define ENDS(name, ...)                                                                            \
    NET_TEST(name)                                                                                 \
    {                                                                                              \
        const struct ending ending = {__VA_ARGS__};                                                \
        expect_ending(&ending);                                                                    \
    }

ENDS(a_refusal_is_a_reply, .step = {.status = 422, .body = "{}"}, .fate = TH_FATE_REPLIED,
     .status = 422, .kind = TH_OK, .problem = "")
ENDS(a_server_error_is_a_reply, .step = {.status = 503, .body = "<html>"}, .fate = TH_FATE_REPLIED,
     .status = 503, .kind = TH_OK, .problem = "")
ENDS(a_reply_that_ends_with_the_connection_is_complete,
     .step = {.reply = "HTTP/1.1 200 OK\r\n\r\nall there is", .flags = WIRE_CLOSE},
     .fate = TH_FATE_REPLIED, .status = 200, .kind = TH_OK, .problem = "")
ENDS(no_reply_is_lost, .step = {.flags = WIRE_CLOSE}, .fate = TH_FATE_LOST, .status = 0,
     .kind = TH_NETWORK, .problem = "Empty reply")
ENDS(a_connection_reset_is_lost, .step = {.flags = WIRE_RESET}, .fate = TH_FATE_LOST, .status = 0,
     .kind = TH_NETWORK, .problem = "reset")
ENDS(a_cut_body_is_lost_with_the_status_it_had,
     .step = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"hidden\":",
              .flags = WIRE_CLOSE},
     .fate = TH_FATE_LOST, .status = 200, .kind = TH_NETWORK, .problem = "closed")
ENDS(a_cut_chunk_is_lost,
     .step = {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"a\":",
              .flags = WIRE_CLOSE},
     .fate = TH_FATE_LOST, .status = 200, .kind = TH_NETWORK, .problem = "")
ENDS(a_cut_head_is_lost, .step = {.reply = "HTTP/1.1 200 OK\r\nContent-", .flags = WIRE_CLOSE},
     .fate = TH_FATE_LOST, .status = 200, .kind = TH_NETWORK, .problem = "")
ENDS(garbage_is_malformed, .step = {.reply = "hidden garbage\r\n\r\n", .flags = WIRE_CLOSE},
     .fate = TH_FATE_LOST, .status = 0, .kind = TH_MALFORMED, .problem = "HTTP/0.9")
ENDS(no_reply_in_time_is_a_timeout, .step = {.status = 200, .flags = WIRE_HOLD},
     .fate = TH_FATE_LOST, .status = 0, .kind = TH_TIMEOUT, .problem = "timed out")
ENDS(a_stalling_body_is_a_timeout,
     .step = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"}, .fate = TH_FATE_LOST,
     .status = 200, .kind = TH_TIMEOUT, .problem = "timed out")
ENDS(a_slow_reply_is_still_a_reply, .step = {.status = 200, .body = "{}", .flags = WIRE_DRIP},
     .fate = TH_FATE_REPLIED, .status = 200, .kind = TH_OK, .problem = "")
ENDS(an_announced_body_that_is_too_large_is_not_read, .step = {.status = 200, .fill = 100 << 20},
     .fate = TH_FATE_LOST, .status = 200, .kind = TH_MALFORMED, .problem = "larger than allowed",
     .max_response = 4096)
ENDS(a_body_that_becomes_too_large_is_stopped,
     .step = {.reply = "HTTP/1.1 200 OK\r\n\r\n", .fill = 100 << 20, .flags = WIRE_CLOSE},
     .fate = TH_FATE_LOST, .status = 200, .kind = TH_MALFORMED, .problem = "larger than allowed",
     .max_response = 4096)
ENDS(a_body_of_exactly_the_allowed_size_is_taken, .step = {.status = 200, .fill = 4096},
     .fate = TH_FATE_REPLIED, .status = 200, .kind = TH_OK, .problem = "", .max_response = 4096)
ENDS(an_early_reply_without_reading_the_body_is_a_reply,
     .step = {.status = 401, .flags = WIRE_HEAD_ONLY | WIRE_CLOSE}, .fate = TH_FATE_REPLIED,
     .status = 401, .kind = TH_OK, .problem = "")

NET_TEST(endless_headers_are_stopped)
{
    const size_t lines = 40000;
    const char head[] = "HTTP/1.1 200 OK\r\n", line[] = "X-More: headers\r\n";
    char *reply = malloc(sizeof head + lines * sizeof line);
    size_t len = strlen(strcpy(reply, head));
    for (size_t i = 0; i < lines; i++, len += sizeof line - 1)
        memcpy(reply + len, line, sizeof line);
    const struct ending ending = {.step = {.reply = reply, .reply_len = len},
                                  .fate = TH_FATE_LOST,
                                  .status = 200,
                                  .kind = TH_MALFORMED,
                                  .problem = "larger than allowed"};
    expect_ending(&ending);
    free(reply);
}

/* A port of which nobody listens: bound, never listening. */
static int dead_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

NET_TEST(without_a_connection_nothing_was_sent)
{
    int fd;
    char base[64];
    snprintf(base, sizeof base, "http://127.0.0.1:%d", dead_port(&fd));
    struct net net;
    net_open(&net, &(th_client_options){.timeout_ms = 20000});
    struct fetch fetch = {0};
    fetch_run(&net, &fetch, "POST", base, "/", "x");
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(fetch.transfer.kind, TH_NETWORK);
    assert_int_equal(fetch.transfer.status, 0);
    assert_false(fetch.transfer.sent);
    assert_non_null(strstr(fetch.transfer.problem, "127.0.0.1"));
    fetch_close(&fetch);
    net_close(&net);
    close(fd);
}

NET_TEST(a_connection_that_takes_too_long_is_unsent)
{
    /* A full queue of connections that nobody accepts: further ones get no answer at all. */
    int listener, waiting[4];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)dead_port(&listener))};
    assert_int_equal(listen(listener, 0), 0);
    for (size_t i = 0; i < 4; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, sizeof address);
    }
    char base[64];
    snprintf(base, sizeof base, "http://127.0.0.1:%d", ntohs(address.sin_port));
    struct net net;
    net_open(&net, &(th_client_options){.timeout_ms = 60000, .connect_timeout_ms = 100});
    struct fetch fetch = {0};
    fetch_run(&net, &fetch, "POST", base, "/", "x");
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(fetch.transfer.kind, TH_TIMEOUT);
    fetch_close(&fetch);
    net_close(&net);
    for (size_t i = 0; i < 4; i++)
        close(waiting[i]);
    close(listener);
}

NET_TEST(a_buffer_for_the_reply_is_used_again)
{
    const wire_step steps[] = {{.status = 200, .body = "first"}, {.flags = WIRE_CLOSE}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    assert_string_equal(fetch_text(&fetch), "first");
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    assert_int_equal(fetch.transfer.fate, TH_FATE_LOST);
    assert_int_equal(fetch.transfer.status, 0);
    assert_int_equal(fetch.transfer.reply.len, 0);
    assert_false(fetch.transfer.json);
}
