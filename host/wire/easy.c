/* Easy handles: made with everything that does not change, kept in a pool, and fitted to the version
 * of HTTP that the server speaks. */
#include <stdlib.h>

#include "wire/transfer_impl.h"

enum {
    STREAMS_PER_CONNECTION = 100, /* what libcurl puts on one HTTP/2 connection at most */
};

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

th_easy *th_easy_create(th_client *client)
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

void th_easy_destroy(th_easy *easy)
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
        return th_easy_create(client);
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
        th_easy_destroy(easy);
        return;
    }
    easy->next = client->idle;
    client->idle = easy;
    client->nidle++;
}

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
