/*
 * The trunks that a Vatel organization starts with: every way of inbound authentication, with and
 * without outbound credentials and registration. Unset fields are absent.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/vatel.h"

typedef struct sb_shape {
    const char *pbx;
    const char *inbound;       /* digest, acl, none; NULL: not set */
    const char *inbound_host;  /* NULL: not set */
    const char *outbound_host; /* NULL: not set */
    bool inbound_user, outbound_user, registers;
    unsigned assignments;
} sb_shape;

static const sb_shape shapes[] = {
    {"3cx", "digest", NULL, "pbx.example.com", true, true, true, 2},
    {"generic", "acl", "203.0.113.40", "sbc.example.net", false, true, false, 1},
    {"yeastar", "digest", "", NULL, true, false, false, 1},
    {"generic", "none", NULL, "198.51.100.7:5080", false, true, true, 0},
    {"webex", "acl", "198.51.100.0/28", "edge.example.org", false, false, false, 3},
    {"generic", "digest", "carrier.example.com", "carrier.example.com", true, true, false, 0},
    {"generic", NULL, NULL, NULL, false, false, false, 0},
    {"3cx", "digest", NULL, "mum.pbx.example.org", true, true, true, 1},
};

static void set_text(json_t *trunk, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_new(trunk, name, json_string(text));
}

static void set_credentials(sb_store *store, json_t *trunk, const char *leg, unsigned i)
{
    char name[40], user[40];
    snprintf(user, sizeof user, "%s-%05u-%u", strcmp(leg, "inbound") == 0 ? "pbx" : "carrier", i,
             100 + sb_random_below(&store->random, 900));
    snprintf(name, sizeof name, "%s_sip_username", leg);
    json_object_set_new(trunk, name, json_string(user));
    snprintf(name, sizeof name, "%s_sip_password", leg);
    json_object_set_new(trunk, name, sb_password(&store->random));
}

static void add_assignments(sb_store *store, json_t *trunk, unsigned count, unsigned i)
{
    static const char *const prefixes[] = {"+4930231", "+1202555", "+91222555"};
    bool acl = strcmp(sb_text(trunk, "inbound_auth_type"), "acl") == 0;
    for (unsigned j = 0; j < count; j++) {
        char number[32];
        const char *agent = json_object_iter_key(json_object_iter(store->agents));
        snprintf(number, sizeof number, "%s%04u", prefixes[(i + j) % 3], 10 * i + j);
        sb_vatel_assign(store, trunk,
                        json_pack("{s:s, s:s}", "agent_id", agent,
                                  acl ? "alternate_number" : "number", number));
    }
}

static void add_trunk(sb_store *store, unsigned i)
{
    const sb_shape *shape = &shapes[i % (sizeof shapes / sizeof shapes[0])];
    json_t *trunk = json_pack("{s:s}", "pbx", shape->pbx);
    set_text(trunk, "inbound_auth_type", shape->inbound);
    set_text(trunk, "inbound_host", shape->inbound_host);
    set_text(trunk, "outbound_host", shape->outbound_host);
    if (shape->inbound_user)
        set_credentials(store, trunk, "inbound", i);
    if (shape->outbound_user)
        set_credentials(store, trunk, "outbound", i);
    if (shape->registers || shape->inbound_user)
        json_object_set_new(trunk, "register", json_boolean(shape->registers));
    if (shape->registers && shape->inbound_user)
        json_object_set_new(trunk, "inbound_registration_status", json_string("registered"));
    if (shape->registers)
        json_object_set_new(trunk, "outbound_registration_status", json_string("registered"));
    if (i % 4 == 1)
        json_object_set_new(trunk, "caller_id_transforms",
                            json_pack("[{s:s, s:i}, {s:s, s:s}, {s:s, s:s, s:s}]", "type",
                                      "strip_digits_start", "number", 2, "type", "add_prefix",
                                      "value", "+49", "type", "replace", "value", "00", "value2",
                                      "+"));
    sb_vatel_add(store, trunk);
    add_assignments(store, trunk, shape->assignments, i);
}

int sb_vatel_seed(sb_store *store, unsigned trunks)
{
    static const char *const names[] = {"Reception", "Buchhaltung", "Sales India", "Not ours"};
    for (size_t i = 0; i < 4; i++) {
        char id[37];
        sb_random_uuid(&store->random, id);
        json_object_set_new(
            store->agents, id,
            json_pack("{s:s, s:s, s:b}", "id", id, "name", names[i], "foreign", i == 3));
    }
    for (unsigned i = 0; i < trunks; i++)
        add_trunk(store, i);
    return json_object_size(store->trunks) == trunks && json_object_size(store->agents) == 4 ? 0
                                                                                             : -1;
}
