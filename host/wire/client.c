#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/authorities.h"
#include "wire/proxy.h"
#include "wire/transfer_impl.h"

enum {
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_CONNECT_TIMEOUT_MS = 10000,
    DEFAULT_CONCURRENCY = 16,
    DEFAULT_MAX_RESPONSE = 64 << 20,
};

/*
 * The environment's proxy is looked at once, here. It is for https only: plain http goes to
 * loopback, which never has a proxy.
 */
static bool find_proxy(th_client *client)
{
    const char *proxy = th_proxy_address(NULL);
    const char *except = getenv("no_proxy");
    except = except ? except : getenv("NO_PROXY");
    if (client->plain_anywhere || (except && strcmp(except, "*") == 0))
        proxy = "";
    th_buf list = {0};
    int rc = 0;
    if (proxy[0]) {
        rc = th_buf_printf(&list, "%s%slocalhost,127.0.0.0/8,::1", except ? except : "",
                           except && except[0] ? "," : "");
    } else {
        rc = th_buf_putc(&list, '*'); /* libcurl reads a list for each request */
    }
    if (proxy[0] && !client->tls_fault.kind) {
        char *shown = NULL;
        th_proxy_shown(&shown, &client->tls_fault);
        free(shown);
    }
    client->proxy = strdup(proxy);
    client->no_proxy = list.data;
    return rc == 0 && client->proxy;
}

/* An account's own file must be good. What the environment names matters only where TLS is spoken:
 * a fault there waits for the first request that needs it. */
static int find_ca_file(th_client *client, const char *ca_file, th_error *err)
{
    const char *variable = NULL;
    int rc;

    if (ca_file && (rc = th_authorities_check(ca_file, "ca_file", err)) != 0)
        return rc;
    if (!ca_file && (ca_file = th_authorities_default(&variable)) && variable)
        th_authorities_check(ca_file, variable, &client->tls_fault);
    if (ca_file && !(client->ca_file = strdup(ca_file)))
        return th_fail(err, TH_INVALID, "not enough memory for an HTTP client");
    return 0;
}

static void ignore_sigpipe(void)
{
    struct sigaction action;

    if (sigaction(SIGPIPE, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
        action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &action, NULL);
    }
}

static void client_free(th_client *client)
{
    free(client->origin);
    free(client->ca_file);
    free(client->proxy);
    th_error_close(&client->tls_fault);
    free(client->no_proxy);
    free(client);
}

static void released(th_driver *driver)
{
    client_free((th_client *)((char *)driver - offsetof(th_client, driver)));
}

static void finished(CURL *curl, CURLcode code)
{
    char *easy = NULL;

    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &easy);
    th_transfer_finish((th_easy *)easy, code);
}

/* libcurl's side: share, one easy handle (the first one initialises libcurl for the process),
 * multi. */
static bool open_curl(th_client *client)
{
    th_driver *driver = &client->driver;

    if (!(client->share = curl_share_init()) || !(driver->multi = curl_multi_init()))
        return false;
    if (curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != 0 ||
        curl_multi_setopt(driver->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) != 0 ||
        curl_multi_setopt(driver->multi, CURLMOPT_MAXCONNECTS,
                          (long)client->concurrency * 2 + 16) != 0)
        return false;
    client->no_expect = curl_slist_append(NULL, "Expect:");
    client->no_content_type = curl_slist_append(NULL, "Content-Type:");
    th_easy *easy = th_easy_create(client);
    if (!easy)
        return false;
    th_easy_give(easy);
    return client->no_expect && client->no_content_type;
}

static void close_curl(th_client *client)
{
    while (client->idle) {
        th_easy *easy = client->idle;
        client->idle = easy->next;
        th_easy_destroy(easy);
    }
    client->nidle = 0;
    curl_multi_cleanup(client->driver.multi);
    curl_share_cleanup(client->share);
    curl_slist_free_all(client->no_expect);
    curl_slist_free_all(client->no_content_type);
}

int th_client_create(uv_loop_t *loop, const th_client_options *options, th_client **out,
                     th_error *err)
{
    *out = NULL;
    th_client *client = calloc(1, sizeof *client);
    if (!client)
        return th_fail(err, TH_INVALID, "not enough memory for an HTTP client");
    client->http = options->http;
    client->concurrency = options->concurrency ? options->concurrency : DEFAULT_CONCURRENCY;
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    client->connect_timeout_ms =
        options->connect_timeout_ms ? options->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    client->max_response = options->max_response ? options->max_response : DEFAULT_MAX_RESPONSE;
    client->plain_anywhere = options->plain_anywhere;
    client->driver.silence_ms = (unsigned)(client->timeout_ms / 2);
    client->driver.finished = finished;
    client->driver.released = released;

    int rc = find_ca_file(client, options->ca_file, err);
    if (rc == 0 && (!find_proxy(client) || !open_curl(client)))
        rc =
            th_fail(err, TH_INVALID, "libcurl cannot make an HTTP client; is there enough memory?");
    if (rc != 0) {
        close_curl(client);
        client_free(client);
        return rc;
    }
    ignore_sigpipe();
    th_driver_open(&client->driver, loop);
    if (client->http == TH_HTTP_2)
        th_client_learn_version(client, CURL_HTTP_VERSION_2_0);
    *out = client;
    return 0;
}

void th_client_destroy(th_client *client)
{
    if (!client)
        return;
    while (client->in_flight)
        th_transfer_abort(client->in_flight->transfer);
    close_curl(client);
    th_driver_close(&client->driver);
}

void th_client_stats(const th_client *client, struct th_client_stats *out)
{
    *out = (struct th_client_stats){.in_flight = client->nin_flight,
                                    .idle_easies = client->nidle,
                                    .sockets = client->driver.nsockets,
                                    .transfers = client->transfers,
                                    .connections = client->driver.opened};
}

void th_transfer_global_cleanup(void)
{
    curl_global_cleanup();
}
