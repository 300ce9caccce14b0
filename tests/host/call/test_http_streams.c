/* Bodies that are never in memory, over TLS and both versions of HTTP, to and from a real server.
 */
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "nginx.h"
#include "test.h"

static const char servers[] =
    "  server { listen @0@ ssl http2; client_max_body_size 0; root @dir@; dav_methods PUT DELETE; "
    "}\n"
    "  server { listen @1@ ssl; client_max_body_size 0; root @dir@; dav_methods PUT DELETE; }\n";

enum { H2, H1, VERSIONS };

enum { SIZE = 5000003 }; /* no multiple of anything */

static char pattern(uint64_t offset)
{
    return (char)((offset * 2654435761u) >> 13);
}

/* The far end of a stream: what has gone through it. */
struct flow {
    struct fetch fetch;
    uint64_t next;    /* the offset that comes next */
    uint64_t give_up; /* fails from here on; 0: never */
    size_t largest;   /* piece */
    bool wrong;       /* a gap, or another byte than expected */
};

static struct flow *flow_of(th_transfer *transfer)
{
    return (struct flow *)((char *)transfer - offsetof(struct fetch, transfer));
}

static void note(struct flow *flow, uint64_t offset, size_t len)
{
    if (offset == 0 && flow->next > 0)
        flow->next = 0;
    flow->wrong |= offset != flow->next;
    flow->next = offset + len;
    if (len > flow->largest)
        flow->largest = len;
}

static size_t give(th_transfer *transfer, uint64_t offset, char *buffer, size_t room)
{
    struct flow *flow = flow_of(transfer);

    if (flow->give_up && offset >= flow->give_up)
        return 0;
    for (size_t i = 0; i < room; i++)
        buffer[i] = pattern(offset + i);
    note(flow, offset, room);
    return room;
}

static bool take(th_transfer *transfer, uint64_t offset, const char *data, size_t len)
{
    struct flow *flow = flow_of(transfer);

    for (size_t i = 0; i < len; i++)
        flow->wrong |= data[i] != pattern(offset + i);
    note(flow, offset, len);
    return !flow->give_up || flow->next < flow->give_up;
}

static nginx *server;

static int start_server(void **state)
{
    (void)state;
    server = nginx_start(servers);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    nginx_stop(server);
    return 0;
}

TEST_GROUP(start_server, stop_server)

static void open_net(struct net *net)
{
    net_open(net, &(th_client_options){.ca_file = nginx_ca(server), .max_response = 1000});
}

static void upload(struct net *net, size_t version, struct flow *flow, size_t size)
{
    flow->fetch.transfer.give = give;
    flow->fetch.transfer.body_len = size;
    fetch_run(net, &flow->fetch, "PUT", nginx_url(server, version), "/file", NULL);
}

static void download(struct net *net, size_t version, struct flow *flow)
{
    flow->fetch.transfer.take = take;
    fetch_run(net, &flow->fetch, "GET", nginx_url(server, version), "/file", NULL);
}

NET_TEST(a_body_goes_out_and_comes_back_in_pieces)
{
    for (size_t version = 0; version < VERSIONS; version++) {
        struct net net;
        open_net(&net);
        struct flow out = {0}, in = {0};

        upload(&net, version, &out, SIZE);
        assert_int_equal(out.fetch.transfer.fate, TH_FATE_REPLIED);
        assert_in_range(out.fetch.transfer.status, 201, 204);
        assert_int_equal(out.next, SIZE);
        assert_int_equal(out.fetch.transfer.given, SIZE);

        download(&net, version, &in);
        assert_int_equal(in.fetch.transfer.status, 200);
        assert_int_equal(in.fetch.transfer.taken, SIZE);
        assert_int_equal(in.next, SIZE);
        assert_false(out.wrong || in.wrong);
        assert_int_equal(in.fetch.transfer.reply.len, 0);
        assert_true(in.largest <= 1 << 20);

        fetch_close(&out.fetch);
        fetch_close(&in.fetch);
        net_close(&net);
    }
}

NET_TEST(a_refusal_does_not_go_where_the_body_should)
{
    for (size_t version = 0; version < VERSIONS; version++) {
        struct net net;
        open_net(&net);
        struct flow in = {.fetch.transfer.take = take};

        fetch_run(&net, &in.fetch, "GET", nginx_url(server, version), "/nothing", NULL);
        assert_int_equal(in.fetch.transfer.status, 404);
        assert_int_equal(in.next, 0);
        assert_non_null(strstr(fetch_text(&in.fetch), "404"));
        fetch_close(&in.fetch);
        net_close(&net);
    }
}

NET_TEST(an_end_that_fails_ends_the_transfer_and_not_the_connection_of_others)
{
    for (size_t version = 0; version < VERSIONS; version++) {
        struct net net;
        open_net(&net);
        struct flow whole = {0}, out = {.give_up = 1000000}, in = {.give_up = 1000000}, again = {0};

        upload(&net, version, &whole, SIZE);
        upload(&net, version, &out, SIZE);
        download(&net, version, &in);
        const struct flow *failed[] = {&out, &in};
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(failed[i]->fetch.transfer.fate, TH_FATE_LOST);
            assert_int_equal(failed[i]->fetch.transfer.kind, TH_REFUSED);
            assert_true(failed[i]->fetch.transfer.stream_failed);
        }
        download(&net, version, &again); /* what was sent in part has replaced nothing */
        assert_int_equal(again.next, SIZE);
        assert_false(again.wrong);

        fetch_close(&whole.fetch);
        fetch_close(&out.fetch);
        fetch_close(&in.fetch);
        fetch_close(&again.fetch);
        net_close(&net);
    }
}

NET_TEST(what_is_taken_has_its_own_bound)
{
    for (size_t version = 0; version < VERSIONS; version++) {
        struct net net;
        open_net(&net);
        struct flow out = {0}, in = {.fetch.transfer.max_reply = SIZE - 1},
                    fits = {.fetch.transfer.max_reply = SIZE};

        upload(&net, version, &out, SIZE);
        download(&net, version, &in);
        assert_true(in.fetch.transfer.too_large);
        assert_int_equal(in.fetch.transfer.kind, TH_MALFORMED);
        download(&net, version, &fits);
        assert_int_equal(fits.next, SIZE);

        fetch_close(&out.fetch);
        fetch_close(&in.fetch);
        fetch_close(&fits.fetch);
        net_close(&net);
    }
}

NET_TEST(a_handle_is_as_before_after_a_stream)
{
    for (size_t version = 0; version < VERSIONS; version++) {
        struct net net;
        open_net(&net);
        struct flow out = {0}, again = {0};
        struct fetch text = {0}, head = {0}, small = {0};

        upload(&net, version, &out, SIZE);
        fetch_run(&net, &text, "PUT", nginx_url(server, version), "/text", "short");
        fetch_run(&net, &head, "HEAD", nginx_url(server, version), "/file", NULL);
        assert_int_equal(head.transfer.status, 200); /* whatever length it speaks of */
        upload(&net, version, &again, 1);
        fetch_run(&net, &small, "GET", nginx_url(server, version), "/text", NULL);
        assert_string_equal(fetch_text(&small), "short");
        assert_int_equal(again.next, 1);

        fetch_close(&out.fetch);
        fetch_close(&text);
        fetch_close(&head);
        fetch_close(&again.fetch);
        fetch_close(&small);
        net_close(&net);
    }
}
