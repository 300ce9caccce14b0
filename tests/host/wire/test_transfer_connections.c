/*
 * Connections: kept and watched between transfers, let go when they die, and never to a place that
 * the caller did not name.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "net.h"
#include "scratch_folder.h"
#include "test.h"

TEST_GROUP(NULL, net_group_over)

/* What libuv asks of the system. */
static struct {
    size_t epoll_ctl; /* calls */
    size_t events;    /* that epoll reported */
} watched;

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    typedef int call(int, int, int, struct epoll_event *);
    call *real;

    watched.epoll_ctl++;
    *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
    return real(epoll, op, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    typedef int call(int, struct epoll_event *, int, int);
    call *real;

    *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    int n = real(epoll, events, max, timeout);
    watched.events += n > 0 ? (size_t)n : 0;
    return n;
}

/* --- connections ------------------------------------------------------------------------------ */

NET_TEST(connections_are_kept_when_a_batch_has_drained)
{
    enum { MANY = 40 };
    wire_step steps[3 * MANY];
    for (size_t i = 0; i < 3 * MANY; i++) /* the first batch must be in flight all at once */
        steps[i] = (wire_step){.status = 200, .flags = i < MANY ? WIRE_HOLD : 0};
    SERVER(server, steps);
    NET(net, .concurrency = MANY);
    struct fetch *fetches = calloc(MANY, sizeof *fetches);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++)
            fetch_start(&net, &fetches[i], "PUT", wire_server_url(server), "/", "{}");
        if (round == 0) {
            net_run_until(&net, server, MANY);
            wire_server_release(server);
        }
        net_run(&net);
    }
    struct th_client_stats stats;
    th_client_stats(net.client, &stats);
    assert_int_equal(stats.connections, MANY);
    assert_int_equal(stats.sockets, MANY);
    assert_int_equal(stats.idle_easies, MANY);
    for (size_t i = 0; i < MANY; i++)
        fetch_close(&fetches[i]);
    free(fetches);
}

NET_TEST(a_socket_stays_watched_between_transfers)
{
    const wire_step steps[] = {{.status = 200}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_run(&net, &fetch, "PUT", wire_server_url(server), "/", "{}");
    size_t before = watched.epoll_ctl;
    for (int i = 0; i < 100; i++) {
        fetch_run(&net, &fetch, "PUT", wire_server_url(server), "/", "{}");
        assert_int_equal(fetch.transfer.status, 200);
    }
    assert_in_range(watched.epoll_ctl - before, 0, 10);
}

NET_TEST(a_kept_connection_that_the_server_closes_is_let_go)
{
    const wire_step steps[] = {{.status = 200}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_run(&net, &fetch, "PUT", wire_server_url(server), "/", "{}");
    size_t before = watched.events;
    wire_server_close_idle(server);
    while (watched.events == before)
        uv_run(&net.loop, UV_RUN_ONCE);
    for (int i = 0; i < 20; i++) /* nobody wants the event, so it must not come again and again */
        uv_run(&net.loop, UV_RUN_NOWAIT);
    assert_in_range(watched.events - before, 1, 3);
    fetch_run(&net, &fetch, "POST", wire_server_url(server), "/", "{}");
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    assert_int_equal(wire_server_connections(server), 2);
}

NET_TEST(a_connection_whose_peer_is_silent_is_given_up)
{
    /* The server reads nothing of a body that is larger than all buffers, so that its window closes
     * and nothing more is acknowledged: what a cut cable looks like from here. */
    const wire_step steps[] = {{.flags = WIRE_HEAD_ONLY | WIRE_HOLD}};
    SERVER(server, steps);
    NET(net, .timeout_ms = 4000);
    const size_t len = 32 << 20;
    char *body = malloc(len + 1);
    memset(body, 'b', len);
    body[len] = '\0';
    FETCH(fetch, .timeout_ms = 60000);
    fetch_run(&net, &fetch, "PUT", wire_server_url(server), "/", body);
    assert_int_equal(fetch.transfer.fate, TH_FATE_LOST);
    assert_int_equal(fetch.transfer.kind, TH_NETWORK);
    free(body);
}

NET_TEST(only_transfers_keep_the_loop_alive)
{
    const wire_step steps[] = {{.status = 200}};
    SERVER(server, steps);
    NET(net);
    uv_unref((uv_handle_t *)&net.told);
    FETCH(fetch);
    assert_int_equal(uv_run(&net.loop, UV_RUN_DEFAULT), 0);
    fetch_start(&net, &fetch, "PUT", wire_server_url(server), "/", "{}");
    assert_int_equal(uv_run(&net.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(fetch.transfer.status, 200);
    struct th_client_stats stats;
    th_client_stats(net.client, &stats);
    assert_int_equal(stats.sockets, 1); /* kept, and yet the loop has ended */
}

/* --- what could carry a token elsewhere ------------------------------------------------------- */

NET_TEST(redirects_are_not_followed)
{
    const wire_step elsewhere_steps[] = {{.status = 200}};
    SERVER(elsewhere, elsewhere_steps);
    char location[128];
    snprintf(location, sizeof location, "Location: %s/caught\r\n", wire_server_url(elsewhere));
    const wire_step steps[] = {{.status = 302, .headers = location},
                               {.status = 307, .headers = location}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    assert_int_equal(fetch.transfer.status, 302);
    fetch_run(&net, &fetch, "POST", wire_server_url(server), "/", "{}");
    assert_int_equal(fetch.transfer.status, 307);
    assert_int_equal(wire_server_connections(elsewhere), 0);
}

NET_TEST(netrc_is_not_read)
{
    char *home = scratch_create(), *path = scratch_path(home, ".netrc");
    static const char netrc[] = "machine 127.0.0.1 login someone password else\n";
    scratch_write(path, netrc, sizeof netrc - 1, 0600);
    char *old_home = strdup(getenv("HOME") ? getenv("HOME") : "/");
    setenv("HOME", home, 1);
    const wire_step steps[] = {{.status = 200}};
    wire_server *server = wire_server_start(STEPS(steps));
    struct net net;
    net_open(&net, &(th_client_options){0});
    struct fetch fetch = {0};
    char value[256];
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    assert_null(
        wire_request_header(wire_server_request(server, 0), "Authorization", value, sizeof value));
    fetch_close(&fetch);
    net_close(&net);
    wire_server_stop(server);
    setenv("HOME", old_home, 1);
    free(old_home);
    free(path);
    scratch_destroy(home);
}

NET_TEST(the_environments_proxy_is_for_https_and_not_for_loopback)
{
    const wire_step proxy_steps[] = {{.status = 502, .headers = "Retry-After: 99\r\n"}};
    const wire_step steps[] = {{.status = 200}};
    SERVER(proxy, proxy_steps);
    SERVER(server, steps);
    setenv("https_proxy", wire_server_url(proxy), 1);
    setenv("http_proxy", wire_server_url(proxy), 1);
    setenv("all_proxy", wire_server_url(proxy), 1);
    NET(net);
    unsetenv("https_proxy"); /* looked at when the client is made */
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    FETCH(fetch, .keep_headers = true);
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    assert_int_equal(fetch.transfer.status, 200);
    assert_int_equal(wire_server_requests(proxy), 0);

    fetch_run(&net, &fetch, "POST", "https://api.test", "/secret", "{}");
    assert_int_equal(wire_server_requests(proxy), 1);
    assert_string_equal(wire_server_request(proxy, 0)->method, "CONNECT");
    assert_string_equal(wire_server_request(proxy, 0)->target, "api.test:443");
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(fetch.transfer.status, 0);
    assert_true(fetch.transfer.pace.retry_after ==
                -1); /* that was the proxy's, not the platform's */
    assert_int_equal(fetch.transfer.reply_headers.len, 0);
}
