/*
 * The sandbox as a whole: what holds for all five APIs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

static const char *const apis[] = {"famulor", "autocalls", "vatel", "bolna", "bolna_trunk"};
enum { APIS = sizeof apis / sizeof apis[0] };

static const char *const lists[] = {"/user/phone-numbers/sip-trunks",
                                    "/user/phone-numbers/sip-trunks", "/sip-trunks",
                                    "/sip-trunks/trunks", "/trunk/trunks"};

static char *report(const char *spec, const char *what)
{
    sandbox_client client;
    sandbox_client_open(&client, "", spec);
    char *text = th_sandbox_report(client.sandbox, what);
    sandbox_client_close(&client);
    return text;
}

TEST(same_seed_same_state)
{
    char *one = report("seed=7,trunks=20", "state"), *two = report("seed=7,trunks=20", "state");
    char *other = report("seed=8,trunks=20", "state");
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
    free(one);
    free(two);
    free(other);
}

/* The same requests lead to the same state, new ids and times included. */
TEST(same_requests_same_state)
{
    char *states[2];
    for (int i = 0; i < 2; i++) {
        sandbox_client client;
        sandbox_client_open(&client, "famulor", "limits=none");
        assert_int_equal(sandbox_client_send(&client, "PUT", "/user/phone-numbers/sip-trunks/42",
                                             "{\"sip_password\":\"abc\"}"),
                         200);
        states[i] = th_sandbox_report(client.sandbox, "state");
        sandbox_client_close(&client);
    }
    assert_string_equal(states[0], states[1]);
    free(states[0]);
    free(states[1]);
}

TEST(twelve_trunks_by_default_and_as_many_as_asked)
{
    static const struct {
        const char *spec;
        size_t count;
    } cases[] = {{"", 12}, {"trunks=0", 0}, {"trunks=1", 1}, {"trunks=137", 137}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = report(cases[i].spec, "state");
        json_t *all = json_loads(text, 0, NULL);
        for (int j = 0; j < APIS; j++) {
            json_t *trunks = json_object_get(json_object_get(all, apis[j]), "trunks");
            assert_int_equal(json_array_size(trunks), cases[i].count);
        }
        json_decref(all);
        free(text);
    }
}

/* Only hosts and addresses that are reserved for documentation. */
TEST(seeds_name_no_real_host)
{
    static const char *const hosts[] = {"sip_address", "inbound_host", "outbound_host"};
    char *text = report("trunks=40", "state");
    json_t *all = json_loads(text, 0, NULL), *trunk;
    for (int i = 0; i < APIS; i++) {
        size_t j;
        json_array_foreach(json_object_get(json_object_get(all, apis[i]), "trunks"), j, trunk)
        {
            for (size_t k = 0; k < sizeof hosts / sizeof hosts[0]; k++) {
                const char *host = json_string_value(json_object_get(trunk, hosts[k]));
                assert_true(!host || strstr(host, ".example.") ||
                            strncmp(host, "203.0.113.", 10) == 0 ||
                            strncmp(host, "198.51.100.", 11) == 0);
            }
        }
    }
    json_decref(all);
    free(text);
}

TEST(every_list_answers_and_shows_no_password)
{
    SANDBOX(client, "", "");
    for (int i = 0; i < APIS; i++) {
        client.api = apis[i];
        assert_int_equal(sandbox_client_send(&client, "GET", lists[i], NULL), 200);
        json_t *data = json_at(client.json, "data");
        assert_int_equal(json_array_size(data ? data : client.json), 12);
        assert_null(strstr(client.text.data, "password"));
        assert_string_equal(sandbox_client_header(&client, "Content-Type"), "application/json");
    }
    assert_int_equal(sandbox_client_violations(&client), 0);
}

TEST(each_platform_refuses_a_bad_token_in_its_own_way)
{
    static const struct {
        long bad, missing;
        const char *bad_path, *bad_text, *missing_path, *missing_text;
    } cases[APIS] = {
        {401, 401, "error", "Invalid API key", "error", "Missing Authorization header"},
        {401, 401, "message", "Unauthenticated.", "message", "Unauthenticated."},
        {401, 401, "", "absent", "", "absent"},
        {403, 401, "detail", "Invalid or expired API key", "error", "401"},
        {403, 401, "detail", "Invalid or expired API key", "error", "401"},
    };
    SANDBOX(client, "", "token=right");
    for (int i = 0; i < APIS; i++) {
        client.api = apis[i];
        client.token = "wrong";
        assert_int_equal(sandbox_client_send(&client, "GET", lists[i], NULL), cases[i].bad);
        assert_string_equal(text_at(client.json, cases[i].bad_path), cases[i].bad_text);
        size_t before = sandbox_client_violations(&client);
        client.token = NULL;
        assert_int_equal(sandbox_client_send(&client, "GET", lists[i], NULL), cases[i].missing);
        assert_string_equal(text_at(client.json, cases[i].missing_path), cases[i].missing_text);
        assert_int_equal(sandbox_client_violations(&client), before + 1);
        client.token = "right";
        assert_int_equal(sandbox_client_send(&client, "GET", lists[i], NULL), 200);
    }
}

/* What no platform documents is refused by each with its status for bad requests, and remembered.
 */
TEST(malformed_requests_are_refused_and_recorded)
{
    static const long invalid[APIS] = {422, 422, 400, 400, 422};
    static const struct {
        const char *body, *type, *violation;
    } cases[] = {
        {"{}", NULL, "content_type"},
        {"{}", "text/plain", "content_type"},
        {"{}", "application/jsonp", "content_type"},
        {"{\"name\":\"a\",\"name\":\"b\"}", "application/json", "duplicate_key"},
        {"{\"name\":", "application/json", "malformed_json"},
        {"{\"name\":\"\xff\"}", "application/json", "malformed_json"},
        {"[]", "application/json", "wrong_type"},
        {"\"text\"", "application/json", "wrong_type"},
        {"{\"nobody_knows\":1}", "application/json; charset=utf-8", "unknown_field"},
        {"", "application/json", "malformed_json"},
    };
    SANDBOX(client, "", "limits=none");
    for (int i = 0; i < APIS; i++) {
        client.api = apis[i];
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            client.content_type = cases[j].type;
            sandbox_case form[] = {
                {"POST", lists[i], cases[j].body, invalid[i], cases[j].violation}, {0}};
            sandbox_client_expect(&client, form);
        }
        client.content_type = "application/json";
        sandbox_case form[] = {
            {"GET", lists[i], "{}", invalid[i], "not_allowed"},
            {"GET", "/nothing/here", NULL, 404, "no_endpoint"},
            {"GET", "/", NULL, 404, "no_endpoint"},
            {"TRACK", lists[i], NULL, 405, "no_method"},
            {0},
        };
        sandbox_client_expect(&client, form);
    }
}

TEST(query_parameters_are_checked)
{
    static const long invalid[APIS] = {422, 422, 400, 400, 422};
    SANDBOX(client, "", "limits=none");
    for (int i = 0; i < APIS; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s?nonsense=1", lists[i]);
        client.api = apis[i];
        sandbox_case query[] = {{"GET", path, NULL, invalid[i], "unknown_field"}, {0}};
        sandbox_client_expect(&client, query);
    }
}

TEST(paths_below_no_api_are_violations)
{
    static const sandbox_case cases[] = {
        {"GET", "/", NULL, 404, "no_endpoint"},
        {"GET", "/famulor/apis/user/me", NULL, 404, "no_endpoint"},
        {"GET", "/bolna_trunks/trunk/trunks", NULL, 404, "no_endpoint"},
        {"GET", "/vatel/v1/%zz", NULL, 404, "no_endpoint"},
        {0},
    };
    SANDBOX(client, "", "");
    sandbox_client_expect(&client, cases);
}

TEST(an_oversized_body_is_refused)
{
    SANDBOX(client, "vatel", "");
    size_t length = 1200000;
    char *body = malloc(length + 1);
    assert_non_null(body);
    memset(body, ' ', length);
    body[length] = '\0';
    const sandbox_case cases[] = {{"POST", "/sip-trunks", body, 400, "too_large"}, {0}};
    sandbox_client_expect(&client, cases);
    free(body);
}

TEST(the_log_tells_every_request_in_order)
{
    static const char body[] = "{\"sip_password\":\"s3cret\"}";
    SANDBOX(client, "famulor", "");
    sandbox_client_send(&client, "GET", "/user/me", NULL);
    sandbox_client_send(&client, "PUT", "/user/phone-numbers/sip-trunks/42", body);
    sandbox_client_send(&client, "PUT", "/user/phone-numbers/sip-trunks/99999", body);
    json_t *log = sandbox_client_report(&client, "log");
    assert_int_equal(json_array_size(log), 3);
    assert_string_equal(text_at(log, "0.path"), "/famulor/api/user/me");
    assert_string_equal(text_at(log, "0.applied"), "false");
    assert_string_equal(text_at(log, "0.body"), "null");
    assert_string_equal(text_at(log, "1.n"), "2");
    assert_string_equal(text_at(log, "1.api"), "famulor");
    assert_string_equal(text_at(log, "1.method"), "PUT");
    assert_string_equal(text_at(log, "1.status"), "200");
    assert_string_equal(text_at(log, "1.applied"), "true");
    assert_string_equal(text_at(log, "1.body"), body);
    assert_string_equal(text_at(log, "2.status"), "404");
    assert_string_equal(text_at(log, "2.applied"), "false");
    json_decref(log);

    json_t *counts = sandbox_client_report(&client, "counts");
    assert_string_equal(text_at(counts, "requests"), "3");
    assert_string_equal(text_at(counts, "famulor.methods.PUT"), "2");
    assert_string_equal(text_at(counts, "famulor.statuses.404"), "1");
    assert_string_equal(text_at(counts, "vatel.requests"), "0");
    json_decref(counts);
}

/* The admin paths answer like the C functions, count no request, and reset brings back the start.
 */
TEST(reset_brings_back_the_start)
{
    SANDBOX(client, "", "");
    client.token = NULL;
    assert_int_equal(sandbox_client_send(&client, "GET", "/_sandbox/state", NULL), 200);
    json_t *before = json_incref(client.json);
    client.api = "famulor";
    client.token = "sandbox";
    sandbox_client_send(&client, "DELETE", "/user/phone-numbers/42", NULL);
    sandbox_client_send(&client, "GET", "/nothing", NULL);
    client.api = "";
    sandbox_client_send(&client, "GET", "/_sandbox/state", NULL);
    assert_false(json_equal(before, client.json));
    assert_int_equal(sandbox_client_send(&client, "POST", "/_sandbox/reset", NULL), 200);
    sandbox_client_send(&client, "GET", "/_sandbox/state", NULL);
    assert_true(json_equal(before, client.json));
    sandbox_client_send(&client, "GET", "/_sandbox/counts", NULL);
    assert_string_equal(text_at(client.json, "requests"), "0");
    sandbox_client_send(&client, "GET", "/_sandbox/log", NULL);
    assert_int_equal(json_array_size(client.json), 0);
    sandbox_client_send(&client, "GET", "/_sandbox/violations", NULL);
    assert_int_equal(json_array_size(client.json), 0);
    assert_int_equal(sandbox_client_send(&client, "GET", "/_sandbox/nothing", NULL), 404);
    json_decref(before);
}

TEST(it_says_where_it_is)
{
    static const char *const ends[APIS] = {"/famulor/api", "/autocalls/api", "/vatel/v1", "/bolna",
                                           "/bolna_trunk"};
    SANDBOX(client, "", "token=abc");
    for (int i = 0; i < APIS; i++) {
        char url[96];
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", th_sandbox_port(client.sandbox),
                 ends[i]);
        assert_string_equal(th_sandbox_base_url(client.sandbox, apis[i]), url);
    }
    assert_null(th_sandbox_base_url(client.sandbox, "other"));
    assert_string_equal(th_sandbox_token(client.sandbox), "abc");
    assert_null(th_sandbox_report(client.sandbox, "other"));
}

enum { CONNECTIONS = 256 };

/* Many transfers at once, each on a connection of its own. */
typedef struct crowd {
    CURLM *multi;
    CURL *easies[CONNECTIONS];
    struct curl_slist *headers;
} crowd;

static size_t discard(char *data, size_t size, size_t count, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * count;
}

static void crowd_open(crowd *c, th_sandbox *sandbox)
{
    char url[128];
    snprintf(url, sizeof url, "%s/organization", th_sandbox_base_url(sandbox, "vatel"));
    c->multi = curl_multi_init();
    c->headers = curl_slist_append(NULL, "Authorization: Bearer sandbox");
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++) {
        c->easies[i] = curl_easy_init();
        curl_easy_setopt(c->easies[i], CURLOPT_URL, url);
        curl_easy_setopt(c->easies[i], CURLOPT_HTTPHEADER, c->headers);
        curl_easy_setopt(c->easies[i], CURLOPT_PROXY, "");
        curl_easy_setopt(c->easies[i], CURLOPT_WRITEFUNCTION, discard);
        curl_easy_setopt(c->easies[i], CURLOPT_TIMEOUT, 60L); /* only if it hangs */
    }
}

static void crowd_start(crowd *c)
{
    for (int i = 0; i < CONNECTIONS; i++)
        curl_multi_add_handle(c->multi, c->easies[i]);
}

static void crowd_stop(crowd *c)
{
    for (int i = 0; i < CONNECTIONS; i++)
        curl_multi_remove_handle(c->multi, c->easies[i]);
}

static void crowd_close(crowd *c)
{
    for (int i = 0; i < CONNECTIONS; i++)
        curl_easy_cleanup(c->easies[i]);
    curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->headers);
}

/* A minute of latency: all requests are taken before one is answered, and stopping does not wait.
 */
TEST(late_replies_block_nobody)
{
    sandbox_client client;
    crowd c;
    int running = CONNECTIONS;
    sandbox_client_open(&client, "vatel", "latency=60000");
    crowd_open(&c, client.sandbox);
    crowd_start(&c);
    for (json_int_t seen = 0; seen < CONNECTIONS;) {
        curl_multi_perform(c.multi, &running);
        curl_multi_poll(c.multi, NULL, 0, 10, NULL);
        assert_int_equal(running, CONNECTIONS);
        json_t *counts = sandbox_client_report(&client, "counts");
        seen = json_integer_value(json_object_get(counts, "requests"));
        json_decref(counts);
    }
    sandbox_client_close(&client);
    crowd_stop(&c);
    crowd_close(&c);
}

/* Replies that become due together are all sent, and the kept connections serve again. */
TEST(many_late_replies_all_come)
{
    crowd c;
    SANDBOX(client, "vatel", "latency=20");
    crowd_open(&c, client.sandbox);
    for (int round = 0; round < 5; round++) {
        int running = CONNECTIONS, left;
        crowd_start(&c);
        while (running) {
            curl_multi_perform(c.multi, &running);
            curl_multi_poll(c.multi, NULL, 0, 1000, NULL);
        }
        for (CURLMsg *message; (message = curl_multi_info_read(c.multi, &left));)
            assert_int_equal(message->data.result, CURLE_OK);
        crowd_stop(&c);
    }
    crowd_close(&c);
}
