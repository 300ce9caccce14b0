/*
 * Bolna's newer API (/trunk) in the sandbox, as documented.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

#define TRUNKS  "/trunk/trunks"
#define UNKNOWN "00000000-0000-4000-8000-000000000000"

typedef struct world {
    sandbox_client client;
    char first[64], plain[64]; /* paths of trunks; plain has no credentials */
    char agent[40];
} world;

static void open_world(world *w, const char *spec)
{
    sandbox_client_open(&w->client, "bolna_trunk", spec);
    json_t *all = sandbox_client_report(&w->client, "state");
    snprintf(w->first, sizeof w->first, TRUNKS "/%.36s", text_at(all, "bolna_trunk.trunks.0.id"));
    snprintf(w->plain, sizeof w->plain, TRUNKS "/%.36s", text_at(all, "bolna_trunk.trunks.2.id"));
    snprintf(w->agent, sizeof w->agent, "%.36s", text_at(all, "bolna_trunk.agents.0.id"));
    assert_string_equal(text_at(all, "bolna_trunk.trunks.2.auth_username"), "null");
    json_decref(all);
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    open_world(w, "");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    sandbox_client_close(&w->client);
    free(w);
    return 0;
}

#define SANDBOX_TEST(name) TEST_WITH(setup, teardown, name, world *w)

TEST(the_list_comes_in_pages)
{
    world w;
    open_world(&w, "trunks=120");
    static const struct {
        const char *path, *more;
        size_t count;
    } pages[] = {{TRUNKS, "true", 50},
                 {TRUNKS "?page_number=2&page_size=50", "true", 50},
                 {TRUNKS "?page_number=3&page_size=50", "false", 20},
                 {TRUNKS "?page_number=4&page_size=50", "false", 0},
                 {TRUNKS "?page_number=12&page_size=10", "false", 10}};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        assert_int_equal(sandbox_client_send(&w.client, "GET", pages[i].path, NULL), 200);
        assert_int_equal(json_array_size(json_at(w.client.json, "data")), pages[i].count);
        assert_string_equal(text_at(w.client.json, "has_more"), pages[i].more);
        assert_string_equal(text_at(w.client.json, "total"), "120");
    }
    static const sandbox_case cases[] = {
        {"GET", TRUNKS "?page_size=51", NULL, 422, "malformed"},
        {"GET", TRUNKS "?page_number=0", NULL, 422, "malformed"},
        {"GET", TRUNKS "?page_number=1.0", NULL, 422, "malformed"},
        {"GET", TRUNKS "?page_number=1&page_number=2", NULL, 422, "repeated"},
        {0},
    };
    sandbox_client_expect(&w.client, cases);
    sandbox_client_close(&w.client);
}

SANDBOX_TEST(create_answers_200_with_defaults)
{
    static const char *const defaults[][2] = {
        {"is_active", "true"}, {"inbound_enabled", "true"}, {"outbound_enabled", "true"},
        {"channels", "10"},    {"auth_username", "null"},   {"auth_password", "absent"},
        {"preset", "null"},    {"description", "null"},     {"default_inbound_agent_id", "null"},
    };
    assert_int_equal(sandbox_client_send(&w->client, "POST", TRUNKS, "{\"name\":\"One\"}"), 200);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        assert_string_equal(text_at(w->client.json, defaults[i][0]), defaults[i][1]);
    assert_int_equal(
        sandbox_client_send(
            &w->client, "POST", TRUNKS,
            "{\"name\":\"Two\",\"gateways\":[{\"host\":\"b.example.com\",\"priority\":2},"
            "{\"host\":\"a.example.com\",\"port\":5070,\"priority\":1}],"
            "\"ip_acls\":[{\"cidr\":\"203.0.113.9\"}],"
            "\"auth_username\":\"u\",\"auth_password\":\"p\"}"),
        200);
    assert_string_equal(text_at(w->client.json, "gateways.0.host"), "a.example.com");
    assert_string_equal(text_at(w->client.json, "gateways.1.port"), "5060");
    assert_string_equal(text_at(w->client.json, "ip_acls.0.cidr"), "203.0.113.9/32");
    assert_string_equal(text_at(w->client.json, "auth_username"), "u");
}

SANDBOX_TEST(bodies_are_checked)
{
    char nine[512] = "{\"name\":\"x\",\"gateways\":[", long_name[160];
    for (int i = 0; i < 9; i++)
        strcat(nine, i ? ",{\"host\":\"a.example.com\"}" : "{\"host\":\"a.example.com\"}");
    strcat(nine, "]}");
    snprintf(long_name, sizeof long_name, "{\"name\":\"%0101d\"}", 0);
    const sandbox_case cases[] = {
        {"POST", TRUNKS, "{}", 422, "missing"},
        {"POST", TRUNKS, "{\"name\":\"\"}", 422, "too_small"},
        {"POST", TRUNKS, long_name, 422, "too_large"},
        {"POST", TRUNKS, nine, 422, "too_large"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"numbers\":[]}", 422, "unknown_field"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"auth_username\":\"u\"}", 422, "rule"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"transport\":\"tls\"}", 422, "not_a_choice"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"codecs\":\"PCMU,ulaw\"}", 422, "malformed"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"codecs\":\"\"}", 422, "malformed"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"channels\":1001}", 422, "too_large"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"channels\":10.0}", 422, "wrong_type"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"default_inbound_agent_id\":\"x\"}", 422, "malformed"},
        {"POST", TRUNKS, "{\"name\":\"x\",\"default_inbound_agent_id\":\"" UNKNOWN "\"}", 404,
         NULL},
        {"PATCH", w->first, "{\"description\":null,\"preset\":null}", 200, NULL},
        {"PATCH", w->first, "{\"gateways\":[]}", 422, "unknown_field"},
        {"PATCH", w->first, "{\"ip_acls\":[]}", 422, "unknown_field"},
        {"PATCH", w->first, "{\"name\":null}", 422, "wrong_type"},
        {"PATCH", w->first, "{\"preset\":\"zadarma\"}", 422, "not_a_choice"},
        {"PATCH", TRUNKS "/" UNKNOWN, "{\"name\":\"x\"}", 404, NULL},
        {"GET", TRUNKS "/42.0", NULL, 422, "bad_id"},
        {"GET", TRUNKS "/" UNKNOWN, NULL, 404, NULL},
        {"GET", "/trunk/pop", NULL, 200, NULL},
        {"GET", "/user/me", NULL, 200, NULL},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
}

SANDBOX_TEST(credentials_come_in_pairs)
{
    const sandbox_case cases[] = {
        {"PATCH", w->first, "{\"auth_password\":\"new\"}", 422, "rule"},
        {"PATCH", w->first, "{\"auth_username\":\"new\"}", 422, "rule"},
        {"PATCH", w->first, "{\"auth_username\":\"u\",\"auth_password\":null}", 422, "rule"},
        {"PATCH", w->first, "{\"auth_username\":null,\"auth_password\":\"p\"}", 422, "rule"},
        {"PATCH", w->first, "{\"auth_username\":\"u\",\"auth_password\":\"\"}", 422, "too_small"},
        {"PATCH", w->first, "{\"auth_username\":\"u\",\"auth_password\":\"new\"}", 200, NULL},
        {"PATCH", w->plain, "{\"auth_username\":null,\"auth_password\":null}", 200, NULL},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
    json_t *all = sandbox_client_report(&w->client, "state");
    assert_string_equal(text_at(all, "bolna_trunk.trunks.0.auth_password"), "new");
    json_decref(all);
    sandbox_client_send(&w->client, "PATCH", w->first, "{\"auth_password\":\"new\"}");
    assert_string_equal(text_at(w->client.json, "detail.0.loc.1"), "auth_username");
}

SANDBOX_TEST(gateways_and_addresses_are_added_and_removed)
{
    sandbox_client *client = &w->client;
    char gateways[96], acls[96], one[160];
    snprintf(gateways, sizeof gateways, "%s/gateways", w->first);
    snprintf(acls, sizeof acls, "%s/ip-acls", w->first);
    for (int i = 1; i < 8; i++)
        assert_int_equal(sandbox_client_send(client, "POST", gateways,
                                             "{\"host\":\"gw.example.com\",\"priority\":1}"),
                         200);
    snprintf(one, sizeof one, "%s/%.36s", gateways, text_at(client->json, "id"));
    const sandbox_case cases[] = {
        {"POST", gateways, "{\"host\":\"gw.example.com\"}", 422, "too_large"},
        {"DELETE", one, NULL, 200, NULL},
        {"DELETE", one, NULL, 404, NULL},
        {"POST", gateways, "{\"port\":5060}", 422, "missing"},
        {"POST", gateways, "{\"host\":\"gw.example.com\",\"port\":65536}", 422, "too_large"},
        {"POST", gateways, "{\"host\":\"gw.example.com:5060\"}", 422, "malformed"},
        {"POST", acls, "{\"cidr\":\"203.0.113.77\"}", 200, NULL},
        {"POST", acls, "{\"cidr\":\"203.0.113.0/33\"}", 422, "malformed"},
        {"POST", acls, "{\"cidr\":\"host.example.com\"}", 422, "malformed"},
        {"POST", acls, "{\"cidr\":\"2001:db8::1\"}", 200, NULL},
        {0},
    };
    sandbox_client_expect(client, cases);
    assert_string_equal(text_at(client->json, "cidr"), "2001:db8::1/128");
    snprintf(one, sizeof one, "%s/%.36s", acls, text_at(client->json, "id"));
    assert_int_equal(sandbox_client_send(client, "DELETE", one, NULL), 200);
    assert_int_equal(sandbox_client_send(client, "GET", w->first, NULL), 200);
    assert_string_equal(text_at(client->json, "ip_acls.1.cidr"), "203.0.113.77/32");
    assert_int_equal(json_array_size(json_at(client->json, "ip_acls")), 2);
}

SANDBOX_TEST(numbers_are_assigned_without_the_trunk_in_the_path)
{
    sandbox_client *client = &w->client;
    char numbers[96], body[192], assign[96], number[160], of_trunk[160];
    snprintf(numbers, sizeof numbers, "%s/numbers", w->first);
    snprintf(body, sizeof body,
             "{\"e164\":\"+4930231250\",\"destination_key\":\"4930231250\",\"agent_id\":\"%s\"}",
             w->agent);
    assert_int_equal(sandbox_client_send(client, "POST", numbers, body), 200);
    assert_string_equal(text_at(client->json, "agent_id"), w->agent);
    assert_string_equal(text_at(client->json, "is_deleted"), "false");
    snprintf(number, sizeof number, "/trunk/numbers/%.36s", text_at(client->json, "id"));
    snprintf(of_trunk, sizeof of_trunk, "%s/%.36s", numbers, text_at(client->json, "id"));
    snprintf(assign, sizeof assign, "{\"agent_id\":\"%s\"}", w->agent);

    assert_int_equal(sandbox_client_send(client, "PATCH", number, ""),
                     200); /* nothing at all clears */
    assert_string_equal(text_at(client->json, "agent_id"), "null");
    const sandbox_case cases[] = {
        {"PATCH", number, assign, 200, NULL},
        {"PATCH", number, "{\"agent_id\":\"" UNKNOWN "\"}", 404, NULL},
        {"PATCH", number, "{\"agent_id\":7}", 422, "wrong_type"},
        {"POST", numbers, body, 409, NULL},
        {"POST", numbers, "{\"e164\":\"4930231251\",\"destination_key\":\"x\"}", 422, "malformed"},
        {"POST", numbers, "{\"e164\":\"+0930231251\",\"destination_key\":\"x\"}", 422, "malformed"},
        {"POST", numbers, "{\"e164\":\"+123456\",\"destination_key\":\"x\"}", 422, "malformed"},
        {"POST", numbers, "{\"e164\":\"+1234567\",\"destination_key\":\"\"}", 422, "too_small"},
        {"POST", numbers, "{\"e164\":\"+1234567\",\"destination_key\":\"x\"}", 200, NULL},
        {"PATCH", number, "{}", 200, NULL}, /* and so does an empty object */
        {0},
    };
    sandbox_client_expect(client, cases);
    assert_string_equal(text_at(client->json, "agent_id"), "null");
    const sandbox_case removal[] = {
        {"DELETE", of_trunk, NULL, 200, NULL},
        {"PATCH", number, assign, 404, NULL},
        {"POST", numbers, body, 200, NULL}, /* it may be added again */
        {0},
    };
    sandbox_client_expect(client, removal);
}

SANDBOX_TEST(delete_takes_the_numbers_along)
{
    char number[96];
    sandbox_client_send(&w->client, "GET", w->first, NULL);
    snprintf(number, sizeof number, "/trunk/numbers/%.36s",
             text_at(w->client.json, "numbers.0.id"));
    const sandbox_case cases[] = {
        {"DELETE", w->first, NULL, 200, NULL},
        {"GET", w->first, NULL, 404, NULL},
        {"PATCH", number, "{}", 404, NULL},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
}
