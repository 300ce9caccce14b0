/*
 * The trunks that a Famulor or Autocalls account starts with. The first two are like those of the
 * public documentation; after them the shapes take turns. Other numbers lie between them in the id
 * space.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/famulor.h"

typedef struct sb_shape {
    const char *prefix; /* of an E.164 number; NULL: an extension */
    const char *country;
    const char *address;
    const char *format;
    const char *nickname; /* NULL: null */
    unsigned sources;     /* allowed IPs; 0: by user and password */
    bool proxy;
} sb_shape;

static const sb_shape shapes[] = {
    {NULL, "US", "sip.provider.example.com", "+e164", "Front desk", 0, false},
    {"+1415555", "US", "sip.provider.example.com", "e164", NULL, 2, true},
    {"+49302312", "DE", "sbc1.example.net", "national", "Büro Köln – Zentrale", 0, true},
    {NULL, "DE", "203.0.113.25", "+e164", "Zürich Empfang", 1, false},
    {"+1202555", "US", "us-east.trunk.example.com", "+e164", "", 3, false},
    {"+91222555", "IN", "mum.sip.example.org", "national", "मुंबई कार्यालय", 0, false},
    {"+44207946", "GB", "lon.sip.example.org", "e164", "サポート 東京", 1, true},
    {NULL, "GB", "pbx-7.example.net", "+e164", "Fifty characters: the longest label that fits it.",
     0, false},
};

static json_t *sources(unsigned count, unsigned i)
{
    json_t *list = json_array();
    for (unsigned j = 0; j < count; j++) {
        char address[24];
        snprintf(address, sizeof address, "%s.%u", j % 2 ? "198.51.100" : "203.0.113",
                 10 * (j + 1) + i % 10);
        json_array_append_new(list, json_string(address));
    }
    return list;
}

static void add_trunk(sb_store *store, unsigned i)
{
    static const unsigned count = sizeof shapes / sizeof shapes[0];
    const sb_shape *shape = &shapes[i % count];
    char number[32], user[40];
    if (!shape->prefix)
        snprintf(number, sizeof number, "%u", 1000 + i);
    else
        snprintf(number, sizeof number, "%s%04u", shape->prefix, 125 + i);
    if (i < 2)
        snprintf(user, sizeof user, "%s", i == 0 ? "myuser" : "trunk_user");
    else
        snprintf(user, sizeof user, "trunk.%04u-%c", i,
                 'a' + (int)sb_random_below(&store->random, 26));
    json_t *trunk =
        json_pack("{s:s, s:s, s:s?, s:s, s:o, s:s, s:s, s:s, s:s, s:b}", "sip_trunk_type",
                  shape->prefix ? "number" : "extension", "phone_number", number, "nickname",
                  shape->nickname, "sip_username", user, "sip_password",
                  sb_password(&store->random), "sip_address", shape->address, "sip_calling_format",
                  shape->format, "inbound_authorization_type", shape->sources ? "ip" : "auth",
                  "country_code", shape->country, "outbound_proxy", shape->proxy);
    if (shape->sources)
        json_object_set_new(trunk, "allowed_inbound_ips", sources(shape->sources, i));
    sb_famulor_add(store, trunk);
}

static void add_number(sb_store *store, const char *number, const char *country, const char *type,
                       bool released, bool shared)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)store->next_id);
    json_object_set_new(store->numbers, id,
                        json_pack("{s:I, s:s, s:s, s:n, s:s, s:b, s:b, s:o}", "id",
                                  (json_int_t)store->next_id++, "phone_number", number, "type",
                                  type, "nickname", "country_code", country,
                                  "scheduled_for_release", released, "shared", shared, "created_at",
                                  sb_store_time(store, true)));
}

int sb_famulor_seed(sb_store *store, unsigned trunks)
{
    static const struct {
        unsigned after; /* trunks */
        const char *number, *country, *type;
        bool released, shared;
    } numbers[] = {
        {2, "+493023125900", "DE", "normal", false, false},
        {4, "+12025550199", "US", "normal", false, false},
        {7, "+442079460999", "GB", "caller_id", false, false},
        {9, "+912225559999", "IN", "normal", true, false},
        {12, "+493023125901", "DE", "normal", false, true},
    };
    size_t next = 0, count = sizeof numbers / sizeof numbers[0];
    for (unsigned i = 0; i < trunks || next < count; i++) {
        if (i < trunks)
            add_trunk(store, i);
        for (; next < count && (numbers[next].after <= i + 1 || i >= trunks); next++)
            add_number(store, numbers[next].number, numbers[next].country, numbers[next].type,
                       numbers[next].released, numbers[next].shared);
    }
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"Reception", "Störungsannahme", "Night line"};
        char id[12];
        snprintf(id, sizeof id, "%d", 701 + i);
        json_object_set_new(store->agents, id,
                            json_pack("{s:i, s:s, s:s, s:s, s:s, s:o}", "id", 701 + i, "name",
                                      names[i], "status", "active", "type", "inbound", "mode",
                                      "pipeline", "phone_number_id",
                                      i == 0 && trunks ? json_integer(42) : json_null()));
    }
    return json_object_size(store->trunks) == trunks && json_object_size(store->agents) == 3 ? 0
                                                                                             : -1;
}
