/* TLS: verified always, from one CA store, with sessions shared between handles. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "nginx.h"
#include "scratch_folder.h"
#include "test.h"

enum { GOOD, WRONG_HOST, UNKNOWN_CA, OLD, NOT_TLS };

static const char servers[] =
    "  log_format target '$request_uri'; access_log @dir@/access.log target;\n"
    "  server { listen @0@ ssl; ssl_session_cache shared:test:1m;\n"
    "    location /keep { return 200 '$ssl_protocol'; }\n"
    "    location /close { keepalive_timeout 0; return 200 '$ssl_session_reused'; } }\n"
    "  server { listen @1@ ssl; ssl_certificate @dir@/other.pem;\n"
    "    ssl_certificate_key @dir@/other.key; return 200; }\n"
    "  server { listen @2@ ssl; ssl_certificate @dir@/stranger.pem;\n"
    "    ssl_certificate_key @dir@/stranger.key; return 200; }\n"
    "  server { listen @3@ ssl; ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;\n"
    "    return 200; }\n"
    "  server { listen @4@; return 200; }\n";

/* How often files of certificates are opened, by name. */
static struct {
    const char *path;
    size_t opened;
} watched;

static FILE *open_watched(const char *call, const char *path, const char *mode)
{
    FILE *(*real)(const char *, const char *);

    if (watched.path && strcmp(path, watched.path) == 0)
        watched.opened++;
    *(void **)&real = dlsym(RTLD_NEXT, call);
    return real(path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return open_watched("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return open_watched("fopen64", path, mode);
}

static int start_server(void **state)
{
    *state = nginx_start(servers);
    return 0;
}

static int stop_server(void **state)
{
    nginx_stop(*state);
    return net_group_over(state);
}

TEST_GROUP(start_server, stop_server)

static nginx *server;

static int before(void **state)
{
    server = *state;
    return net_descriptors_before(state);
}

static int after(void **state)
{
    return net_descriptors_after(state);
}

#define TLS_TEST(name) TEST_BETWEEN(before, after, name)

/* Everything that must not be sent has this path; the server would have noted it. */
static void expect_refused(size_t which, const char *ca_file, const char *reason)
{
    struct net net;
    net_open(&net, &(th_client_options){.ca_file = ca_file});
    struct fetch fetch = {0};
    fetch_run(&net, &fetch, "POST", nginx_url(server, which), "/must-not-arrive", "{}");
    assert_int_equal(fetch.transfer.fate, TH_FATE_UNSENT);
    assert_int_equal(fetch.transfer.kind, TH_TLS);
    assert_int_equal(fetch.transfer.status, 0);
    if (!strstr(fetch.transfer.problem, reason) || !strstr(fetch.transfer.problem, "localhost"))
        fail_msg("problem: \"%s\"", fetch.transfer.problem);
    fetch_close(&fetch);
    net_close(&net);
    char *log = nginx_file(server, "access.log");
    assert_null(strstr(log, "must-not-arrive"));
    free(log);
}

TLS_TEST(a_certificate_of_the_given_authority_is_accepted)
{
    NET(net, .ca_file = nginx_ca(server));
    FETCH(fetch);
    fetch_run(&net, &fetch, "POST", nginx_url(server, GOOD), "/keep", "{}");
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    assert_int_equal(fetch.transfer.status, 200);
    assert_true(strcmp(fetch_text(&fetch), "TLSv1.3") == 0 ||
                strcmp(fetch_text(&fetch), "TLSv1.2") == 0);
}

TLS_TEST(ssl_cert_file_names_the_authorities_where_no_ca_file_is_given)
{
    struct net net;
    struct fetch fetch = {0};
    setenv("SSL_CERT_FILE", nginx_ca(server), 1);
    net_open(&net, &(th_client_options){0});
    fetch_run(&net, &fetch, "POST", nginx_url(server, GOOD), "/keep", "{}");
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    fetch_close(&fetch);
    net_close(&net);
    setenv("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt", 1);
    net_open(&net, &(th_client_options){.ca_file = nginx_ca(server)});
    fetch = (struct fetch){0};
    fetch_run(&net, &fetch, "POST", nginx_url(server, GOOD), "/keep", "{}");
    assert_int_equal(fetch.transfer.fate, TH_FATE_REPLIED);
    fetch_close(&fetch);
    net_close(&net);
    unsetenv("SSL_CERT_FILE");
}

TLS_TEST(a_certificate_for_another_host_is_refused)
{
    expect_refused(WRONG_HOST, nginx_ca(server), "no alternative certificate subject name");
}

TLS_TEST(a_certificate_of_an_unknown_authority_is_refused)
{
    expect_refused(UNKNOWN_CA, nginx_ca(server), "certificate problem: self-signed certificate");
    /* the system's authorities do not know the test's */
    expect_refused(GOOD, NULL, "certificate problem: unable to get local issuer certificate");
}

TLS_TEST(old_versions_are_refused)
{
    expect_refused(OLD, nginx_ca(server), "");
}

TLS_TEST(a_server_that_does_not_speak_tls_is_refused)
{
    expect_refused(NOT_TLS, nginx_ca(server), "");
}

TLS_TEST(a_ca_file_without_certificates_is_refused)
{
    char *folder = scratch_create(), *path = scratch_path(folder, "empty.pem");
    static const char *const texts[] = {
        "", "nothing\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n"};
    uv_loop_t loop;
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        th_client *client = NULL;
        th_error err = {0};
        scratch_write(path, texts[i], strlen(texts[i]), 0600);
        assert_int_equal(
            th_client_create(&loop, &(th_client_options){.ca_file = path}, &client, &err),
            -TH_INVALID);
        assert_non_null(strstr(err.message, path));
        assert_non_null(strstr(err.message, "holds no certificate"));
        th_error_close(&err);
    }
    uv_loop_close(&loop);
    free(path);
    scratch_destroy(folder);
}

TLS_TEST(sessions_are_shared_between_handles)
{
    NET(net, .ca_file = nginx_ca(server), .http = TH_HTTP_1_1);
    struct fetch fetches[4] = {0};
    fetch_run(&net, &fetches[0], "GET", nginx_url(server, GOOD), "/close", NULL);
    assert_string_equal(fetch_text(&fetches[0]), ".");
    for (size_t i = 0; i < 4; i++)
        fetch_start(&net, &fetches[i], "GET", nginx_url(server, GOOD), "/close", NULL);
    net_run(&net);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(fetch_text(&fetches[i]), "r");
        fetch_close(&fetches[i]);
    }
}

TLS_TEST(the_authorities_are_read_once_for_all_connections)
{
    NET(net, .ca_file = nginx_ca(server), .http = TH_HTTP_1_1);
    watched.path = nginx_ca(server);
    watched.opened = 0;
    FETCH(fetch);
    for (size_t i = 0; i < 10; i++) {
        fetch_run(&net, &fetch, "GET", nginx_url(server, GOOD), "/close", NULL);
        assert_int_equal(fetch.transfer.status, 200);
    }
    struct th_client_stats stats;
    th_client_stats(net.client, &stats);
    assert_int_equal(stats.connections, 10);
    assert_int_equal(watched.opened, 1);
    watched.path = NULL;
}

TLS_TEST(a_client_may_be_destroyed_during_the_handshake)
{
    for (int turns = 0; turns < 10; turns++) {
        struct net net;
        net_open(&net, &(th_client_options){.ca_file = nginx_ca(server)});
        struct fetch fetches[3] = {0};
        for (size_t i = 0; i < 3; i++)
            fetch_start(&net, &fetches[i], "PUT", nginx_url(server, GOOD), "/keep", "{}");
        for (int i = 0; i < turns; i++)
            uv_run(&net.loop, UV_RUN_NOWAIT);
        net_close(&net);
        for (size_t i = 0; i < 3; i++) {
            assert_true(fetches[i].done || fetches[i].transfer.kind == TH_CANCELLED);
            assert_true(fetches[i].transfer.sent || fetches[i].transfer.fate == TH_FATE_UNSENT);
            fetch_close(&fetches[i]);
        }
    }
}
