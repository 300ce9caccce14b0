/*
 * Vatel in the sandbox, as documented.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

#define UNKNOWN "00000000-0000-4000-8000-000000000000"

typedef struct world {
    sandbox_client client;
    char registering[64]; /* path of a trunk that registers, with credentials on both legs */
    char acl[64];         /* path of one with an allowed host, and without inbound credentials */
    char agent[40], foreign_agent[40];
} world;

static void open_world(world *w, const char *spec)
{
    sandbox_client_open(&w->client, "vatel", spec);
    json_t *all = sandbox_client_report(&w->client, "state");
    snprintf(w->registering, sizeof w->registering, "/sip-trunks/%.36s",
             text_at(all, "vatel.trunks.0.id"));
    snprintf(w->acl, sizeof w->acl, "/sip-trunks/%.36s", text_at(all, "vatel.trunks.1.id"));
    snprintf(w->agent, sizeof w->agent, "%.36s", text_at(all, "vatel.agents.0.id"));
    snprintf(w->foreign_agent, sizeof w->foreign_agent, "%.36s", text_at(all, "vatel.agents.3.id"));
    assert_string_equal(text_at(all, "vatel.trunks.0.register"), "true");
    assert_string_equal(text_at(all, "vatel.trunks.1.inbound_auth_type"), "acl");
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

SANDBOX_TEST(shapes_are_bare_and_unset_is_absent)
{
    sandbox_client *client = &w->client;
    assert_int_equal(sandbox_client_send(client, "GET", "/sip-trunks", NULL), 200);
    assert_true(json_is_array(client->json));
    assert_string_equal(text_at(client->json, "0.caller_id_transforms"), "absent");
    assert_string_equal(text_at(client->json, "1.inbound_sip_username"), "absent");
    assert_string_equal(text_at(client->json, "1.caller_id_transforms.0.type"),
                        "strip_digits_start");
    assert_int_equal(sandbox_client_send(client, "GET", w->registering, NULL), 200);
    assert_string_equal(text_at(client->json, "inbound_registration_status"), "registered");
    assert_string_equal(text_at(client->json, "updated_at"), "absent");
    assert_string_equal(text_at(client->json, "inbound_sip_password"), "absent");
    assert_string_equal(text_at(client->json, "assignments"), "absent");
    assert_int_equal(strlen(text_at(client->json, "created_at")), strlen("2023-11-07T05:31:56Z"));
    assert_int_equal(sandbox_client_send(client, "GET", "/organization", NULL), 200);
}

SANDBOX_TEST(create_needs_only_the_preset)
{
    static const sandbox_case cases[] = {
        {"POST", "/sip-trunks", "{\"pbx\":\"generic\"}", 201, NULL},
        {"POST", "/sip-trunks", "{}", 400, "missing"},
        {"POST", "/sip-trunks", "{\"pbx\":\"asterisk\"}", 400, "not_a_choice"},
        {"POST", "/sip-trunks", "{\"pbx\":null}", 400, "wrong_type"},
        {"POST", "/sip-trunks", "{\"pbx\":\"3cx\",\"name\":\"x\"}", 400, "unknown_field"},
        {"POST", "/sip-trunks", "{\"pbx\":\"3cx\",\"register\":\"yes\"}", 400, "wrong_type"},
        {"POST", "/sip-trunks", "{\"pbx\":\"3cx\",\"inbound_auth_type\":\"ip\"}", 400,
         "not_a_choice"},
        {"POST", "/sip-trunks", "{\"pbx\":\"3cx\",\"caller_id_transforms\":{}}", 400, "wrong_type"},
        {"POST", "/sip-trunks", "{\"pbx\":\"3cx\",\"caller_id_transforms\":[{}]}", 400, "missing"},
        {"POST", "/sip-trunks",
         "{\"pbx\":\"3cx\",\"caller_id_transforms\":[{\"type\":\"add_prefix\"}]}", 400, "rule"},
        {"POST", "/sip-trunks",
         "{\"pbx\":\"3cx\",\"caller_id_transforms\":[{\"type\":\"replace\",\"value\":\"0\"}]}", 400,
         "rule"},
        {"POST", "/sip-trunks",
         "{\"pbx\":\"3cx\",\"caller_id_transforms\":[{\"type\":\"strip_digits_end\",\"number\":1.0}"
         "]}",
         400, "wrong_type"},
        {"POST", "/sip-trunks",
         "{\"pbx\":\"3cx\",\"caller_id_transforms\":[{\"type\":\"strip_digits_end\",\"number\":1}]"
         "}",
         201, NULL},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
}

SANDBOX_TEST(an_empty_update_is_refused)
{
    const sandbox_case cases[] = {{"PATCH", w->registering, "{}", 400, "empty"}, {0}};
    sandbox_client_expect(&w->client, cases);
    assert_true(json_is_string(json_at(w->client.json, "error")));
}

SANDBOX_TEST(an_empty_text_clears_and_lists_are_replaced)
{
    sandbox_client *client = &w->client;
    assert_int_equal(sandbox_client_send(client, "PATCH", w->acl,
                                         "{\"inbound_host\":\"\",\"caller_id_transforms\":[]}"),
                     200);
    assert_string_equal(text_at(client->json, "inbound_host"), "absent");
    assert_int_equal(json_array_size(json_at(client->json, "caller_id_transforms")), 0);
    assert_int_equal(
        sandbox_client_send(client, "PATCH", w->acl, "{\"outbound_sip_password\":\"\"}"), 200);
    json_t *all = sandbox_client_report(client, "state");
    assert_string_equal(text_at(all, "vatel.trunks.1.outbound_sip_password"), "absent");
    json_decref(all);
}

SANDBOX_TEST(an_inbound_username_is_unique_among_all_customers)
{
    char body[128], user[64];
    sandbox_client_send(&w->client, "GET", w->registering, NULL);
    snprintf(user, sizeof user, "%.60s", text_at(w->client.json, "inbound_sip_username"));
    snprintf(body, sizeof body, "{\"inbound_sip_username\":\"%s\"}", user);
    const sandbox_case cases[] = {
        {"PATCH", w->acl, body, 409, NULL},
        {"PATCH", w->registering, body, 200, NULL}, /* its own */
        {"PATCH", w->acl, "{\"inbound_sip_username\":\"taken-elsewhere\"}", 409, NULL},
        {"POST", "/sip-trunks", "{\"pbx\":\"3cx\",\"inbound_sip_username\":\"taken-elsewhere\"}",
         409, NULL},
        {"PATCH", w->registering, "{\"inbound_sip_username\":\"\"}", 200, NULL},
        {"PATCH", w->acl, body, 200, NULL}, /* it is free now */
        {0},
    };
    sandbox_client_expect(&w->client, cases);
}

static const char *status_of(world *w, const char *leg)
{
    char name[48];
    snprintf(name, sizeof name, "%s_registration_status", leg);
    sandbox_client_send(&w->client, "GET", w->registering, NULL);
    return text_at(w->client.json, name);
}

SANDBOX_TEST(a_new_credential_registers_as_the_trunk_is_read)
{
    sandbox_client *client = &w->client;
    sandbox_client_send(client, "PATCH", w->registering, "{\"outbound_sip_password\":\"new\"}");
    assert_string_equal(text_at(client->json, "outbound_registration_status"), "pending");
    assert_string_equal(text_at(client->json, "inbound_registration_status"), "registered");
    assert_string_equal(status_of(w, "outbound"), "pending");
    assert_string_equal(status_of(w, "outbound"), "registered");

    sandbox_client_send(client, "PATCH", w->registering, "{\"inbound_sip_password\":\"new\"}");
    assert_string_equal(text_at(client->json, "outbound_registration_status"), "registered");
    assert_string_equal(status_of(w, "inbound"), "pending");
    assert_string_equal(status_of(w, "inbound"), "registered");

    /* A list reads every trunk. */
    sandbox_client_send(client, "PATCH", w->registering, "{\"inbound_sip_password\":\"newer\"}");
    sandbox_client_send(client, "GET", "/sip-trunks", NULL);
    assert_string_equal(text_at(client->json, "0.inbound_registration_status"), "pending");
    sandbox_client_send(client, "GET", "/sip-trunks", NULL);
    assert_string_equal(text_at(client->json, "0.inbound_registration_status"), "registered");

    /* What has nothing to do with credentials leaves the outcome alone. */
    sandbox_client_send(client, "PATCH", w->registering, "{\"remain_in_dialog\":true}");
    assert_string_equal(text_at(client->json, "inbound_registration_status"), "registered");
    sandbox_client_send(client, "PATCH", w->registering, "{\"register\":false}");
    assert_string_equal(text_at(client->json, "outbound_registration_status"), "not_registered");
    sandbox_client_send(client, "PATCH", w->acl, "{\"outbound_sip_password\":\"new\"}");
    assert_string_equal(text_at(client->json, "outbound_registration_status"), "not_registered");
}

SANDBOX_TEST(a_carrier_can_refuse_credentials)
{
    sandbox_client_send(
        &w->client, "PATCH", w->registering,
        "{\"outbound_sip_username\":\"refused-user\",\"outbound_sip_password\":\"x\"}");
    assert_string_equal(text_at(w->client.json, "outbound_registration_status"), "pending");
    assert_string_equal(status_of(w, "outbound"), "pending");
    assert_string_equal(status_of(w, "outbound"), "auth_failed");
}

TEST(the_fault_auth_failed_refuses_credentials)
{
    world w;
    open_world(&w, "fault=auth_failed=1");
    sandbox_client_send(&w.client, "PATCH", w.registering, "{\"inbound_sip_password\":\"x\"}");
    assert_string_equal(status_of(&w, "inbound"), "pending");
    assert_string_equal(status_of(&w, "inbound"), "auth_failed");
    json_t *log = sandbox_client_report(&w.client, "log");
    assert_string_equal(text_at(log, "0.fault"), "auth_failed");
    json_decref(log);
    sandbox_client_close(&w.client);
}

SANDBOX_TEST(ids_and_deletes)
{
    const sandbox_case cases[] = {
        {"GET", "/sip-trunks/42", NULL, 400, "bad_id"},
        {"GET", "/sip-trunks/" UNKNOWN ".0", NULL, 400, "bad_id"},
        {"GET", "/sip-trunks/" UNKNOWN, NULL, 404, NULL},
        {"PATCH", "/sip-trunks/" UNKNOWN, "{\"register\":true}", 404, NULL},
        {"DELETE", "/sip-trunks/" UNKNOWN, NULL, 404, NULL},
        {"DELETE", w->acl, "{}", 400, "not_allowed"},
        {"DELETE", w->acl, NULL, 204, NULL},
        {"GET", w->acl, NULL, 404, NULL},
        {0},
    };
    sandbox_client_expect(&w->client, cases);
    json_t *all = sandbox_client_report(&w->client, "state"), *assignment;
    size_t i;
    json_array_foreach(json_at(all, "vatel.numbers"), i, assignment)
    {
        assert_string_not_equal(text_at(assignment, "sip_trunk_id"),
                                w->acl + strlen("/sip-trunks/"));
    }
    json_decref(all);
}

SANDBOX_TEST(assignments_are_checked_and_unique)
{
    sandbox_client *client = &w->client;
    char of_first[96], of_second[96], plain[160], alternate[160], taken[160], foreign[96],
        unknown[96];
    char own[96];
    snprintf(of_first, sizeof of_first, "%s/assignments", w->registering);
    snprintf(of_second, sizeof of_second, "%s/assignments", w->acl);
    snprintf(plain, sizeof plain, "{\"agent_id\":\"%s\",\"number\":\"+4930231259\"}", w->agent);
    snprintf(alternate, sizeof alternate,
             "{\"agent_id\":\"%s\",\"alternate_number\":\"+4930231258\"}", w->agent);
    snprintf(taken, sizeof taken, "{\"agent_id\":\"%s\",\"alternate_number\":\"+493023129999\"}",
             w->agent);
    snprintf(foreign, sizeof foreign, "{\"agent_id\":\"%s\"}", w->foreign_agent);
    snprintf(unknown, sizeof unknown, "{\"agent_id\":\"" UNKNOWN "\"}");
    const sandbox_case creates[] = {
        {"POST", of_first, plain, 201, NULL},
        {"POST", of_first, plain, 409, NULL},  /* a number is unique within its trunk */
        {"POST", of_second, plain, 201, NULL}, /* and free in another */
        {"POST", of_first, alternate, 201, NULL},
        {"POST", of_second, alternate, 409, NULL}, /* an alternate number is unique everywhere */
        {"POST", of_second, taken, 409, NULL},
        {"POST", of_first, "{\"number\":\"1\"}", 400, "missing"},
        {"POST", of_first, "{\"agent_id\":\"x\"}", 400, "malformed"},
        {"POST", of_first, foreign, 400, NULL},
        {"POST", of_first, unknown, 404, NULL},
        {"POST", "/sip-trunks/" UNKNOWN "/assignments", plain, 404, NULL},
        {"GET", of_first, NULL, 200, NULL},
        {0},
    };
    sandbox_client_expect(client, creates);
    assert_true(json_is_array(client->json));
    assert_int_equal(json_array_size(client->json), 4);
    assert_string_equal(text_at(client->json, "3.number"), "absent");

    /* Its own address has no trunk in it. */
    snprintf(own, sizeof own, "/sip-trunks/assignments/%.36s", text_at(client->json, "3.id"));
    const sandbox_case changes[] = {
        {"GET", own, NULL, 200, NULL},
        {"PATCH", own, "{\"number\":\"+4930231259\"}", 409, NULL},
        {"PATCH", own, "{\"number\":\"+4930231257\"}", 200, NULL},
        {"PATCH", own, "{\"number\":null}", 200, NULL},
        {"PATCH", own, "{\"agent_id\":\"" UNKNOWN "\"}", 400, "unknown_field"},
        {"PATCH", own, "{}", 400, "empty"},
        {"DELETE", own, NULL, 204, NULL},
        {"GET", own, NULL, 404, NULL},
        {"GET", "/sip-trunks/assignments/42", NULL, 400, "bad_id"},
        {0},
    };
    sandbox_client_expect(client, changes);
    sandbox_client_send(client, "GET", of_first, NULL);
    assert_int_equal(json_array_size(client->json), 3);
}

SANDBOX_TEST(a_test_call_needs_an_assigned_trunk)
{
    const char *trunk = w->registering + strlen("/sip-trunks/");
    char good[256], both[320], other[256], unknown[256], bare[128];
    json_t *all = sandbox_client_report(&w->client, "state");
    snprintf(other, sizeof other, "/agents/%.36s/dial?sipTrunkId=%s&number=%%2B49302312",
             text_at(all, "vatel.agents.1.id"), trunk);
    json_decref(all);
    snprintf(good, sizeof good, "/agents/%s/dial?sipTrunkId=%s&number=%%2B49302312", w->agent,
             trunk);
    snprintf(both, sizeof both, "%s&destination=sip:x@example.com", good);
    snprintf(unknown, sizeof unknown, "/agents/" UNKNOWN "/dial?sipTrunkId=%s&number=1", trunk);
    snprintf(bare, sizeof bare, "/agents/%s/dial", w->agent);
    const sandbox_case cases[] = {
        {"POST", good, NULL, 200, NULL},        {"POST", both, NULL, 400, "rule"},
        {"POST", other, NULL, 403, NULL},       {"POST", unknown, NULL, 404, NULL},
        {"POST", bare, NULL, 400, "malformed"}, {0},
    };
    sandbox_client_expect(&w->client, cases);
}
