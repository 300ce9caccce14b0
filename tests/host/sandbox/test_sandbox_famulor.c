/*
 * Famulor and Autocalls in the sandbox, as documented.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

#define TRUNKS "/user/phone-numbers/sip-trunks"
#define T42    TRUNKS "/42" /* extension, by password */
#define T43    TRUNKS "/43" /* number, by address */

/* A complete create body, with the members that the argument adds. */
#define NEW_TRUNK(more)                                                                            \
    "{\"sip_trunk_type\":\"extension\",\"phone_number\":\"2000\",\"sip_username\":\"user\","       \
    "\"sip_password\":\"secret\",\"sip_address\":\"sip.example.com\","                             \
    "\"sip_calling_format\":\"+e164\",\"inbound_authorization_type\":\"auth\"" more "}"

static int open_both(void **state)
{
    sandbox_client *client = calloc(1, sizeof *client);
    sandbox_client_open(client, "famulor", "limits=none");
    *state = client;
    return 0;
}

static int close_both(void **state)
{
    sandbox_client_close(*state);
    free(*state);
    return 0;
}

#define SANDBOX_TEST(name) TEST_WITH(open_both, close_both, name, sandbox_client *client)

SANDBOX_TEST(list_items_lack_what_get_adds)
{
    static const char *const faces[] = {"famulor", "autocalls"};
    for (int i = 0; i < 2; i++) {
        client->api = faces[i];
        assert_int_equal(sandbox_client_send(client, "GET", TRUNKS, NULL), 200);
        assert_string_equal(text_at(client->json, "data.0.id"), "42");
        assert_string_equal(text_at(client->json, "data.0.inbound_trunk_id"), "absent");
        assert_string_equal(text_at(client->json, "data.0.allowed_inbound_ips"), "null");
        assert_string_equal(text_at(client->json, "data.1.nickname"), "null");
        assert_int_equal(sandbox_client_send(client, "GET", T42, NULL), 200);
        assert_int_equal(strncmp(text_at(client->json, "data.inbound_trunk_id"), "ST_", 3), 0);
        assert_int_equal(strncmp(text_at(client->json, "data.outbound_trunk_id"), "ST_", 3), 0);
        assert_string_equal(text_at(client->json, "data.sip_trunk_type"), "absent");
        assert_string_equal(text_at(client->json, "data.sip_password"), "absent");
    }
}

SANDBOX_TEST(create_answers_201_and_the_whole_trunk)
{
    assert_int_equal(
        sandbox_client_send(client, "POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\"")), 201);
    assert_string_equal(text_at(client->json, "message"), "SIP trunk created successfully.");
    assert_string_equal(text_at(client->json, "data.phone_number"), "2000");
    assert_string_equal(text_at(client->json, "data.nickname"), "null");
    assert_string_equal(text_at(client->json, "data.outbound_proxy"), "false");
    assert_string_equal(text_at(client->json, "data.sip_password"), "absent");
    assert_int_equal(strncmp(text_at(client->json, "data.inbound_trunk_id"), "ST_", 3), 0);
    /* Numbers that are not trunks have ids of the same series. */
    assert_string_equal(text_at(client->json, "data.id"), "59");
    json_t *all = sandbox_client_report(client, "state");
    assert_string_equal(text_at(all, "famulor.trunks.12.sip_password"), "secret");
    json_decref(all);
    assert_int_equal(sandbox_client_send(client, "GET", TRUNKS "/59", NULL), 200);
}

SANDBOX_TEST(the_same_number_user_and_address_conflict)
{
    static const sandbox_case cases[] = {
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\""), 201, NULL},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"US\",\"nickname\":\"x\""), 409, NULL},
        {0},
    };
    sandbox_client_expect(client, cases);
    assert_string_equal(
        text_at(client->json, "error"),
        "A SIP trunk with the same phone number, username, and address already exists.");
}

SANDBOX_TEST(famulor_finds_the_country_of_a_number_and_autocalls_does_not)
{
    static const char body[] =
        "{\"sip_trunk_type\":\"number\",\"phone_number\":\"+493023125777\",\"sip_username\":"
        "\"user\","
        "\"sip_password\":\"secret\",\"sip_address\":\"sip.example.com\","
        "\"sip_calling_format\":\"e164\",\"inbound_authorization_type\":\"auth\"}";
    assert_int_equal(sandbox_client_send(client, "POST", TRUNKS, body), 201);
    assert_string_equal(text_at(client->json, "data.country_code"), "DE");
    client->api = "autocalls";
    assert_int_equal(sandbox_client_send(client, "POST", TRUNKS, body), 422);
    assert_string_equal(text_at(client->json, "errors.country_code.0"),
                        "The country_code field is required.");
}

SANDBOX_TEST(create_is_checked)
{
    static const sandbox_case cases[] = {
        {"POST", TRUNKS, "{}", 422, "missing"},
        {"POST", TRUNKS, NEW_TRUNK(""), 422, "missing"}, /* country of an extension */
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"Germany\""), 422, "malformed"},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"de\""), 422, "malformed"},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\",\"outbound_proxy\":\"no\""), 422,
         "wrong_type"},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\",\"id\":7"), 422, "unknown_field"},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\",\"allowed_inbound_ips\":{}"), 422,
         "wrong_type"},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\",\"allowed_inbound_ips\":[{}]"), 422,
         "wrong_type"},
        {"POST", TRUNKS,
         NEW_TRUNK(",\"country_code\":\"DE\",\"allowed_inbound_ips\":[\"203.0.113.1\"]"), 422,
         "rule"},
        {"POST", TRUNKS, NEW_TRUNK(",\"country_code\":\"DE\",\"allowed_inbound_ips\":null"), 201,
         NULL},
        {0},
    };
    sandbox_client_expect(client, cases);
}

SANDBOX_TEST(update_is_checked)
{
    char name51[128] = "{\"nickname\":\"", name50[160] = "{\"nickname\":\"", user129[200];
    for (int i = 0; i < 51; i++)
        strcat(name51, "a");
    for (int i = 0; i < 50; i++)
        strcat(name50, "ü"); /* characters are counted, not bytes */
    strcat(name51, "\"}");
    strcat(name50, "\"}");
    memset(user129, 'u', sizeof user129);
    memcpy(user129, "{\"sip_username\":\"", 17);
    memcpy(user129 + 17 + 129, "\"}", 3);
    const sandbox_case cases[] = {
        {"PUT", T42, "{}", 200, NULL},
        {"PUT", T42, name50, 200, NULL},
        {"PUT", T42, name51, 422, "too_large"},
        {"PUT", T42, user129, 422, "too_large"},
        {"PUT", T42, "{\"sip_username\":\"ab\"}", 422, "too_small"},
        {"PUT", T42, "{\"sip_password\":\"ab\"}", 422, "too_small"},
        {"PUT", T42, "{\"sip_password\":null}", 422, "wrong_type"},
        {"PUT", T42, "{\"sip_password\":12345}", 422, "wrong_type"},
        {"PUT", T42, "{\"phone_number\":\"\"}", 422, "too_small"},
        {"PUT", T42, "{\"phone_number\":\"1234567890123456\"}", 422, "too_large"},
        {"PUT", T42, "{\"sip_address\":\"sip.example.com:5060\"}", 422, "malformed"},
        {"PUT", T42, "{\"sip_address\":\"sip://example.com\"}", 422, "malformed"},
        {"PUT", T42, "{\"sip_calling_format\":\"E164\"}", 422, "not_a_choice"},
        {"PUT", T42, "{\"inbound_authorization_type\":\"none\"}", 422, "not_a_choice"},
        {"PUT", T42, "{\"outbound_proxy\":1}", 422, "wrong_type"},
        {"PUT", T42, "{\"sip_trunk_type\":\"number\"}", 422, "unknown_field"},
        {"PUT", T42, "{\"id\":42}", 422, "unknown_field"},
        {"PUT", T42, "{\"inbound_authorization_type\":\"ip\"}", 422, "rule"},
        {"PUT", T42, "{\"inbound_authorization_type\":\"ip\",\"allowed_inbound_ips\":[]}", 422,
         "rule"},
        {"PUT", T42, "{\"inbound_authorization_type\":\"ip\",\"allowed_inbound_ips\":[\"x\"]}", 422,
         "malformed"},
        {"PUT", T42,
         "{\"inbound_authorization_type\":\"ip\",\"allowed_inbound_ips\":[\"203.0.113.0/24\"]}",
         422, "malformed"},
        {"PUT", T43, "{\"allowed_inbound_ips\":[]}", 422, "rule"},
        {"PUT", T43, "{\"allowed_inbound_ips\":null}", 422, "rule"},
        {"PUT", T43, "{\"inbound_authorization_type\":\"ip\"}", 422, "rule"},
        {"PUT", T43, "{\"allowed_inbound_ips\":[\"203.0.113.9\",\"2001:db8::1\"]}", 200, NULL},
        {0},
    };
    sandbox_client_expect(client, cases);
    client->api = "autocalls";
    sandbox_client_expect(client, cases);
}

SANDBOX_TEST(every_fault_of_a_body_is_listed_in_its_shape)
{
    assert_int_equal(
        sandbox_client_send(client, "PUT", T42,
                            "{\"sip_password\":\"x\",\"inbound_authorization_type\":\"ip\"}"),
        422);
    assert_string_equal(text_at(client->json, "message"), "The given data was invalid.");
    assert_string_equal(text_at(client->json, "errors.sip_password.0"),
                        "The sip_password field must be at least 3 characters.");
    assert_string_equal(
        text_at(client->json, "errors.allowed_inbound_ips.0"),
        "At least one allowed IP address is required when authorization type is \"ip\".");
}

SANDBOX_TEST(an_update_recreates_the_documented_legs)
{
    static const struct {
        const char *body;
        bool inbound, outbound;
    } cases[] = {
        {"{\"sip_username\":\"other\"}", true, true},
        {"{\"sip_password\":\"other\"}", true, true},
        {"{\"phone_number\":\"4711\"}", true, true},
        {"{\"sip_address\":\"other.example.com\"}", false, true},
        {"{\"outbound_proxy\":true}", false, true},
        {"{\"inbound_authorization_type\":\"ip\",\"allowed_inbound_ips\":[\"203.0.113.5\"]}", true,
         false},
        {"{\"allowed_inbound_ips\":[\"203.0.113.6\"]}", true, false},
        {"{\"sip_calling_format\":\"national\"}", false, false},
        {"{\"country_code\":\"GB\"}", false, false},
        {"{\"nickname\":\"other\"}", false, false},
    };
    char inbound[32], outbound[32], updated[32];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sandbox_client_send(client, "GET", T42, NULL);
        snprintf(inbound, sizeof inbound, "%.31s", text_at(client->json, "data.inbound_trunk_id"));
        snprintf(outbound, sizeof outbound, "%.31s",
                 text_at(client->json, "data.outbound_trunk_id"));
        snprintf(updated, sizeof updated, "%.31s", text_at(client->json, "data.updated_at"));
        assert_int_equal(sandbox_client_send(client, "PUT", T42, cases[i].body), 200);
        assert_string_equal(text_at(client->json, "message"), "SIP trunk updated successfully.");
        assert_int_equal(strcmp(text_at(client->json, "data.inbound_trunk_id"), inbound) != 0,
                         cases[i].inbound);
        assert_int_equal(strcmp(text_at(client->json, "data.outbound_trunk_id"), outbound) != 0,
                         cases[i].outbound);
        /* Times of one form compare as text. */
        assert_true(strcmp(text_at(client->json, "data.updated_at"), updated) > 0);
        assert_int_equal(strlen(updated), strlen("2026-03-31T10:00:00.000000Z"));
    }
}

SANDBOX_TEST(switching_to_auth_clears_the_list)
{
    assert_int_equal(
        sandbox_client_send(client, "PUT", T43, "{\"inbound_authorization_type\":\"auth\"}"), 200);
    assert_string_equal(text_at(client->json, "data.allowed_inbound_ips"), "null");
}

SANDBOX_TEST(ids_in_paths_are_exact)
{
    static const sandbox_case cases[] = {
        {"GET", TRUNKS "/42.0", NULL, 404, "bad_id"},
        {"GET", TRUNKS "/042", NULL, 404, "bad_id"},
        {"GET", TRUNKS "/+42", NULL, 404, "bad_id"},
        {"GET", TRUNKS "/42e0", NULL, 404, "bad_id"},
        {"GET", TRUNKS "/", NULL, 404, "bad_id"},
        {"PUT", TRUNKS "/42.0", "{\"nickname\":\"x\"}", 404, "bad_id"},
        {"DELETE", "/user/phone-numbers/42.0", NULL, 404, "bad_id"},
        {"GET", TRUNKS "/41", NULL, 404, NULL},
        {"GET", TRUNKS "/44", NULL, 404, NULL}, /* a bought number */
        {"GET", TRUNKS "/45", NULL, 200, NULL},
        {"GET", TRUNKS "/%34%32", NULL, 200, NULL},
        {0},
    };
    sandbox_client_expect(client, cases);
    sandbox_client_send(client, "GET", TRUNKS "/41", NULL);
    assert_string_equal(text_at(client->json, "error"), "SIP trunk not found.");
}

SANDBOX_TEST(delete_removes_trunks_and_releases_bought_numbers)
{
    assert_int_equal(sandbox_client_send(client, "DELETE", "/user/phone-numbers/42", NULL), 200);
    assert_string_equal(text_at(client->json, "message"), "Phone number deleted successfully.");
    assert_int_equal(sandbox_client_send(client, "GET", T42, NULL), 404);
    assert_int_equal(sandbox_client_send(client, "DELETE", "/user/phone-numbers/42", NULL), 404);
    assert_string_equal(text_at(client->json, "error"), "Phone number not found.");
    /* 44 is a bought number: the same call gives it back to its carrier. */
    assert_int_equal(sandbox_client_send(client, "DELETE", "/user/phone-numbers/44", NULL), 200);
    assert_int_equal(sandbox_client_send(client, "DELETE", "/user/phone-numbers/44", NULL), 400);
    assert_string_equal(text_at(client->json, "error"),
                        "Phone number is already scheduled for release.");
    json_t *all = sandbox_client_report(client, "state");
    assert_string_equal(text_at(all, "famulor.numbers.0.scheduled_for_release"), "true");
    assert_string_equal(text_at(all, "famulor.agents.0.phone_number_id"), "null");
    json_decref(all);
    assert_int_equal(sandbox_client_send(client, "DELETE", TRUNKS "/43", NULL), 405);
}

SANDBOX_TEST(numbers_can_be_listed_named_and_assigned)
{
    static const sandbox_case cases[] = {
        {"GET", "/user/me", NULL, 200, NULL},
        {"PUT", "/user/phone-numbers/44", "{\"nickname\":\"Bought\"}", 200, NULL},
        {"PUT", "/user/phone-numbers/44", "{\"nickname\":\"\"}", 200, NULL},
        {"PUT", "/user/phone-numbers/44", "{}", 422, "missing"},
        {"PUT", "/user/phone-numbers/44", "{\"phone_number\":\"1\"}", 422, "missing"},
        {"PUT", "/user/phone-numbers/58", "{\"nickname\":\"shared\"}", 404, NULL},
        {"PUT", "/user/assistant/702", "{\"phone_number_id\":43}", 200, NULL},
        {"PUT", "/user/assistant/703", "{\"phone_number_id\":43}", 422, "rule"},
        {"PUT", "/user/assistant/702", "{\"phone_number_id\":43.0}", 422, "wrong_type"},
        {"PUT", "/user/assistant/702", "{\"phone_number_id\":null}", 200, NULL},
        {"PUT", "/user/assistant/703", "{\"phone_number_id\":43}", 200, NULL},
        {"PUT", "/user/assistant/703", "{\"phone_number_id\":9999}", 422, "rule"},
        {"PUT", "/user/assistant/999", "{\"phone_number_id\":43}", 404, NULL},
        {"GET", "/user/assistants/phone-numbers?type=inbound", NULL, 200, NULL},
        {"GET", "/user/assistants/phone-numbers?type=sideways", NULL, 422, "not_a_choice"},
        {0},
    };
    sandbox_client_expect(client, cases);
    assert_int_equal(sandbox_client_send(client, "GET", "/user/phone-numbers/all", NULL), 200);
    assert_int_equal(json_array_size(json_at(client->json, "data")), 17);
    assert_string_equal(text_at(client->json, "data.0.type"), "normal");
    assert_string_equal(text_at(client->json, "data.0.nickname"), "null");
    assert_string_equal(text_at(client->json, "data.5.type"), "sip");
    assert_int_equal(sandbox_client_send(client, "GET", "/user/assistants/phone-numbers", NULL),
                     200);
    assert_true(json_is_array(client->json)); /* this one has no envelope */
    assert_string_equal(text_at(client->json, "5.id"), "42");
    assert_string_equal(text_at(client->json, "5.is_available"), "false");
    assert_string_equal(text_at(client->json, "5.type_label"), "SIP");
}

SANDBOX_TEST(autocalls_has_only_what_it_documents)
{
    static const sandbox_case cases[] = {
        {"GET", "/user/me", NULL, 404, "no_endpoint"},
        {"GET", "/user/phone-numbers/all", NULL, 405, "no_method"},
        {"PUT", "/user/phone-numbers/44", "{\"nickname\":\"x\"}", 405, "no_method"},
        {"GET", "/user/assistants/phone-numbers", NULL, 200, NULL},
        {"DELETE", "/user/phone-numbers/42", NULL, 200, NULL},
        {0},
    };
    client->api = "autocalls";
    sandbox_client_expect(client, cases);
}

SANDBOX_TEST(a_read_only_key_may_not_write)
{
    client->token = "sandbox-readonly";
    assert_int_equal(sandbox_client_send(client, "GET", T42, NULL), 200);
    assert_int_equal(sandbox_client_send(client, "PUT", T42, "{\"nickname\":\"x\"}"), 403);
    assert_string_equal(text_at(client->json, "error"), "Insufficient permissions");
}
