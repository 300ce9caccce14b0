/*
 * Connections that come to nothing: given up by the caller, by time, or for a quicker address. What
 * follows on the same client must not notice, whoever gets the descriptor next.
 */

#include <arpa/inet.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "test.h"

TEST_GROUP(NULL, net_group_over)

enum { ROUNDS = 5 };

/* Every request needs a connection of its own. */
static const wire_step one_each[] = {{.status = 200, .headers = "Connection: close\r\n"}};

/* --- a place that does not answer ------------------------------------------------------------- */

/* A listening socket whose queue is full: the system drops what else wants to connect. */
struct deaf {
    int listener;
    int queued[4];
    int port;
    char url[64];
};

static union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} loopback(int family, int port)
{
    union address address = {0};

    if (family == AF_INET) {
        address.four = (struct sockaddr_in){.sin_family = AF_INET,
                                            .sin_port = htons((uint16_t)port),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    } else {
        address.six = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                            .sin6_port = htons((uint16_t)port),
                                            .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    }
    return address;
}

static void deaf_open(struct deaf *deaf)
{
    union address address = loopback(AF_INET, 0);
    socklen_t len = sizeof address.four;

    deaf->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(deaf->listener, &address.any, len), 0);
    assert_int_equal(listen(deaf->listener, 0), 0);
    assert_int_equal(getsockname(deaf->listener, &address.any, &len), 0);
    for (size_t i = 0; i < 4; i++) {
        deaf->queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(deaf->queued[i], &address.any, len); /* stays under way, or makes it */
    }
    deaf->port = ntohs(address.four.sin_port);
    snprintf(deaf->url, sizeof deaf->url, "http://127.0.0.1:%d", deaf->port);
}

static void deaf_close(struct deaf *deaf)
{
    for (size_t i = 0; i < 4; i++)
        close(deaf->queued[i]);
    close(deaf->listener);
}

/* --- what the tests do with it ---------------------------------------------------------------- */

static struct th_client_stats stats_of(const struct net *net)
{
    struct th_client_stats stats;

    th_client_stats(net->client, &stats);
    return stats;
}

/* Until the attempt to connect is under way, and libuv has been asked to watch it. */
static void start_connecting(struct net *net, struct fetch *fetch, const char *base)
{
    uint64_t before = stats_of(net).connections;

    fetch_start(net, fetch, "PUT", base, "/", "{}");
    while (stats_of(net).connections == before)
        uv_run(&net->loop, UV_RUN_NOWAIT);
    uv_run(&net->loop, UV_RUN_NOWAIT);
    assert_int_equal(fetch->done, 0);
}

static void stop(struct net *net, struct fetch *fetch)
{
    th_transfer_abort(&fetch->transfer);
    assert_int_equal(fetch->transfer.fate, TH_FATE_UNSENT);
    net->open--;
    fetch_close(fetch);
}

static void assert_all_is_well(struct net *net, wire_server *server)
{
    struct fetch fetches[4];

    memset(fetches, 0, sizeof fetches);
    for (size_t i = 0; i < 4; i++)
        fetch_start(net, &fetches[i], "PUT", wire_server_url(server), "/", "{}");
    net_run(net);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fetches[i].transfer.status, 200);
        fetch_close(&fetches[i]);
    }
    assert_int_equal(stats_of(net).sockets, 0);
}

NET_TEST(a_connect_that_is_stopped_leaves_its_descriptor_clean)
{
    SERVER(server, one_each);
    struct deaf deaf LEFT_BY(deaf_close);
    deaf_open(&deaf);
    NET(net);
    for (int i = 0; i < ROUNDS; i++) {
        struct fetch stopped = {0};
        start_connecting(&net, &stopped, deaf.url);
        stop(&net, &stopped);
        assert_int_equal(stats_of(&net).sockets, 0);
        assert_all_is_well(&net, server);
    }
}

NET_TEST(a_connect_that_is_stopped_at_once_leaves_its_descriptor_clean)
{
    SERVER(server, one_each);
    struct deaf deaf LEFT_BY(deaf_close);
    deaf_open(&deaf);
    NET(net);
    struct fetch many[ROUNDS];
    memset(many, 0, sizeof many);
    for (int i = 0; i < ROUNDS; i++) { /* the loop has had no chance to watch the last of them */
        uint64_t before = stats_of(&net).connections;
        fetch_start(&net, &many[i], "PUT", deaf.url, "/", "{}");
        while (stats_of(&net).connections == before)
            uv_run(&net.loop, UV_RUN_NOWAIT);
    }
    for (int i = 0; i < ROUNDS; i++)
        stop(&net, &many[i]);
    assert_int_equal(stats_of(&net).sockets, 0);
    assert_all_is_well(&net, server);
}

NET_TEST(a_connect_that_runs_out_of_time_leaves_its_descriptor_clean)
{
    SERVER(server, one_each);
    struct deaf deaf LEFT_BY(deaf_close);
    deaf_open(&deaf);
    NET(net);
    for (int i = 0; i < ROUNDS; i++) {
        struct fetch late = {.transfer = {.timeout_ms = 30}};
        fetch_run(&net, &late, "PUT", deaf.url, "/", "{}");
        assert_int_equal(late.transfer.fate, TH_FATE_UNSENT);
        assert_int_equal(late.transfer.kind, TH_TIMEOUT);
        assert_int_equal(stats_of(&net).sockets, 0);
        assert_all_is_well(&net, server);
        fetch_close(&late);
    }
}

NET_TEST(a_descriptor_that_something_else_got_is_left_alone)
{
    SERVER(server, one_each);
    struct deaf deaf LEFT_BY(deaf_close);
    deaf_open(&deaf);
    NET(net);
    struct fetch stopped = {0};
    start_connecting(&net, &stopped, deaf.url);
    stop(&net, &stopped);
    int file = open("/dev/null", O_RDWR | O_CLOEXEC); /* gets the number; epoll refuses files */
    int pipe[2];
    assert_int_equal(pipe2(pipe, O_CLOEXEC), 0);
    assert_int_equal(write(pipe[1], "x", 1), 1);
    for (int i = 0; i < 5; i++)
        uv_run(&net.loop, UV_RUN_NOWAIT);
    assert_all_is_well(&net, server);
    close(file);
    close(pipe[0]);
    close(pipe[1]);
    assert_all_is_well(&net, server);
}

NET_TEST(a_handshake_that_is_stopped_leaves_its_descriptor_clean)
{
    SERVER(server, one_each);
    SERVER(mute, one_each); /* knows no TLS, waits for more */
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d", wire_server_port(mute));
    NET(net);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct fetch stopped = {0};
        start_connecting(&net, &stopped, url);
        while (wire_server_connections(mute) <= i)
            uv_run(&net.loop, UV_RUN_NOWAIT);
        for (int turn = 0; turn < 5; turn++) /* connected, and on to the handshake */
            uv_run(&net.loop, UV_RUN_NOWAIT);
        stop(&net, &stopped);
        assert_int_equal(stats_of(&net).sockets, 0);
        assert_all_is_well(&net, server);
    }
}

NET_TEST(a_connect_that_fails_at_once_leaves_its_descriptor_clean)
{
    SERVER(server, one_each);
    NET(net);
    for (int i = 0; i < ROUNDS; i++) {
        struct fetch fetch = {0};
        fetch_run(&net, &fetch, "PUT", "https://255.255.255.255", "/", "{}"); /* TCP refuses it */
        assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
        assert_int_equal(stats_of(&net).sockets, 0);
        assert_all_is_well(&net, server);
        fetch_close(&fetch);
    }
}

NET_TEST(destroying_the_client_while_it_connects_leaves_nothing)
{
    struct deaf deaf LEFT_BY(deaf_close);
    struct net net;
    deaf_open(&deaf);
    net_open(&net, &(th_client_options){0});
    FETCH(stopped);
    start_connecting(&net, &stopped, deaf.url);
    net_close(&net);
    assert_int_equal(stopped.transfer.fate, TH_FATE_UNSENT);
}

/* --- a name with two addresses: libcurl knows localhost as 127.0.0.1 and ::1, in this order --- */

/* Listens on ::1 only; less than 0 when this system has no such address, or the port is taken. */
static int listen_on_six(int port)
{
    union address address = loopback(AF_INET6, port);
    int on = 1;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0 ||
                    bind(fd, &address.any, sizeof address.six) != 0 || listen(fd, 8) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Runs the fetch, and serves it from this thread. */
static void fetch_from_six(struct net *net, struct fetch *fetch, const char *url, int listener)
{
    static const char reply[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char request[1024];
    int peer = -1;

    fetch_start(net, fetch, "PUT", url, "/", "{}");
    while (!fetch->done) {
        uv_run(&net->loop, UV_RUN_NOWAIT);
        if (peer < 0)
            peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        else if (recv(peer, request, sizeof request, 0) > 0)
            assert_int_equal(send(peer, reply, sizeof reply - 1, MSG_NOSIGNAL), sizeof reply - 1);
    }
    close(peer);
}

static void the_second_address_serves(int listener, int port)
{
    SERVER(server, one_each);
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%d", port);
    NET(net);
    for (int i = 0; i < 3; i++) {
        uint64_t before = stats_of(&net).connections;
        struct fetch fetch = {0};
        fetch_from_six(&net, &fetch, url, listener);
        assert_int_equal(fetch.transfer.status, 204);
        assert_int_equal(stats_of(&net).connections - before, 2); /* both were tried */
        assert_int_equal(stats_of(&net).sockets, 0);
        fetch_close(&fetch);
        assert_all_is_well(&net, server);
    }
}

NET_TEST(an_address_that_refuses_gives_its_descriptor_to_the_next)
{
    union address address = loopback(AF_INET, 0);
    socklen_t len = sizeof address.four;
    int refusing = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* has a port, but no ear */
    assert_int_equal(bind(refusing, &address.any, len), 0);
    assert_int_equal(getsockname(refusing, &address.any, &len), 0);
    int port = ntohs(address.four.sin_port), listener = listen_on_six(port);
    if (listener < 0) {
        close(refusing);
        print_message("no IPv6 on loopback here: nothing to test\n");
        return;
    }
    the_second_address_serves(listener, port);
    close(listener);
    close(refusing);
}

NET_TEST(an_address_that_was_too_slow_leaves_its_descriptor_clean)
{
    struct deaf deaf LEFT_BY(deaf_close);
    deaf_open(&deaf);
    int listener = listen_on_six(deaf.port);
    if (listener >= 0) {
        the_second_address_serves(listener, deaf.port);
        close(listener);
    } else {
        print_message("no IPv6 on loopback here: nothing to test\n");
    }
}
