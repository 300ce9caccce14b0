/*
 * The trunks that an account of Bolna's newer API starts with.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/bolna_trunk.h"

typedef struct sb_shape {
    const char *name, *description, *preset, *transport, *codecs;
    bool credentials, active, plus;
    unsigned channels, gateways, acls, numbers;
} sb_shape;

static const sb_shape shapes[] = {
    {"Berlin main", "Hauptleitung – Empfang", "custom", "udp", "PCMA,PCMU", true, true, true, 10, 1,
     1, 2},
    {"Twilio", NULL, "twilio", "tcp", "PCMU,PCMA", true, true, true, 100, 3, 3, 3},
    {"Plivo मुंबई", "", "plivo", "udp", "PCMU", false, true, true, 30, 1, 2, 1},
    {"Reserve Zürich", "Nur für Ausfälle", NULL, "udp", "PCMA", true, false, false, 2, 2, 0, 0},
    {"Exotel", NULL, "exotel", "tcp", "PCMA,PCMU", false, true, true, 1000, 1, 1, 2},
    {"Vonage London", NULL, "vonage", "udp", "PCMU,PCMA", true, true, false, 1, 8, 1, 1},
};

static void add_parts(sb_store *store, json_t *trunk, const sb_shape *shape, unsigned i)
{
    static const char *const prefixes[] = {"+4930231", "+1202555", "+91222555"};
    const char *agent = json_object_iter_key(json_object_iter(store->agents));
    char text[48];
    for (unsigned j = 0; j < shape->gateways; j++) {
        snprintf(text, sizeof text, "gw%u.carrier-%u.example.net", j + 1, i);
        json_t *body = json_pack("{s:s, s:i, s:i}", "host", text, "port", 5060 + (int)(j % 2),
                                 "priority", (int)(j / 2) + 1);
        sb_bolna_trunk_add_gateway(store, trunk, body);
        json_decref(body);
    }
    for (unsigned j = 0; j < shape->acls; j++) {
        snprintf(text, sizeof text, j == 1 ? "198.51.100.%u/31" : "203.0.113.%u",
                 (i * 4 + j * 2) % 240);
        json_t *body = json_pack("{s:s}", "cidr", text);
        sb_bolna_trunk_add_acl(store, trunk, body);
        json_decref(body);
    }
    for (unsigned j = 0; j < shape->numbers; j++) {
        snprintf(text, sizeof text, "%s%04u", prefixes[(i + j) % 3], 10 * i + j);
        json_t *body = json_pack("{s:s, s:s, s:s?}", "e164", text, "destination_key",
                                 j % 2 ? text : text + 1, "agent_id", j == 0 ? agent : NULL);
        sb_bolna_trunk_add_number(store, trunk, body);
        json_decref(body);
    }
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
    json_t *trunk =
        json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:b, s:b, s:i}", "name", name, "description",
                  shape->description, "preset", shape->preset, "transport", shape->transport,
                  "codecs", shape->codecs, "is_active", shape->active,
                  "outbound_leading_plus_enabled", shape->plus, "channels", (int)shape->channels);
    if (shape->credentials) {
        snprintf(user, sizeof user, "outbound-%05u", i);
        json_object_set_new(trunk, "auth_username", json_string(user));
        json_object_set_new(trunk, "auth_password", sb_password(&store->random));
    }
    sb_bolna_trunk_add(store, trunk);
    add_parts(store, trunk, shape, i);
    if (!shape->active)
        json_object_set_new(trunk, "health", json_string("disabled"));
}

int sb_bolna_trunk_seed(sb_store *store, unsigned trunks)
{
    static const char *const names[] = {"Reception", "Störungsannahme", "Sales India"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char id[37];
        sb_random_uuid(&store->random, id);
        json_object_set_new(store->agents, id, json_pack("{s:s, s:s}", "id", id, "name", names[i]));
    }
    for (unsigned i = 0; i < trunks; i++)
        add_trunk(store, i);
    return json_object_size(store->trunks) == trunks && json_object_size(store->agents) == 3 ? 0
                                                                                             : -1;
}
