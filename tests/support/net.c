#include "net.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ignore(uv_async_t *async)
{
    (void)async;
}

void net_open(struct net *net, const th_client_options *options)
{
    th_error err = {0};

    memset(net, 0, sizeof *net);
    assert_int_equal(uv_loop_init(&net->loop), 0);
    assert_int_equal(uv_async_init(&net->loop, &net->told, ignore), 0);
    if (th_client_create(&net->loop, options, &net->client, &err) != 0)
        fail_msg("%s", err.message);
}

void net_close(struct net *net)
{
    th_client_destroy(net->client);
    net->client = NULL;
    uv_close((uv_handle_t *)&net->told, NULL);
    uv_run(&net->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&net->loop), 0);
}

void net_run(struct net *net)
{
    while (net->open > 0)
        uv_run(&net->loop, UV_RUN_ONCE);
}

static void wake_loop(void *ctx)
{
    uv_async_send(ctx);
}

void net_run_until(struct net *net, wire_server *server, size_t requests)
{
    wire_server_notify(server, wake_loop, &net->told);
    while (wire_server_requests(server) < requests)
        uv_run(&net->loop, UV_RUN_ONCE);
    wire_server_notify(server, NULL, NULL);
}

static void fetch_done(th_transfer *transfer)
{
    struct fetch *fetch = transfer->ctx;

    fetch->done++;
    fetch->net->open--;
    if (fetch->then)
        fetch->then(fetch);
}

void fetch_start(struct net *net, struct fetch *fetch, const char *method, const char *base,
                 const char *path, const char *body)
{
    th_error err = {0};

    snprintf(fetch->url, sizeof fetch->url, "%s%s", base, path);
    fetch->net = net;
    fetch->transfer.method = method;
    fetch->transfer.url = fetch->url;
    fetch->transfer.body = body;
    if (!fetch->transfer.give)
        fetch->transfer.body_len = body ? strlen(body) : 0;
    fetch->transfer.done = fetch_done;
    fetch->transfer.ctx = fetch;
    net->open++;
    if (th_transfer_start(net->client, &fetch->transfer, &err) != 0)
        fail_msg("%s", err.message);
}

void fetch_run(struct net *net, struct fetch *fetch, const char *method, const char *base,
               const char *path, const char *body)
{
    fetch_start(net, fetch, method, base, path, body);
    net_run(net);
}

void fetch_close(struct fetch *fetch)
{
    th_buf_close(&fetch->transfer.reply);
    th_buf_close(&fetch->transfer.reply_headers);
}

const char *fetch_text(const struct fetch *fetch)
{
    return fetch->transfer.reply.data ? fetch->transfer.reply.data : "";
}

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(folder);
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

int net_descriptors_before(void **state)
{
    /* What the libraries open once for the process must not look like a leak of the first test. */
    struct net warm_up;
    net_open(&warm_up, &(th_client_options){0});
    net_close(&warm_up);

    size_t *before = malloc(sizeof *before);
    *before = count_descriptors();
    *state = before;
    return 0;
}

int net_descriptors_after(void **state)
{
    size_t *before = *state;
    size_t now = count_descriptors();

    if (now != *before)
        print_error("%zu descriptors before the test, %zu after it\n", *before, now);
    int leaked = now != *before;
    free(before);
    return leaked;
}

int net_group_over(void **state)
{
    (void)state;
    th_transfer_global_cleanup();
    return 0;
}
