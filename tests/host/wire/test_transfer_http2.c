/* HTTP/2: few connections, frames that leave together, and streams that fail by themselves. */
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net.h"
#include "nginx.h"
#include "test.h"

TEST_GROUP(NULL, net_group_over)

#define JSON "Content-Type: application/json\r\n"
enum { H2, H1, GOAWAY, UPSTREAM_H2, UPSTREAM_H1 };

static const char servers[] =
    "  log_format target '$request_uri'; keepalive_timeout 600s;\n"
    "  server { listen @0@ ssl http2; location / { return 200 '{\"id\":42}'; } }\n"
    "  server { listen @1@ ssl; location / { return 200 '{\"id\":42}'; } }\n"
    "  server { listen @2@ ssl http2; keepalive_requests 20; access_log @dir@/goaway.log target;\n"
    "    location / { return 200 '{\"id\":42}'; } }\n"
    "  server { listen @3@ ssl http2; location / { proxy_pass http://127.0.0.1:%1$d; } }\n"
    "  server { listen @4@ ssl; location / { proxy_pass http://127.0.0.1:%1$d; } }\n";

static struct {
    size_t corks, uncorks;
    int fd; /* of the socket that was corked last */
} watched;

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    typedef int call(int, int, int, const void *, socklen_t);
    call *real;

    if (level == IPPROTO_TCP && name == TCP_CORK) {
        watched.fd = fd;
        (*(const int *)value ? watched.corks++ : watched.uncorks++);
    }
    *(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
    return real(fd, level, name, value, len);
}

/* nginx before a scripted server, so that replies can be held back. */
struct world {
    wire_server *wire;
    nginx *nginx;
    struct net net;
};

static void world_open(struct world *world, const wire_step *steps, size_t nsteps,
                       const th_client_options *options)
{
    char *text = NULL;

    world->wire = wire_server_start(steps, nsteps);
    assert_true(asprintf(&text, servers, wire_server_port(world->wire)) > 0);
    world->nginx = nginx_start(text);
    free(text);
    th_client_options with_ca = *options;
    with_ca.ca_file = nginx_ca(world->nginx);
    net_open(&world->net, &with_ca);
}

static void world_close(struct world *world)
{
    net_close(&world->net);
    nginx_stop(world->nginx);
    wire_server_stop(world->wire);
}

static struct th_client_stats stats_of(const struct world *world)
{
    struct th_client_stats stats;

    th_client_stats(world->net.client, &stats);
    return stats;
}

static const wire_step ok[] = {{.status = 200, .headers = JSON, .body = "{\"id\":42}"}};
static const wire_step held[] = {
    {.status = 200, .headers = JSON, .body = "{\"id\":42}", .flags = WIRE_HOLD}};

static struct fetch *start_many(struct world *world, size_t n, size_t which)
{
    struct fetch *fetches = calloc(n, sizeof *fetches);

    for (size_t i = 0; i < n; i++) {
        char path[64];
        snprintf(path, sizeof path, "/trunks/%zu", i);
        fetch_start(&world->net, &fetches[i], "PUT", nginx_url(world->nginx, which), path,
                    "{\"name\":\"x\"}");
    }
    return fetches;
}

static void close_many(struct fetch *fetches, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fetch_close(&fetches[i]);
    free(fetches);
}

static void expect_replies(const struct fetch *fetches, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fetches[i].transfer.fate, TH_FATE_REPLIED);
        assert_int_equal(fetches[i].transfer.status, 200);
        assert_string_equal(fetch_text(&fetches[i]), "{\"id\":42}");
        assert_true(fetches[i].transfer.json);
    }
}

/* --- connections ------------------------------------------------------------------------------ */

NET_TEST(a_burst_uses_one_connection)
{
    static const enum th_http versions[] = {TH_HTTP_AUTO, TH_HTTP_2};
    for (size_t i = 0; i < 2; i++) {
        struct world world LEFT_BY(world_close);
        world_open(&world, STEPS(held),
                   &(th_client_options){.http = versions[i], .concurrency = 50});
        struct fetch *fetches = start_many(&world, 50, UPSTREAM_H2);
        net_run_until(&world.net, world.wire, 50); /* all at once */
        wire_server_release(world.wire);
        net_run(&world.net);
        expect_replies(fetches, 50);
        assert_int_equal(stats_of(&world).connections, 1);
        close_many(fetches, 50);
    }
}

NET_TEST(a_large_concurrency_uses_a_connection_per_hundred)
{
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(held), &(th_client_options){.http = TH_HTTP_2, .concurrency = 250});
    struct fetch *fetches = start_many(&world, 250, UPSTREAM_H2);
    net_run_until(&world.net, world.wire, 250);
    wire_server_release(world.wire);
    net_run(&world.net);
    expect_replies(fetches, 250);
    assert_int_equal(stats_of(&world).connections, 3);
    close_many(fetches, 250);
}

NET_TEST(a_server_without_http2_gets_a_connection_for_each)
{
    wire_step steps[11];
    for (size_t i = 0; i < 11; i++) { /* the first reply says which version it is */
        steps[i] = (wire_step){
            .status = 200, .headers = JSON, .body = "{\"id\":42}", .flags = i ? WIRE_HOLD : 0};
    }
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(steps), &(th_client_options){.http = TH_HTTP_2, .concurrency = 10});
    struct fetch *fetches = start_many(&world, 1, UPSTREAM_H1);
    net_run(&world.net);
    close_many(fetches, 1);
    fetches = start_many(&world, 10, UPSTREAM_H1);
    net_run_until(&world.net, world.wire, 11); /* ten at once, none waits for another */
    wire_server_release(world.wire);
    net_run(&world.net);
    expect_replies(fetches, 10);
    assert_int_equal(stats_of(&world).connections, 10);
    close_many(fetches, 10);
}

NET_TEST(http_1_1_can_be_asked_for)
{
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(held), &(th_client_options){.http = TH_HTTP_1_1, .concurrency = 10});
    struct fetch *fetches = start_many(&world, 10, UPSTREAM_H2);
    net_run_until(&world.net, world.wire, 10);
    wire_server_release(world.wire);
    net_run(&world.net);
    expect_replies(fetches, 10);
    assert_int_equal(stats_of(&world).connections, 10);
    close_many(fetches, 10);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* What the kernel tells beyond the struct that the C library knows. */
struct longer_tcp_info {
    struct tcp_info known;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
};

static unsigned segments_sent(void)
{
    struct longer_tcp_info info = {0};
    socklen_t len = sizeof info;

    assert_int_equal(getsockopt(watched.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(len, sizeof info);
    return info.data_segs_out;
}

NET_TEST(frames_of_one_turn_leave_together)
{
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(ok), &(th_client_options){.concurrency = 40});
    struct fetch *fetches = start_many(&world, 1, UPSTREAM_H2); /* says that it is HTTP/2 */
    net_run(&world.net);
    close_many(fetches, 1);

    memset(&watched, 0, sizeof watched);
    fetches = start_many(&world, 40, UPSTREAM_H2);
    uv_run(&world.net.loop, UV_RUN_NOWAIT);
    assert_true(watched.corks >= 1 && watched.uncorks >= 1);
    unsigned first_turn = segments_sent();
    net_run(&world.net);
    expect_replies(fetches, 40);
    uv_run(&world.net.loop, UV_RUN_NOWAIT); /* the turn in which the last reply came has to end */
    assert_int_equal(watched.corks, watched.uncorks);
    close_many(fetches, 40);

    /* The 80 frames of forty requests fit in a few segments, and the handshake took some before. */
    assert_in_range(first_turn, 1, 20);
}

NET_TEST(http_1_1_is_not_held_back)
{
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(ok), &(th_client_options){.concurrency = 4});
    memset(&watched, 0, sizeof watched);
    for (int round = 0; round < 3; round++) {
        struct fetch *fetches = start_many(&world, 4, H1);
        net_run(&world.net);
        expect_replies(fetches, 4);
        close_many(fetches, 4);
    }
    assert_int_equal(watched.corks + watched.uncorks, 0);
}

/* --- streams ---------------------------------------------------------------------------------- */

NET_TEST(aborted_and_late_streams_leave_the_others_alone)
{
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(held), &(th_client_options){.concurrency = 10});
    /* Long enough for all ten to be at the server before. */
    struct fetch late = {.transfer = {.timeout_ms = 2000}};
    struct fetch *fetches = start_many(&world, 9, UPSTREAM_H2);
    fetch_start(&world.net, &late, "POST", nginx_url(world.nginx, UPSTREAM_H2), "/late", "{}");
    net_run_until(&world.net, world.wire, 10);
    for (size_t i = 0; i < 4; i++) {
        th_transfer_abort(&fetches[i].transfer);
        world.net.open--;
        assert_int_equal(fetches[i].transfer.fate, TH_FATE_LOST);
        assert_int_equal(fetches[i].transfer.kind, TH_CANCELLED);
    }
    while (!late.done)
        uv_run(&world.net.loop, UV_RUN_ONCE);
    assert_int_equal(late.transfer.fate, TH_FATE_LOST);
    assert_int_equal(late.transfer.kind, TH_TIMEOUT);
    wire_server_release(world.wire);
    net_run(&world.net);
    expect_replies(fetches + 4, 5);
    assert_int_equal(stats_of(&world).connections, 1);
    fetch_close(&late);
    close_many(fetches, 9);
}

static size_t count_lines(const char *text, const char *line)
{
    size_t n = 0, len = strlen(line);

    for (const char *at = strstr(text, line); at; at = strstr(at + len, line))
        n += (at == text || at[-1] == '\n') && at[len] == '\n';
    return n;
}

NET_TEST(a_server_that_goes_away_again_and_again_loses_nothing)
{
    /* It says GOAWAY after every 20 requests of a connection; what was in flight beyond them fails.
     * libcurl would send those again by itself. */
    enum { MANY = 400 };
    struct world world LEFT_BY(world_close);
    world_open(&world, STEPS(ok), &(th_client_options){.concurrency = 16});
    struct fetch *fetches = calloc(MANY, sizeof *fetches);
    size_t *attempts = calloc(MANY, sizeof *attempts);
    size_t lost = 0, left = MANY;
    while (left > 0) {
        for (size_t i = 0, flying = 0; i < MANY && flying < 16; i++) {
            if (fetches[i].transfer.status != 200) {
                char path[64];
                snprintf(path, sizeof path, "/trunks/%zu/%zu", i, ++attempts[i]);
                fetch_start(&world.net, &fetches[i], "PUT", nginx_url(world.nginx, GOAWAY), path,
                            "{}");
                flying++;
            }
        }
        net_run(&world.net);
        left = lost = 0;
        for (size_t i = 0; i < MANY; i++) {
            const th_transfer *t = &fetches[i].transfer;
            left += t->status != 200;
            lost += attempts[i] - 1;
            assert_true(attempts[i] < 50);
            assert_true(t->status != 200 || t->fate == TH_FATE_REPLIED);
        }
    }
    assert_true(lost > 0);
    char *log = nginx_file(world.nginx, "goaway.log");
    for (size_t i = 0; i < MANY; i++) {
        for (size_t attempt = 1; attempt <= attempts[i]; attempt++) {
            char path[64];
            snprintf(path, sizeof path, "/trunks/%zu/%zu", i, attempt);
            assert_true(count_lines(log, path) <= 1);
        }
        fetch_close(&fetches[i]);
    }
    free(log);
    free(attempts);
    free(fetches);
}
