/*
 * The sandbox's replies against the platforms' contracts: which members a trunk has, of which type,
 * and which of them may be null or absent. Only what the contracts say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

typedef struct member {
    const char *name;
    char type;     /* s, i, b, a (array), o */
    bool nullable; /* null is a value */
    bool optional; /* may be absent */
} member;

static const member famulor_list[] = {
    {"id", 'i'},
    {"phone_number", 's'},
    {"nickname", 's', .nullable = true},
    {"sip_username", 's'},
    {"sip_address", 's'},
    {"sip_calling_format", 's'},
    {"inbound_authorization_type", 's'},
    {"allowed_inbound_ips", 'a', .nullable = true},
    {"outbound_proxy", 'b'},
    {"country_code", 's'},
    {"created_at", 's'},
    {"updated_at", 's'},
    {0},
};
static const member famulor_one[] = {
    {"id", 'i'},
    {"phone_number", 's'},
    {"nickname", 's', .nullable = true},
    {"sip_username", 's'},
    {"sip_address", 's'},
    {"sip_calling_format", 's'},
    {"inbound_authorization_type", 's'},
    {"allowed_inbound_ips", 'a', .nullable = true},
    {"outbound_proxy", 'b'},
    {"country_code", 's'},
    {"inbound_trunk_id", 's'},
    {"outbound_trunk_id", 's'},
    {"created_at", 's'},
    {"updated_at", 's'},
    {0},
};
static const member famulor_numbers[] = {
    {"id", 'i'},
    {"phone_number", 's'},
    {"nickname", 's', .nullable = true},
    {"country_code", 's'},
    {"type", 's'},
    {"type_label", 's'},
    {"sms_capable", 'b'},
    {"region", 's'},
    {"has_active_subscription", 'b'},
    {"created_at", 's'},
    {0},
};
static const member vatel_trunk[] = {
    {"id", 's'},
    {"created_at", 's'},
    {"pbx", 's'},
    {"caller_id_transforms", 'a', .optional = true},
    {"inbound_host", 's', .optional = true},
    {"inbound_auth_type", 's', .optional = true},
    {"inbound_sip_username", 's', .optional = true},
    {"inbound_registration_status", 's', .optional = true},
    {"outbound_host", 's', .optional = true},
    {"outbound_sip_username", 's', .optional = true},
    {"register", 'b', .optional = true},
    {"outbound_registration_status", 's', .optional = true},
    {"remain_in_dialog", 'b', .optional = true},
    {0},
};
static const member vatel_assignment[] = {
    {"id", 's'},
    {"agent_id", 's'},
    {"sip_trunk_id", 's'},
    {"number", 's', .optional = true},
    {"alternate_number", 's', .optional = true},
    {"created_at", 's'},
    {0},
};
static const member bolna_trunk[] = {
    {"id", 's'},
    {"name", 's'},
    {"provider", 's'},
    {"description", 's'},
    {"auth_type", 's'},
    {"auth_username", 's', .optional = true},
    {"gateways", 'a'},
    {"ip_identifiers", 'a'},
    {"phone_numbers", 'a'},
    {"allow", 's'},
    {"disallow", 's'},
    {"transport", 's'},
    {"direct_media", 'b'},
    {"rtp_symmetric", 'b'},
    {"force_rport", 'b'},
    {"media_encryption", 's'},
    {"media_encryption_optimistic", 'b'},
    {"qualify_frequency", 'i'},
    {"inbound_enabled", 'b'},
    {"outbound_leading_plus_enabled", 'b'},
    {"is_active", 'b'},
    {"created_at", 's'},
    {"updated_at", 's'},
    {0},
};
static const member bolna_number[] = {
    {"id", 's'},
    {"phone_number", 's'},
    {"name", 's'},
    {"agent_id", 's', .nullable = true}, /* only a guide names it */
    {"byot_trunk_id", 's'},
    {"telephony_provider", 's'},
    {"is_active", 'b'},
    {"deleted", 'b'},
    {"created_at", 's'},
    {"updated_at", 's'},
    {0},
};
static const member trunk_trunk[] = {
    {"id", 's'},
    {"name", 's'},
    {"description", 's', .nullable = true},
    {"preset", 's', .nullable = true},
    {"is_active", 'b'},
    {"inbound_enabled", 'b'},
    {"outbound_enabled", 'b'},
    {"channels", 'i'},
    {"default_inbound_agent_id", 's', .nullable = true},
    {"auth_username", 's', .nullable = true},
    {"transport", 's'},
    {"outbound_leading_plus_enabled", 'b'},
    {"codecs", 's'},
    {"gateways", 'a'},
    {"ip_acls", 'a'},
    {"numbers", 'a'},
    {"health", 's'},
    {"active_calls", 'i'},
    {"created_at", 's'},
    {"updated_at", 's'},
    {0},
};

static char type_of(const json_t *value)
{
    return json_is_string(value)    ? 's'
           : json_is_integer(value) ? 'i'
           : json_is_boolean(value) ? 'b'
           : json_is_array(value)   ? 'a'
           : json_is_null(value)    ? 'n'
                                    : 'o';
}

static void keeps_to(json_t *object, const member *members, const char *what)
{
    const char *name;
    json_t *value;
    for (const member *m = members; m->name; m++) {
        value = json_object_get(object, m->name);
        if (!value && !m->optional)
            fail_msg("%s lacks %s", what, m->name);
        if (value && type_of(value) != m->type && !(m->nullable && json_is_null(value)))
            fail_msg("%s: %s is of type %c", what, m->name, type_of(value));
    }
    json_object_foreach(object, name, value)
    {
        const member *m = members;
        while (m->name && strcmp(m->name, name) != 0)
            m++;
        if (!m->name)
            fail_msg("%s has %s, which its contract does not know", what, name);
    }
}

static void all_keep_to(json_t *list, const member *members, const char *what)
{
    json_t *item;
    size_t i;
    assert_true(json_array_size(list) > 0);
    json_array_foreach(list, i, item)
    {
        keeps_to(item, members, what);
    }
}

/* Lists, gets one, changes one, and holds all replies against the members. */
static void check_trunks(sandbox_client *client, const char *path, const char *method,
                         const char *change, const member *listed, const member *full)
{
    char one[128], id[64];
    assert_int_equal(sandbox_client_send(client, "GET", path, NULL), 200);
    json_t *list = json_is_array(client->json) ? client->json : json_at(client->json, "data");
    json_t *trunks = json_deep_copy(list), *trunk;
    size_t i;
    all_keep_to(trunks, listed, path);
    json_array_foreach(trunks, i, trunk)
    {
        snprintf(id, sizeof id, "%s", text_at(trunk, "id"));
        snprintf(one, sizeof one, "%s/%s", path, id);
        assert_int_equal(sandbox_client_send(client, "GET", one, NULL), 200);
        json_t *data = json_at(client->json, "data");
        keeps_to(data ? data : client->json, full, one);
        assert_int_equal(sandbox_client_send(client, method, one, change), 200);
        data = json_at(client->json, "data");
        keeps_to(data ? data : client->json, full, one);
    }
    json_decref(trunks);
}

TEST(famulor_and_autocalls)
{
    static const char *const apis[] = {"famulor", "autocalls"};
    for (size_t i = 0; i < 2; i++) {
        sandbox_client client;
        sandbox_client_open(&client, apis[i], "trunks=12,limits=none");
        check_trunks(&client, "/user/phone-numbers/sip-trunks", "PUT", "{\"nickname\":null}",
                     famulor_list, famulor_one);
        if (i == 0) {
            sandbox_client_send(&client, "GET", "/user/phone-numbers/all", NULL);
            all_keep_to(json_at(client.json, "data"), famulor_numbers, "all numbers");
        }
        sandbox_client_close(&client);
    }
}

/* Clearing leaves a member out, by null and by an empty text. */
TEST(vatel)
{
    char path[128];
    SANDBOX(client, "vatel", "trunks=12,limits=none");
    check_trunks(&client, "/sip-trunks", "PATCH", "{\"inbound_host\":\"\",\"register\":null}",
                 vatel_trunk, vatel_trunk);
    json_t *all = sandbox_client_report(&client, "state");
    snprintf(path, sizeof path, "/sip-trunks/%.36s/assignments", text_at(all, "vatel.trunks.0.id"));
    sandbox_client_send(&client, "GET", path, NULL);
    all_keep_to(client.json, vatel_assignment, "assignments");
    snprintf(path, sizeof path, "/sip-trunks/assignments/%.36s",
             text_at(all, "vatel.numbers.0.id"));
    assert_int_equal(sandbox_client_send(&client, "PATCH", path, "{\"number\":null}"), 200);
    keeps_to(client.json, vatel_assignment, "a cleared assignment");
    assert_string_equal(text_at(client.json, "number"), "absent");
    json_decref(all);
}

TEST(bolna)
{
    SANDBOX(client, "bolna", "trunks=12,limits=none");
    check_trunks(&client, "/sip-trunks/trunks", "PATCH", "{\"description\":\"x\"}", bolna_trunk,
                 bolna_trunk);
    char path[128];
    json_t *all = sandbox_client_report(&client, "state");
    snprintf(path, sizeof path, "/sip-trunks/trunks/%.26s/numbers",
             text_at(all, "bolna.trunks.0.id"));
    json_decref(all);
    sandbox_client_send(&client, "GET", path, NULL);
    all_keep_to(client.json, bolna_number, "numbers");
}

TEST(bolna_newer)
{
    SANDBOX(client, "bolna_trunk", "trunks=12,limits=none");
    check_trunks(&client, "/trunk/trunks", "PATCH", "{\"description\":null}", trunk_trunk,
                 trunk_trunk);
}
