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
    STREAMS_PER_CONNECTION = 100, /* what libcurl puts on one HTTP/2 connection at most */
};

/* --- easy handles ----------------------------------------------------------------------------- */

static CURLcode set_limits(th_easy *easy)
{
    const th_client *client = easy->client;
    CURL *curl = easy->curl;

    easy->timeout_ms = client->timeout_ms;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, easy->timeout_ms);
    code =
        code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
    easy->max_reply = (curl_off_t)client->max_response;
    code = code ? code : curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, easy->max_reply);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    /* A slow name server must not stop the loop: leave its thread behind instead of waiting for it.
     */
    code = code ? code : curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    return code;
}

static CURLcode set_tls(th_easy *easy)
{
    const th_client *client = easy->client;
    CURL *curl = easy->curl;

    CURLcode code = curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (client->ca_file) {
        /* With a folder beside the file, libcurl would parse all certificates for each connection.
         */
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, client->ca_file);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY_CAPATH, NULL);
    }
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SHARE, client->share);
    return code;
}

/* Nothing may take a bearer token elsewhere. */
static CURLcode set_policy(th_easy *easy)
{
    const th_client *client = easy->client;
    CURL *curl = easy->curl;

    CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_USERAGENT, "trunkhost/" TH_VERSION);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY, client->proxy);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOPROXY, client->no_proxy);
    return code;
}

static th_easy *easy_create(th_client *client)
{
    th_easy *easy = calloc(1, sizeof *easy);

    if (!easy || !(easy->curl = curl_easy_init())) {
        free(easy);
        return NULL;
    }
    easy->client = client;
    CURLcode code = curl_easy_setopt(easy->curl, CURLOPT_PRIVATE, easy);
    code = code ? code : curl_easy_setopt(easy->curl, CURLOPT_ERRORBUFFER, easy->error);
    code = code ? code : th_driver_adopt(&client->driver, easy->curl);
    code = code ? code : th_transfer_set_callbacks(easy);
    code = code ? code : set_limits(easy);
    code = code ? code : set_tls(easy);
    code = code ? code : set_policy(easy);
    code = code ? code : th_easy_set_scheme(easy, false);
    if (code) {
        curl_easy_cleanup(easy->curl);
        free(easy);
        return NULL;
    }
    return easy;
}

static void easy_destroy(th_easy *easy)
{
    curl_easy_cleanup(easy->curl);
    free(easy);
}

/*
 * Plain http is for loopback, where HTTP/2 gains nothing, and libcurl before 8.0 cannot use such a
 * connection twice when it has to know beforehand that it is HTTP/2. So it is HTTP/1.1 there,
 * always.
 */
CURLcode th_easy_set_scheme(th_easy *easy, bool plain)
{
    bool one = plain || easy->client->http == TH_HTTP_1_1;

    easy->plain = plain;
    CURLcode code = curl_easy_setopt(easy->curl, CURLOPT_HTTP_VERSION,
                                     (long)(one ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    /* A burst waits for the first connection to say whether it can carry all of them. */
    return code ? code : curl_easy_setopt(easy->curl, CURLOPT_PIPEWAIT, (long)!one);
}

th_easy *th_easy_take(th_client *client)
{
    th_easy *easy = client->idle;

    if (!easy)
        return easy_create(client);
    client->idle = easy->next;
    client->nidle--;
    easy->next = NULL;
    return easy;
}

void th_easy_give(th_easy *easy)
{
    th_client *client = easy->client;

    easy->transfer = NULL;
    easy->prev = NULL;
    if (client->nidle >= client->concurrency) {
        easy_destroy(easy);
        return;
    }
    easy->next = client->idle;
    client->idle = easy;
    client->nidle++;
}

/* --- the client ------------------------------------------------------------------------------- */

void th_client_learn_version(th_client *client, long version)
{
    bool two = version >= CURL_HTTP_VERSION_2_0;

    if (client->speaks == (two ? TH_SPEAKS_2 : TH_SPEAKS_1))
        return;
    client->speaks = two ? TH_SPEAKS_2 : TH_SPEAKS_1;
    client->driver.cork = two;
    long connections =
        two ? (long)((client->concurrency + STREAMS_PER_CONNECTION - 1) / STREAMS_PER_CONNECTION)
            : 0;
    curl_multi_setopt(client->driver.multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
}

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
    th_easy *easy = easy_create(client);
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
        easy_destroy(easy);
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
