/*
 * What libcurl, libuv and servers do to a program that trusts them, one test each: every one fails
 * without its cure.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "net.h"
#include "test.h"

TEST_GROUP(NULL, net_group_over)

/* --- what the libraries ask of the system, watched -------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool blocked; /* somebody asks for the slow name */
    bool let_go;  /* the answer may come */
    bool gave_up; /* the answer came without leave: somebody had waited for it */
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Answers for "slow.test" only when told to, or after so long that the test has failed. */
static void answer_late(void)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 5;
    pthread_mutex_lock(&watched.lock);
    watched.blocked = true;
    pthread_cond_broadcast(&watched.changed);
    while (!watched.let_go && !watched.gave_up) {
        watched.gave_up =
            pthread_cond_timedwait(&watched.changed, &watched.lock, &limit) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&watched.lock);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    typedef int call(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    call *real;

    if (node && strcmp(node, "slow.test") == 0) {
        answer_late();
        return EAI_AGAIN;
    }
    if (node && strcmp(node, "unknown.test") == 0)
        return EAI_NONAME;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, result);
}

/* --- a request is sent at most once ----------------------------------------------------------- */

NET_TEST(a_request_on_a_reused_connection_that_dies_is_sent_once)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        for (unsigned how = WIRE_CLOSE; how <= WIRE_RESET; how++) {
            const wire_step steps[] = {{.status = 200}, {.flags = how}, {.status = 200}};
            wire_server *server = wire_server_start(STEPS(steps));
            struct net net;
            net_open(&net, &(th_client_options){0});
            struct fetch fetch = {0};
            fetch_run(&net, &fetch, "GET", wire_server_url(server), "/first", NULL);
            assert_int_equal(fetch.transfer.status, 200);

            fetch_run(&net, &fetch, methods[i], wire_server_url(server), "/once",
                      i < 3 ? "{}" : NULL);
            assert_int_equal(wire_server_requests(server), 2);
            assert_int_equal(fetch.transfer.fate, TH_FATE_LOST);
            assert_int_equal(fetch.transfer.kind, TH_NETWORK);
            assert_int_equal(fetch.transfer.status, 0);
            assert_true(fetch.transfer.sent);
            assert_true(fetch.transfer.repeated);
            assert_non_null(strstr(fetch.transfer.problem, "closed the connection"));
            assert_string_equal(wire_server_request(server, 1)->target, "/once");
            assert_int_equal(wire_server_request(server, 1)->connection, 0);

            /* A repeat of our own works: the handle that was stopped is as good as new. */
            fetch_run(&net, &fetch, methods[i], wire_server_url(server), "/again", NULL);
            assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
            assert_int_equal(wire_server_requests(server), 3);
            fetch_close(&fetch);
            net_close(&net);
            wire_server_stop(server);
        }
    }
}

/* --- name look-ups ---------------------------------------------------------------------------- */

static size_t count_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    size_t n = 0;

    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

NET_TEST(a_slow_name_server_stops_nothing)
{
    size_t threads = count_threads();
    const wire_step steps[] = {{.status = 200}};
    wire_server *server = wire_server_start(STEPS(steps));
    struct net net;
    net_open(&net, &(th_client_options){.timeout_ms = 60000});
    struct fetch slow[3] = {0}, other = {0};
    slow[0].transfer.timeout_ms = 50;
    for (size_t i = 0; i < 3; i++)
        fetch_start(&net, &slow[i], "POST", "https://slow.test", "/", "x");
    fetch_start(&net, &other, "GET", wire_server_url(server), "/", NULL);
    while (!other.done || !slow[0].done)
        uv_run(&net.loop, UV_RUN_ONCE);
    assert_int_equal(other.transfer.status, 200);
    assert_int_equal(slow[0].transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(slow[0].transfer.kind, TH_TIMEOUT);

    th_transfer_abort(&slow[1].transfer);
    assert_int_equal(slow[1].transfer.fate, TH_FATE_UNSENT);
    net_close(&net); /* with the third one under way */
    assert_int_equal(slow[2].transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(slow[1].done + slow[2].done, 0);

    pthread_mutex_lock(&watched.lock);
    assert_true(watched.blocked);
    assert_false(watched.gave_up);
    watched.let_go = true;
    pthread_cond_broadcast(&watched.changed);
    pthread_mutex_unlock(&watched.lock);
    for (size_t i = 0; i < 3; i++)
        fetch_close(&slow[i]);
    fetch_close(&other);
    wire_server_stop(server);
    while (count_threads() > threads) /* those that were left behind clean up after themselves */
        sched_yield();
}

NET_TEST(a_name_that_does_not_exist_is_unsent)
{
    NET(net);
    struct fetch fetch = {0};
    fetch_run(&net, &fetch, "POST", "https://unknown.test", "/", "x");
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(fetch.transfer.kind, TH_NETWORK);
    assert_non_null(strstr(fetch.transfer.problem, "unknown.test"));
}

/* --- libcurl on the loop ---------------------------------------------------------------------- */

NET_TEST(the_last_failure_is_reported_too)
{
    /* libcurl no longer counts a failed transfer as running when it says so. */
    const wire_step steps[] = {{.flags = WIRE_CLOSE}};
    SERVER(server, steps);
    NET(net);
    struct fetch fetches[5] = {0};
    for (size_t i = 0; i < 5; i++)
        fetch_start(&net, &fetches[i], "GET", wire_server_url(server), "/", NULL);
    net_run(&net);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(fetches[i].done, 1);
        assert_int_equal(fetches[i].transfer.fate, TH_FATE_LOST);
        fetch_close(&fetches[i]);
    }
}

NET_TEST(an_error_on_the_socket_ends_the_transfer_and_not_its_time_limit)
{
    /* libuv reports it without events and stops polling. On a kept connection none of libcurl's own
     * timers looks at the socket before the time limit. */
    const wire_step steps[] = {{.status = 200}, {.flags = WIRE_RESET | WIRE_HOLD}};
    SERVER(server, steps);
    NET(net, .timeout_ms = 3000);
    FETCH(fetch);
    fetch_run(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    fetch_start(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    net_run_until(&net, server, 2);
    wire_server_release(server);
    net_run(&net);
    assert_int_equal(fetch.transfer.fate, TH_FATE_LOST);
    assert_int_equal(fetch.transfer.kind, TH_NETWORK);
}

NET_TEST(a_reply_before_a_reset_is_not_thrown_away)
{
    /* Both are there when the loop looks: the server has left unread bytes behind, or a reset. */
    const wire_step steps[] = {{.status = 409, .body = "taken", .flags = WIRE_RESET | WIRE_HOLD}};
    SERVER(server, steps);
    NET(net);
    FETCH(fetch);
    fetch_start(&net, &fetch, "POST", wire_server_url(server), "/", "{}");
    net_run_until(&net, server, 1);
    wire_server_release(server);
    wire_server_wait_closed(server); /* it has sent and reset; nothing of that was looked at yet */
    net_run(&net);
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    assert_int_equal(fetch.transfer.status, 409);
    assert_string_equal(fetch_text(&fetch), "taken");
}

NET_TEST(descriptors_that_come_back_under_the_same_number_are_new_sockets)
{
    const wire_step steps[] = {
        {.status = 200, .headers = "Connection: close\r\n", .body = "x", .flags = WIRE_CLOSE}};
    SERVER(server, steps);
    NET(net, .concurrency = 4);
    struct fetch fetches[4] = {0};
    for (size_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < 4; i++)
            fetch_start(&net, &fetches[i], "PUT", wire_server_url(server), "/", "x");
        if (round % 5 == 3) {
            th_transfer_abort(&fetches[round % 4].transfer);
            net.open--;
        }
        net_run(&net);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fetches[i].transfer.fate, TH_FATE_REPLIED);
        fetch_close(&fetches[i]);
    }
    struct th_client_stats stats;
    th_client_stats(net.client, &stats);
    assert_true(stats.connections >= 190);
}

NET_TEST(descriptors_that_libcurl_closes_behind_our_back_are_let_go_before)
{
    /* A look-up has a wake-up pipe of its own, whose numbers the next connections get. */
    const wire_step steps[] = {
        {.status = 200, .headers = "Connection: close\r\n", .flags = WIRE_CLOSE}};
    SERVER(server, steps);
    NET(net);
    struct fetch lookups[3] = {0}, fetches[3] = {0};
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < 3; i++)
            fetch_start(&net, &lookups[i], "GET", "https://unknown.test", "/", NULL);
        net_run(&net);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(lookups[i].transfer.fate, TH_FATE_UNSENT);
            fetch_start(&net, &fetches[i], "GET", wire_server_url(server), "/", NULL);
        }
        net_run(&net);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(fetches[i].transfer.fate, TH_FATE_REPLIED);
    }
    for (size_t i = 0; i < 3; i++) {
        fetch_close(&lookups[i]);
        fetch_close(&fetches[i]);
    }
}

NET_TEST(starting_only_queues)
{
    const wire_step steps[] = {{.status = 200}};
    SERVER(server, steps);
    struct net net;
    net_open(&net, &(th_client_options){0});
    struct fetch fetch = {0};
    struct th_client_stats stats;
    fetch_start(&net, &fetch, "GET", wire_server_url(server), "/", NULL);
    th_client_stats(net.client, &stats);
    assert_int_equal(stats.in_flight, 1);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(fetch.done, 0);
    th_transfer_abort(&fetch.transfer);
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(fetch.transfer.kind, TH_CANCELLED);
    net_close(&net);
    assert_int_equal(wire_server_connections(server), 0);
}

NET_TEST(a_broken_pipe_does_not_kill_the_program)
{
    struct sigaction before;
    signal(SIGPIPE, SIG_DFL);
    NET(net);
    sigaction(SIGPIPE, NULL, &before);
    assert_true(before.sa_handler == SIG_IGN);
}
