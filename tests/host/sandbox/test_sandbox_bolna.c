/*
 * Bolna's older API (/sip-trunks) in the sandbox, as documented.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

#define TRUNKS  "/sip-trunks/trunks"
#define UNKNOWN "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define GATEWAY "\"gateways\":[{\"gateway_address\":\"sip.example.com\"}]"
#define USER(name, more)                                                                           \
    "{\"name\":\"" name "\",\"provider\":\"custom\",\"auth_type\":\"userpass\","                   \
    "\"auth_username\":\"u\",\"auth_password\":\"p\"," GATEWAY more "}"
#define BY_IP(name, more)                                                                          \
    "{\"name\":\"" name "\",\"provider\":\"custom\",\"auth_type\":\"ip-based\"," GATEWAY more "}"

typedef struct world {
    sandbox_client client;
    char userpass[64], tls[64], by_ip[64]; /* paths of trunks */
    char agent[40], other_agent[40];
} world;

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    sandbox_client_open(&w->client, "bolna", "");
    json_t *all = sandbox_client_report(&w->client, "state");
    snprintf(w->userpass, sizeof w->userpass, TRUNKS "/%.26s", text_at(all, "bolna.trunks.0.id"));
    snprintf(w->tls, sizeof w->tls, TRUNKS "/%.26s", text_at(all, "bolna.trunks.1.id"));
    snprintf(w->by_ip, sizeof w->by_ip, TRUNKS "/%.26s", text_at(all, "bolna.trunks.2.id"));
    snprintf(w->agent, sizeof w->agent, "%.36s", text_at(all, "bolna.agents.0.id"));
    snprintf(w->other_agent, sizeof w->other_agent, "%.36s", text_at(all, "bolna.agents.1.id"));
    assert_string_equal(text_at(all, "bolna.trunks.1.media_encryption"), "sdes");
    assert_string_equal(text_at(all, "bolna.trunks.2.auth_type"), "ip-based");
    json_decref(all);
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

SANDBOX_TEST(shapes_are_bare_and_usernames_belong_to_userpass)
{
    sandbox_client *client = &w->client;
    assert_int_equal(sandbox_client_send(client, "GET", TRUNKS, NULL), 200);
    assert_true(json_is_array(client->json));
    assert_int_equal(json_array_size(client->json), 12);
    assert_string_equal(text_at(client->json, "2.auth_username"), "absent");
    assert_int_equal(sandbox_client_send(client, "GET", w->userpass, NULL), 200);
    assert_string_equal(text_at(client->json, "auth_type"), "userpass");
    assert_string_not_equal(text_at(client->json, "auth_username"), "absent");
    assert_string_equal(text_at(client->json, "auth_password"), "absent");
    assert_string_equal(text_at(client->json, "gateways.0.port"), "5060");
    assert_string_equal(text_at(client->json, "phone_numbers.0.telephony_provider"), "sip-trunk");
    assert_string_equal(text_at(client->json, "phone_numbers.0.deleted"), "false");
    assert_int_equal(sandbox_client_send(client, "GET", "/user/me", NULL), 200);
}

SANDBOX_TEST(the_list_can_be_narrowed)
{
    sandbox_client_send(&w->client, "GET", TRUNKS "?is_active=true", NULL);
    size_t active = json_array_size(w->client.json);
    sandbox_client_send(&w->client, "GET", TRUNKS "?is_active=false", NULL);
    assert_true(active > 0 && active < 12);
    assert_int_equal(active + json_array_size(w->client.json), 12);
    static const sandbox_case cases[] = {{"GET", TRUNKS "?is_active=1", NULL, 400, "not_a_choice"},
                                         {0}};
    sandbox_client_expect(&w->client, cases);
    assert_string_equal(text_at(w->client.json, "error"), "400"); /* a number, not a text */
    assert_true(json_is_integer(json_at(w->client.json, "error")));
}

SANDBOX_TEST(create_is_checked)
{
    static const sandbox_case cases[] = {
        {"POST", TRUNKS, USER("One", ""), 201, NULL},
        {"POST", TRUNKS, USER("One", ""), 400, NULL}, /* names are unique */
        {"POST", TRUNKS, BY_IP("Two", ",\"ip_identifiers\":[{\"ip_address\":\"203.0.113.0/31\"}]"),
         201, NULL},
        {"POST", TRUNKS, BY_IP("Three", ""), 400, "rule"},
        {"POST", TRUNKS, BY_IP("Three", ",\"ip_identifiers\":[]"), 400, "rule"},
        {"POST", TRUNKS, BY_IP("Three", ",\"ip_identifiers\":{}"), 400, "wrong_type"},
        {"POST", TRUNKS,
         BY_IP("Three", ",\"ip_identifiers\":[{\"ip_address\":\"sip.example.com\"}]"), 400,
         "malformed"},
        {"POST", TRUNKS,
         BY_IP("Three",
               ",\"ip_identifiers\":[{\"ip_address\":\"203.0.113.1\"}],\"auth_username\":\"u\""),
         400, "rule"},
        {"POST", TRUNKS,
         "{\"name\":\"X\",\"provider\":\"custom\",\"auth_type\":\"userpass\"," GATEWAY "}", 400,
         "rule"},
        {"POST", TRUNKS, USER("Four", ",\"is_active\":false"), 400, "unknown_field"},
        {"POST", TRUNKS, USER("Four", ",\"media_encryption\":\"sdes\""), 422, "sdes_without_tls"},
        {"POST", TRUNKS, USER("Four", ",\"media_encryption\":false"), 400, "wrong_type"},
        {"POST", TRUNKS,
         USER("Four", ",\"media_encryption\":\"sdes\",\"transport\":\"transport-tls\""), 201, NULL},
        {"POST", TRUNKS, USER("Five", ",\"transport\":\"tls\""), 400, "not_a_choice"},
        {"POST", TRUNKS, USER("Five", ",\"qualify_frequency\":-1"), 400, "too_small"},
        {"POST", TRUNKS, USER("Five", ",\"qualify_frequency\":60.0"), 400, "wrong_type"},
        {"POST", TRUNKS, USER("Five", ",\"description\":null"), 400, "wrong_type"},
        {"POST", TRUNKS, USER("Five", ",\"allow\":\"ulaw,,alaw\""), 400, "malformed"},
        {"POST", TRUNKS, USER("Five", ",\"phone_numbers\":[{}]"), 400, "missing"},
        {"POST", TRUNKS,
         USER("Five",
              ",\"phone_numbers\":[{\"phone_number\":\"100\",\"e164_check_enabled\":true}]"),
         400, "malformed"},
        {"POST", TRUNKS, USER("Five", ",\"phone_numbers\":[{\"phone_number\":\"100\"}]"), 201,
         NULL},
        {"POST", TRUNKS, USER("Six", ",\"phone_numbers\":[{\"phone_number\":\"100\"}]"), 409, NULL},
        {"POST", TRUNKS, "{}", 400, "missing"},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
}

SANDBOX_TEST(create_fills_in_the_documented_defaults)
{
    static const char *const defaults[][2] = {
        {"allow", "ulaw,alaw"},         {"disallow", "all"},
        {"transport", "transport-udp"}, {"media_encryption", "no"},
        {"direct_media", "false"},      {"rtp_symmetric", "true"},
        {"force_rport", "true"},        {"qualify_frequency", "60"},
        {"inbound_enabled", "false"},   {"outbound_leading_plus_enabled", "true"},
        {"gateways.0.port", "5060"},    {"gateways.0.priority", "1"},
    };
    assert_int_equal(sandbox_client_send(&w->client, "POST", TRUNKS, USER("One", "")), 201);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        assert_string_equal(text_at(w->client.json, defaults[i][0]), defaults[i][1]);
}

SANDBOX_TEST(update_is_checked)
{
    const sandbox_case cases[] = {
        {"PATCH", w->userpass, "{\"auth_password\":\"new\"}", 200, NULL},
        {"PATCH", w->userpass, "{\"auth_username\":\"u\",\"auth_password\":\"p\"}", 200, NULL},
        {"PATCH", w->userpass, "{\"auth_password\":\"\"}", 400, "too_small"},
        {"PATCH", w->userpass, "{\"auth_password\":null}", 400, "wrong_type"},
        {"PATCH", w->by_ip, "{\"auth_password\":\"new\"}", 400, "rule"},
        {"PATCH", w->userpass, "{\"provider\":\"twilio\"}", 400, "unknown_field"},
        {"PATCH", w->userpass, "{\"auth_type\":\"ip-based\"}", 400, "unknown_field"},
        {"PATCH", w->userpass, "{\"phone_numbers\":[]}", 400, "unknown_field"},
        {"PATCH", w->userpass, "{\"direct_media\":true}", 400, "unknown_field"},
        {"PATCH", w->userpass, "{\"name\":\"Twilio US East\"}", 400, NULL},
        {"PATCH", w->userpass, "{\"name\":\"Zadarma Berlin\"}", 200, NULL}, /* its own */
        {"PATCH", w->userpass, "{\"gateways\":[]}", 400, "too_small"},
        {"PATCH", w->userpass, "{\"gateways\":{}}", 400, "wrong_type"},
        {"PATCH", w->userpass,
         "{\"gateways\":[{\"gateway_address\":\"a.example.com\",\"id\":\"x\"}]}", 400,
         "unknown_field"},
        {"PATCH", w->userpass,
         "{\"gateways\":[{\"gateway_address\":\"a.example.com\",\"port\":0}]}", 400, "too_small"},
        {"PATCH", w->by_ip, "{\"ip_identifiers\":[]}", 400, "rule"},
        {"PATCH", w->userpass, "{\"media_encryption\":\"sdes\"}", 422, "sdes_without_tls"},
        {"PATCH", w->tls, "{\"transport\":\"transport-udp\"}", 422, "sdes_without_tls"},
        {"PATCH", w->tls, "{\"transport\":\"transport-udp\",\"media_encryption\":\"no\"}", 200,
         NULL},
        {"PATCH", w->userpass, "{\"is_active\":false}", 200, NULL},
        {"PATCH", TRUNKS "/" UNKNOWN, "{\"is_active\":false}", 404, NULL},
        {"PATCH", TRUNKS "/42.0", "{\"is_active\":false}", 404, "bad_id"},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
    json_t *all = sandbox_client_report(&w->client, "state");
    assert_string_equal(text_at(all, "bolna.trunks.0.auth_password"), "p");
    json_decref(all);
}

SANDBOX_TEST(lists_that_are_sent_replace_what_was_there)
{
    sandbox_client *client = &w->client;
    char before[64];
    sandbox_client_send(client, "GET", w->tls, NULL);
    assert_int_equal(json_array_size(json_at(client->json, "gateways")), 3);
    snprintf(before, sizeof before, "%.60s", text_at(client->json, "updated_at"));
    assert_int_equal(sandbox_client_send(client, "PATCH", w->tls,
                                         "{\"gateways\":[{\"gateway_address\":\"new.example.com\","
                                         "\"port\":5061}]}"),
                     200);
    assert_int_equal(json_array_size(json_at(client->json, "gateways")), 1);
    assert_string_equal(text_at(client->json, "gateways.0.gateway_address"), "new.example.com");
    assert_string_equal(text_at(client->json, "gateways.0.priority"), "1");
    assert_string_not_equal(text_at(client->json, "gateways.0.id"), "absent");
    assert_int_equal(json_array_size(json_at(client->json, "phone_numbers")), 4);
    assert_true(strcmp(text_at(client->json, "updated_at"), before) > 0);
}

SANDBOX_TEST(numbers_are_a_sub_resource)
{
    sandbox_client *client = &w->client;
    char numbers[96], first[160], elsewhere[160], setup_body[192], again[192], unknown_agent[192];
    char unlink_body[96];
    snprintf(numbers, sizeof numbers, "%s/numbers", w->userpass);
    assert_int_equal(sandbox_client_send(client, "POST", numbers,
                                         "{\"phone_number\":\"4930231255\",\"name\":\"x\"}"),
                     201);
    char id[40];
    snprintf(id, sizeof id, "%.26s", text_at(client->json, "id"));
    assert_string_equal(text_at(client->json, "byot_trunk_id"), w->userpass + strlen(TRUNKS "/"));
    assert_string_equal(text_at(client->json, "agent_id"), "null");
    snprintf(first, sizeof first, "%s/%s", numbers, id);
    snprintf(elsewhere, sizeof elsewhere, "%s/numbers/%s", w->tls, id);
    snprintf(setup_body, sizeof setup_body, "{\"agent_id\":\"%s\",\"phone_number_id\":\"%s\"}",
             w->agent, id);
    snprintf(again, sizeof again, "{\"agent_id\":\"%s\",\"phone_number_id\":\"%s\"}",
             w->other_agent, id);
    snprintf(unknown_agent, sizeof unknown_agent,
             "{\"agent_id\":\"00000000-0000-4000-8000-000000000000\",\"phone_number_id\":\"%s\"}",
             id);
    snprintf(unlink_body, sizeof unlink_body, "{\"phone_number_id\":\"%s\"}", id);
    const sandbox_case cases[] = {
        {"POST", numbers, "{\"phone_number\":\"4930231255\"}", 409, NULL},
        {"POST", numbers, "{\"name\":\"x\"}", 400, "missing"},
        {"POST", numbers, "{\"phone_number\":\"1\",\"agent_id\":null}", 400, "unknown_field"},
        {"GET", numbers, NULL, 200, NULL},
        {"PATCH", first, "{\"name\":\"y\"}", 405, "no_method"}, /* there is no edit */
        {"POST", "/inbound/setup", setup_body, 200, NULL},
        {"POST", "/inbound/setup", again, 200, NULL}, /* maps anew without a word */
        {"POST", "/inbound/setup", unknown_agent, 404, NULL},
        {"POST", "/inbound/setup", unlink_body, 400, "missing"},
        {"POST", "/inbound/unlink", unlink_body, 200, NULL},
        {"POST", "/inbound/unlink", "{\"phone_number_id\":\"x\"}", 404, NULL},
        {"DELETE", elsewhere, NULL, 404, NULL},
        {"DELETE", first, NULL, 200, NULL},
        {"DELETE", first, NULL, 404, NULL},
        {"POST", "/inbound/setup", setup_body, 404, NULL},
        {"POST", numbers, "{\"phone_number\":\"4930231255\"}", 201, NULL}, /* free again */
        {0},
    };
    sandbox_client_expect(client, cases);
    assert_int_equal(sandbox_client_send(client, "GET", numbers, NULL), 200);
    assert_int_equal(json_array_size(client->json), 3);
}

SANDBOX_TEST(delete_says_how_many_numbers_went)
{
    assert_int_equal(sandbox_client_send(&w->client, "DELETE", w->tls, NULL), 200);
    assert_string_equal(text_at(w->client.json, "message"),
                        "Trunk deleted successfully. 4 phone number(s) removed.");
    assert_int_equal(sandbox_client_send(&w->client, "GET", w->tls, NULL), 404);
    assert_string_equal(text_at(w->client.json, "error"), "404");
    assert_int_equal(sandbox_client_send(&w->client, "DELETE", w->tls, NULL), 404);
}
