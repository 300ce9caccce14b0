/* Which target a request asks for, whatever the handle that sends it was used for before. */
#include <string.h>

#include "net.h"
#include "test.h"

static const wire_step steps[] = {{.status = 200, .body = "ok"}};

/* One handle serves all that is asked for. */
static void expect(struct net *net, wire_server *server, size_t nth, const char *path,
                   const char *target)
{
    struct fetch fetch = {0};
    char host[128];
    const wire_request *request;

    fetch_run(net, &fetch, "GET", wire_server_url(server), path, NULL);
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    assert_string_equal(fetch_text(&fetch), "ok");
    fetch_close(&fetch);
    request = wire_server_request(server, nth);
    assert_string_equal(request->target, target);
    assert_non_null(wire_request_header(request, "Host", host, sizeof host));
    assert_string_equal(host, wire_server_url(server) + strlen("http://"));
}

TEST(a_target_is_asked_for_as_it_stands_in_the_url)
{
    static const char *const targets[] = {"/", "/trunks/42", "/trunks/a%20b%2Fc",
                                          "/v1.0/.hidden?at=2026-01-01T00:00:00,1&x=~_-+",
                                          "//double"};
    wire_server *server = wire_server_start(steps, 1);
    struct net net;

    net_open(&net, &(th_client_options){.concurrency = 1});
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        expect(&net, server, i, targets[i], targets[i]);
    net_close(&net);
    wire_server_stop(server);
}

TEST(dot_segments_and_fragments_never_reach_the_wire)
{
    static const char *const targets[][2] = {
        {"/trunks/42", "/trunks/42"}, {"/a/../b", "/b"},
        {"/a/./b#part", "/a/b"},      {"/trunks/43#part", "/trunks/43"},
        {"/trunks/44", "/trunks/44"}, {"/a/..", "/"},
        {"/.?x=/../y", "/?x=/../y"},  {"/trunks/{45}!", "/trunks/{45}!"},
        {"/trunks/46", "/trunks/46"},
    };
    wire_server *server = wire_server_start(steps, 1);
    struct net net;

    net_open(&net, &(th_client_options){.concurrency = 1});
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        expect(&net, server, i, targets[i][0], targets[i][1]);
    net_close(&net);
    wire_server_stop(server);
}

TEST(a_handle_that_goes_between_servers_takes_no_target_along)
{
    wire_server *one = wire_server_start(steps, 1), *other = wire_server_start(steps, 1);
    struct net net;

    net_open(&net, &(th_client_options){.concurrency = 1});
    expect(&net, one, 0, "/one", "/one");
    expect(&net, other, 0, "/other", "/other");
    expect(&net, one, 1, "/one/../two", "/two");
    expect(&net, other, 1, "/two/..", "/");
    expect(&net, other, 2, "/three", "/three");
    expect(&net, one, 2, "/three", "/three");
    net_close(&net);
    wire_server_stop(one);
    wire_server_stop(other);
}
