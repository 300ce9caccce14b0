/* Starting, aborting and destroying at every moment, from inside callbacks too. */
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "test.h"

TEST_GROUP(NULL, net_group_over)

static struct th_client_stats stats_of(const struct net *net)
{
    struct th_client_stats stats;

    th_client_stats(net->client, &stats);
    return stats;
}

NET_TEST(an_abort_before_sending_is_unsent_and_after_it_lost)
{
    const wire_step steps[] = {{.status = 200, .flags = WIRE_HOLD}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_start(&net, &fetch, "POST", wire_server_url(server), "/", "{}");
    th_transfer_abort(&fetch.transfer);
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);

    fetch_start(&net, &fetch, "POST", wire_server_url(server), "/", "{}");
    net_run_until(&net, server, 1);
    th_transfer_abort(&fetch.transfer);
    th_transfer_abort(&fetch.transfer); /* twice is fine */
    assert_int_equal(fetch.transfer.fate, TH_FATE_LOST);
    assert_int_equal(fetch.transfer.kind, TH_CANCELLED);
    assert_int_equal(fetch.done, 0);
    assert_int_equal(stats_of(&net).in_flight, 0);
}

NET_TEST(an_abort_in_the_middle_of_a_body_keeps_what_the_head_said)
{
    const wire_step steps[] = {{.reply = "HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n{"}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_start(&net, &fetch, "POST", wire_server_url(server), "/", "{}");
    while (fetch.transfer.reply.len == 0)
        uv_run(&net.loop, UV_RUN_ONCE);
    th_transfer_abort(&fetch.transfer);
    assert_int_equal(fetch.transfer.fate, TH_FATE_LOST);
    assert_int_equal(fetch.transfer.status, 202);
}

/* --- from inside done ------------------------------------------------------------------------- */

static void abort_others(struct fetch *self)
{
    struct fetch *all = self->ctx;

    for (size_t i = 0; i < 10; i++) {
        if (&all[i] != self && all[i].transfer.easy) {
            th_transfer_abort(&all[i].transfer);
            self->net->open--;
        }
    }
    th_transfer_abort(&self->transfer); /* it has ended: nothing happens */
}

NET_TEST(done_may_abort_all_others)
{
    const wire_step steps[] = {{.status = 200, .flags = WIRE_HOLD}};
    SERVER(server, steps);
    NET(net);
    struct fetch fetches[10] = {0};
    for (size_t i = 0; i < 10; i++) {
        fetches[i].then = abort_others;
        fetches[i].ctx = fetches;
        fetch_start(&net, &fetches[i], "PUT", wire_server_url(server), "/", "{}");
    }
    net_run_until(&net, server, 10);
    wire_server_release(server);
    net_run(&net);
    unsigned done = 0, aborted = 0;
    for (size_t i = 0; i < 10; i++) {
        done += fetches[i].done;
        aborted += fetches[i].transfer.kind == TH_CANCELLED;
        fetch_close(&fetches[i]);
    }
    assert_int_equal(done, 1);
    assert_int_equal(aborted, 9);
    assert_int_equal(stats_of(&net).in_flight, 0);
}

struct crowd {
    struct fetch fetches[100];
    const char *base;
    size_t ended;
};

static void count_end(struct fetch *self)
{
    struct crowd *crowd = self->ctx;

    crowd->ended += self->transfer.status == 200;
}

static void start_a_hundred(struct fetch *self)
{
    struct crowd *crowd = self->ctx;

    for (size_t i = 0; i < 100; i++) {
        crowd->fetches[i].then = count_end;
        crowd->fetches[i].ctx = crowd;
        fetch_start(self->net, &crowd->fetches[i], "PUT", crowd->base, "/", "{}");
    }
}

NET_TEST(done_may_start_a_hundred_more)
{
    const wire_step steps[] = {{.status = 200}};
    SERVER(server, steps);
    NET(net, .concurrency = 8);
    struct crowd *crowd = calloc(1, sizeof *crowd);
    crowd->base = wire_server_url(server);
    struct fetch first = {.then = start_a_hundred, .ctx = crowd};
    fetch_run(&net, &first, "GET", crowd->base, "/", NULL);
    assert_int_equal(crowd->ended, 100);
    assert_int_equal(wire_server_requests(server), 101);
    struct th_client_stats stats = stats_of(&net);
    assert_int_equal(stats.transfers, 101);
    assert_int_equal(stats.idle_easies, 8); /* the pool does not grow beyond the concurrency */
    for (size_t i = 0; i < 100; i++)
        fetch_close(&crowd->fetches[i]);
    fetch_close(&first);
    free(crowd);
}

static void run_again(struct fetch *self)
{
    if (self->done < 50)
        fetch_start(self->net, self, "GET", self->ctx, "/", NULL);
}

NET_TEST(done_may_start_the_same_transfer_again)
{
    const wire_step steps[] = {{.status = 200, .body = "{}"}};
    SERVER(server, steps);
    NET(net);
    char *base = strdup(wire_server_url(server));
    struct fetch fetch = {.then = run_again, .ctx = base};
    fetch_run(&net, &fetch, "GET", base, "/", NULL);
    assert_int_equal(fetch.done, 50);
    assert_string_equal(fetch_text(&fetch), "{}");
    struct th_client_stats stats = stats_of(&net);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.idle_easies, 1);
    fetch_close(&fetch);
    free(base);
}

static void destroy_client(struct fetch *self)
{
    th_client_destroy(self->net->client);
    self->net->client = NULL;
    self->net->open = 0;
}

NET_TEST(done_may_destroy_the_client_with_others_in_flight)
{
    const wire_step steps[] = {{.status = 200, .flags = WIRE_HOLD}};
    SERVER(server, steps);
    struct net net;
    net_open(&net, &(th_client_options){0});
    struct fetch fetches[10] = {0};
    for (size_t i = 0; i < 10; i++) {
        fetches[i].then = destroy_client;
        fetch_start(&net, &fetches[i], "PUT", wire_server_url(server), "/", "{}");
    }
    net_run_until(&net, server, 10);
    wire_server_release(server);
    net_run(&net);
    net_close(&net);
    unsigned done = 0;
    for (size_t i = 0; i < 10; i++) {
        done += fetches[i].done;
        assert_true(fetches[i].done || fetches[i].transfer.kind == TH_CANCELLED);
        fetch_close(&fetches[i]);
    }
    assert_int_equal(done, 1);
}

/* --- the end ---------------------------------------------------------------------------------- */

NET_TEST(a_client_may_be_destroyed_at_any_turn_of_the_loop)
{
    const wire_step steps[] = {{.status = 200, .fill = 100000}};
    SERVER(server, steps);
    for (int turns = 0; turns < 12; turns++) {
        struct net net;
        net_open(&net, &(th_client_options){0});
        struct fetch fetches[4] = {0};
        for (size_t i = 0; i < 4; i++)
            fetch_start(&net, &fetches[i], "PUT", wire_server_url(server), "/", "{}");
        for (int i = 0; i < turns; i++)
            uv_run(&net.loop, UV_RUN_NOWAIT);
        net_close(&net);
        for (size_t i = 0; i < 4; i++) {
            assert_null(fetches[i].transfer.easy);
            assert_true(fetches[i].done <= 1);
            assert_int_equal(fetches[i].done, fetches[i].transfer.kind != TH_CANCELLED);
            fetch_close(&fetches[i]);
        }
    }
}

NET_TEST(a_result_wakes_whoever_waits_for_the_loop_to_return)
{
    /* It ends by time, before the loop would sleep; nothing else would wake it. */
    const wire_step steps[] = {{.status = 200, .flags = WIRE_HOLD}};
    SERVER(server, steps);
    NET(net, .timeout_ms = 20);
    FETCH(fetch);
    for (int i = 0; i < 10; i++) {
        fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
        assert_int_equal(fetch.transfer.kind, TH_TIMEOUT);
    }
}

NET_TEST(a_client_that_cannot_be_made_says_why)
{
    uv_loop_t loop;
    th_client *client;
    th_error err = {0};
    uv_loop_init(&loop);
    assert_int_equal(
        th_client_create(&loop, &(th_client_options){.ca_file = "/nowhere/ca.pem"}, &client, &err),
        -TH_INVALID);
    assert_null(client);
    assert_non_null(strstr(err.message, "/nowhere/ca.pem"));
    th_error_close(&err);
    th_client_destroy(NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}
