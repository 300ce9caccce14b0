/*
 * The trunks that an account of Bolna's older API starts with.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/bolna.h"

typedef struct sb_shape {
    const char *name, *provider, *description;
    const char *transport, *encryption;
    bool userpass, optimistic, inbound, active, plus;
    unsigned gateways, sources, numbers;
} sb_shape;

static const sb_shape shapes[] = {
    {"Zadarma Berlin", "zadarma", "Main line", NULL, NULL, true, false, true, true, true, 1, 0, 2},
    {"Twilio US East", "twilio", NULL, "transport-tls", "sdes", true, false, true, true, true, 3, 0,
     4},
    {"Plivo मुंबई", "plivo", "Sales, India", "transport-tcp", NULL, false, false, true, true, false,
     2, 2, 3},
    {"Büro Köln (Reserve)", "custom", "Nur für Ausfälle", NULL, "no", true, false, false, false,
     true, 2, 0, 0},
    {"Telnyx", "telnyx", NULL, "transport-udp", NULL, false, false, false, true, true, 1, 1, 0},
    {"Vonage London", "vonage", "", "transport-tls", "sdes", true, true, true, true, false, 2, 1,
     1},
    {"Exotel 東京", "exotel", NULL, "transport-tls", "no", true, false, false, true, true, 1, 0, 1},
};

static json_t *gateways(unsigned count, unsigned i)
{
    json_t *list = json_array();
    for (unsigned j = 0; j < count; j++) {
        char host[48];
        snprintf(host, sizeof host, "gw%u.carrier-%u.example.com", j + 1, i);
        json_t *gateway = json_pack("{s:s}", "gateway_address", host);
        if (j)
            json_object_update_new(
                gateway, json_pack("{s:i, s:i}", "port", 5060 + (int)j, "priority", (int)j + 1));
        json_array_append_new(list, gateway);
    }
    return list;
}

static json_t *sources(unsigned count, unsigned i)
{
    json_t *list = json_array();
    for (unsigned j = 0; j < count; j++) {
        char address[24];
        snprintf(address, sizeof address, j ? "198.51.100.%u/31" : "203.0.113.%u", i % 120 * 2);
        json_array_append_new(list, json_pack("{s:s}", "ip_address", address));
    }
    return list;
}

static json_t *numbers(unsigned count, unsigned i)
{
    static const char *const prefixes[] = {"+4930231", "+1202555", "91222555", "+44207946"};
    json_t *list = json_array();
    for (unsigned j = 0; j < count; j++) {
        char number[32], name[32];
        snprintf(number, sizeof number, "%s%04u", prefixes[(i + j) % 4], 10 * i + j);
        snprintf(name, sizeof name, "Line %u", j + 1);
        json_t *item = json_pack("{s:s}", "phone_number", number);
        if (j % 2 == 0)
            json_object_set_new(item, "name", json_string(name));
        json_array_append_new(list, item);
    }
    return list;
}

static void add_trunk(sb_store *store, unsigned i)
{
    static const unsigned count = sizeof shapes / sizeof shapes[0];
    const sb_shape *shape = &shapes[i % count];
    char name[64], user[40];
    if (i < count)
        snprintf(name, sizeof name, "%s", shape->name);
    else
        snprintf(name, sizeof name, "%s %u", shape->name, i / count + 1);
    json_t *trunk = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:b}", "name", name, "provider", shape->provider,
        "auth_type", shape->userpass ? "userpass" : "ip-based", "gateways",
        gateways(shape->gateways, i), "ip_identifiers", sources(shape->sources, i), "phone_numbers",
        numbers(shape->numbers, i), "inbound_enabled", shape->inbound, "is_active", shape->active,
        "outbound_leading_plus_enabled", shape->plus);
    if (shape->userpass) {
        snprintf(user, sizeof user, "%s%05u", shape->provider, i);
        json_object_set_new(trunk, "auth_username", json_string(user));
        json_object_set_new(trunk, "auth_password", sb_password(&store->random));
    }
    if (shape->description)
        json_object_set_new(trunk, "description", json_string(shape->description));
    if (shape->transport)
        json_object_set_new(trunk, "transport", json_string(shape->transport));
    if (shape->encryption)
        json_object_set_new(trunk, "media_encryption", json_string(shape->encryption));
    if (shape->optimistic)
        json_object_set_new(trunk, "media_encryption_optimistic", json_true());
    sb_bolna_add(store, trunk);
}

static void map_first_number(sb_store *store)
{
    json_t *number = json_object_iter_value(json_object_iter(store->numbers));
    const char *agent = json_object_iter_key(json_object_iter(store->agents));
    if (number)
        json_object_set_new(number, "agent_id", json_string(agent));
}

int sb_bolna_seed(sb_store *store, unsigned trunks)
{
    static const char *const names[] = {"Reception", "Störungsannahme", "Sales India"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char id[37];
        sb_random_uuid(&store->random, id);
        json_object_set_new(store->agents, id, json_pack("{s:s, s:s}", "id", id, "name", names[i]));
    }
    for (unsigned i = 0; i < trunks; i++)
        add_trunk(store, i);
    map_first_number(store);
    return json_object_size(store->trunks) == trunks && json_object_size(store->agents) == 3 ? 0
                                                                                             : -1;
}
