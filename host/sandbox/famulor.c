/*
 * Famulor and Autocalls: one schema with two faces. Autocalls documents fewer endpoints, no limits
 * and no 401 body; the rest is the same.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/famulor.h"

static const char *const trunk_types[] = {"extension", "number", NULL};
static const char *const calling_formats[] = {"+e164", "e164", "national", NULL};
static const char *const inbound_types[] = {"auth", "ip", NULL};

static const sb_field trunk_fields[] = {
    {"sip_trunk_type", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .choices = trunk_types},
    {"phone_number", SB_STRING, .use = SB_CREATE | SB_REQUIRED | SB_UPDATE, .min = 1, .max = 15},
    {"nickname", SB_STRING, .use = SB_CREATE | SB_UPDATE | SB_NULL, .max = 50},
    {"sip_username", SB_STRING, .use = SB_CREATE | SB_REQUIRED | SB_UPDATE, .min = 3, .max = 128},
    {"sip_password", SB_STRING, .use = SB_CREATE | SB_REQUIRED | SB_UPDATE, .min = 3},
    {"sip_address", SB_STRING, .use = SB_CREATE | SB_REQUIRED | SB_UPDATE, .min = 1,
     .format = sb_format_host},
    {"sip_calling_format", SB_STRING, .use = SB_CREATE | SB_REQUIRED | SB_UPDATE,
     .choices = calling_formats},
    {"inbound_authorization_type", SB_STRING, .use = SB_CREATE | SB_REQUIRED | SB_UPDATE,
     .choices = inbound_types},
    {"allowed_inbound_ips", SB_STRINGS, .use = SB_CREATE | SB_UPDATE | SB_NULL,
     .format = sb_format_ip},
    {"country_code", SB_STRING, .use = SB_CREATE | SB_UPDATE, .format = sb_format_country},
    {"outbound_proxy", SB_BOOLEAN, .use = SB_CREATE | SB_UPDATE},
    {0},
};

/* Which infrastructure trunks a field re-creates. Country and calling format are only stored. */
static const struct {
    const char *field;
    bool inbound, outbound;
} recreated_by[] = {
    {"sip_username", true, true},         {"sip_password", true, true},
    {"phone_number", true, true},         {"sip_address", false, true},
    {"outbound_proxy", false, true},      {"inbound_authorization_type", true, false},
    {"allowed_inbound_ips", true, false},
};

static const char *const list_view[] = {"id",
                                        "phone_number",
                                        "nickname",
                                        "sip_username",
                                        "sip_address",
                                        "sip_calling_format",
                                        "inbound_authorization_type",
                                        "allowed_inbound_ips",
                                        "outbound_proxy",
                                        "country_code",
                                        "created_at",
                                        "updated_at",
                                        NULL};
static const char *const full_view[] = {"id",
                                        "phone_number",
                                        "nickname",
                                        "sip_username",
                                        "sip_address",
                                        "sip_calling_format",
                                        "inbound_authorization_type",
                                        "allowed_inbound_ips",
                                        "outbound_proxy",
                                        "country_code",
                                        "inbound_trunk_id",
                                        "outbound_trunk_id",
                                        "created_at",
                                        "updated_at",
                                        NULL};

/* A new ST_ id; leg: inbound_trunk_id or outbound_trunk_id. */
static void new_leg(sb_store *store, json_t *trunk, const char *leg)
{
    char id[16] = "ST_";
    sb_random_word(&store->random, id + 3, 12);
    json_object_set_new(trunk, leg, json_string(id));
}

static void list_trunks(sb_call *call)
{
    sb_page page = sb_page_asked(call, json_object_size(call->store->trunks));
    json_t *list = sb_page_items(&page, call->store->trunks, list_view);
    sb_reply_json(call, 200, sb_page_envelope(call, &page, list));
}

#define UPDATED "SIP trunk updated successfully."

static void get_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (trunk)
        sb_reply_json(call, 200, json_pack("{s:o}", "data", sb_pick(trunk, full_view)));
}

/* The rule between the way of inbound authorization and the allow list. trunk: NULL on create. */
static void check_inbound(sb_call *call, const json_t *trunk)
{
    json_t *list = json_object_get(call->body, "allowed_inbound_ips");
    const char *sent = sb_string(call->body, "inbound_authorization_type");
    const char *type = sent ? sent : sb_text(trunk, "inbound_authorization_type");
    if (strcmp(type, "ip") == 0 && (sent || list) && json_array_size(list) == 0)
        sb_findings_add(
            &call->findings, "allowed_inbound_ips", "rule", "%s",
            "At least one allowed IP address is required when authorization type is \"ip\".");
    if (strcmp(type, "auth") == 0 && json_array_size(list) > 0)
        sb_findings_add(&call->findings, "allowed_inbound_ips", "rule", "%s",
                        "Allowed IP addresses need authorization type \"ip\".");
}

static void check_number(sb_call *call, const char *type)
{
    const char *number = sb_string(call->body, "phone_number");
    if (!number || strcmp(type, "number") != 0)
        return;
    const char *rule = sb_format_e164(number);
    if (rule)
        sb_findings_add(&call->findings, "phone_number", "malformed", "%s", rule);
}

/* Famulor finds the country of a number by itself; everything else must name it. */
static void check_country(sb_call *call, const char *type)
{
    bool detects = call->store->api == &sb_famulor && strcmp(type, "number") == 0;
    if (!detects && !json_object_get(call->body, "country_code"))
        sb_findings_add(&call->findings, "country_code", "missing", "is required");
}

static const char *country_of(const char *number)
{
    static const char *const prefixes[][2] = {{"+1", "US"},  {"+31", "NL"}, {"+33", "FR"},
                                              {"+39", "IT"}, {"+41", "CH"}, {"+43", "AT"},
                                              {"+44", "GB"}, {"+49", "DE"}, {"+91", "IN"}};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(number, prefixes[i][0], strlen(prefixes[i][0])) == 0)
            return prefixes[i][1];
    return "US";
}

static bool same(const json_t *a, const json_t *b, const char *name)
{
    return strcmp(sb_text(a, name), sb_text(b, name)) == 0;
}

static bool exists_already(sb_call *call)
{
    json_t *trunk;
    const char *id;
    json_object_foreach(call->store->trunks, id, trunk)
    {
        if (same(trunk, call->body, "phone_number") && same(trunk, call->body, "sip_username") &&
            same(trunk, call->body, "sip_address"))
            return true;
    }
    return false;
}

void sb_famulor_add(sb_store *store, json_t *trunk)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)store->next_id);
    sb_store_tick(store);
    json_object_set_new(trunk, "id", json_integer(store->next_id++));
    sb_default(trunk, "nickname", json_null());
    sb_default(trunk, "outbound_proxy", json_false());
    sb_default(trunk, "country_code", json_string(country_of(sb_text(trunk, "phone_number"))));
    if (strcmp(sb_text(trunk, "inbound_authorization_type"), "auth") == 0)
        json_object_set_new(trunk, "allowed_inbound_ips", json_null());
    new_leg(store, trunk, "inbound_trunk_id");
    new_leg(store, trunk, "outbound_trunk_id");
    json_object_set_new(trunk, "created_at", sb_store_time(store, true));
    json_object_set_new(trunk, "updated_at", sb_store_time(store, true));
    json_object_set_new(store->trunks, id, trunk);
}

static void create_trunk(sb_call *call)
{
    sb_check_body(call->body, trunk_fields, SB_CREATE, &call->findings);
    const char *type = sb_text(call->body, "sip_trunk_type");
    check_number(call, type);
    check_country(call, type);
    check_inbound(call, NULL);
    if (sb_refuse_invalid(call))
        return;
    if (exists_already(call)) {
        sb_refuse(call, SB_CONFLICT,
                  "A SIP trunk with the same phone number, username, and address already exists.");
        return;
    }
    json_t *trunk = json_copy(call->body);
    sb_famulor_add(call->store, trunk);
    call->applied = true;
    sb_reply_json(call, 201,
                  json_pack("{s:s, s:o}", "message", "SIP trunk created successfully.", "data",
                            sb_pick(trunk, full_view)));
}

static void recreate_legs(sb_call *call, json_t *trunk)
{
    bool inbound = false, outbound = false;
    for (size_t i = 0; i < sizeof recreated_by / sizeof recreated_by[0]; i++) {
        if (json_object_get(call->body, recreated_by[i].field)) {
            inbound |= recreated_by[i].inbound;
            outbound |= recreated_by[i].outbound;
        }
    }
    if (inbound)
        new_leg(call->store, trunk, "inbound_trunk_id");
    if (outbound)
        new_leg(call->store, trunk, "outbound_trunk_id");
}

static void update_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    sb_check_body(call->body, trunk_fields, SB_UPDATE, &call->findings);
    check_inbound(call, trunk);
    if (sb_refuse_invalid(call))
        return;
    sb_merge(trunk, call->body, NULL);
    if (strcmp(sb_text(trunk, "inbound_authorization_type"), "auth") == 0)
        json_object_set_new(trunk, "allowed_inbound_ips", json_null());
    recreate_legs(call, trunk);
    sb_store_tick(call->store);
    json_object_set_new(trunk, "updated_at", sb_store_time(call->store, true));
    call->applied = true;
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:o}", "message", UPDATED, "data", sb_pick(trunk, full_view)));
}

#define TRUNKS    "/user/phone-numbers/sip-trunks"
#define NO_TRUNK  "SIP trunk not found."
#define NO_NUMBER "Phone number not found."

static const char *const number_query[] = {"type", NULL};

static const sb_route famulor_routes[] = {
    {"GET", "/user/me", SB_NO_BODY, NULL, NULL, sb_famulor_me},
    {"GET", TRUNKS, SB_NO_BODY, NULL, NULL, list_trunks},
    {"POST", TRUNKS, SB_BODY, NULL, NULL, create_trunk},
    {"GET", TRUNKS "/{int}", SB_NO_BODY, NULL, NO_TRUNK, get_trunk},
    {"PUT", TRUNKS "/{int}", SB_BODY, NULL, NO_TRUNK, update_trunk},
    {"GET", "/user/phone-numbers/all", SB_NO_BODY, NULL, NULL, sb_famulor_all_numbers},
    {"PUT", "/user/phone-numbers/{int}", SB_BODY, NULL, NO_NUMBER, sb_famulor_rename_number},
    {"DELETE", "/user/phone-numbers/{int}", SB_NO_BODY, NULL, NO_NUMBER, sb_famulor_delete_number},
    {"GET", "/user/assistants/phone-numbers", SB_NO_BODY, number_query, NULL,
     sb_famulor_assistant_numbers},
    {"PUT", "/user/assistant/{int}", SB_BODY, NULL, "Assistant not found.",
     sb_famulor_update_assistant},
    {0},
};

static const sb_route autocalls_routes[] = {
    {"GET", TRUNKS, SB_NO_BODY, NULL, NULL, list_trunks},
    {"POST", TRUNKS, SB_BODY, NULL, NULL, create_trunk},
    {"GET", TRUNKS "/{int}", SB_NO_BODY, NULL, NO_TRUNK, get_trunk},
    {"PUT", TRUNKS "/{int}", SB_BODY, NULL, NO_TRUNK, update_trunk},
    {"DELETE", "/user/phone-numbers/{int}", SB_NO_BODY, NULL, NO_NUMBER, sb_famulor_delete_number},
    {"GET", "/user/assistants/phone-numbers", SB_NO_BODY, NULL, NULL, sb_famulor_assistant_numbers},
    {0},
};

const sb_api sb_famulor = {
    .name = "famulor",
    .base = "/famulor/api",
    .routes = famulor_routes,
    .windows = {{100, 60000000000u}, {20, 10000000000u}},
    .rate_headers = true,
    .read_only_tokens = true,
    .get = get_trunk,
    .create = create_trunk,
    .update = update_trunk,
    .created = 201,
    .updated = UPDATED,
    .seed = sb_famulor_seed,
    .refuse = sb_famulor_refuse,
};

const sb_api sb_autocalls = {
    .name = "autocalls",
    .base = "/autocalls/api",
    .routes = autocalls_routes,
    .get = get_trunk,
    .create = create_trunk,
    .update = update_trunk,
    .created = 201,
    .updated = UPDATED,
    .seed = sb_famulor_seed,
    .refuse = sb_autocalls_refuse,
};
