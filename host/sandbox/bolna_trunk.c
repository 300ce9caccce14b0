/*
 * Bolna's newer trunk API, /trunk: gateways, carrier addresses and numbers are sub-resources,
 * credentials are for outbound calls only and come in pairs.
 */
#include "sandbox/bolna_trunk.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/bolna.h"

static const char *const presets[] = {"plivo", "telnyx", "twilio", "exotel",
                                      "vobiz", "vonage", "custom", NULL};
static const char *const transports[] = {"udp", "tcp", NULL};

enum { BOTH = SB_CREATE | SB_UPDATE };

static const sb_field trunk_fields[] = {
    {"name", SB_STRING, .use = BOTH | SB_REQUIRED, .min = 1, .max = 100},
    {"description", SB_STRING, .use = BOTH | SB_NULL, .max = 500},
    {"preset", SB_STRING, .use = BOTH | SB_NULL, .choices = presets},
    {"is_active", SB_BOOLEAN, .use = BOTH},
    {"inbound_enabled", SB_BOOLEAN, .use = BOTH},
    {"outbound_enabled", SB_BOOLEAN, .use = BOTH},
    {"channels", SB_INTEGER, .use = BOTH, .min = 1, .max = 1000},
    {"default_inbound_agent_id", SB_STRING, .use = BOTH | SB_NULL, .format = sb_format_uuid},
    {"auth_username", SB_STRING, .use = BOTH | SB_NULL, .min = 1},
    {"auth_password", SB_STRING, .use = BOTH | SB_NULL, .min = 1},
    {"transport", SB_STRING, .use = BOTH, .choices = transports},
    {"outbound_leading_plus_enabled", SB_BOOLEAN, .use = BOTH},
    {"codecs", SB_STRING, .use = BOTH, .format = sb_format_pcm},
    {"gateways", SB_OBJECTS, .use = SB_CREATE, .max = SB_GATEWAYS_MAX,
     .items = sb_bolna_gateway_fields},
    {"ip_acls", SB_OBJECTS, .use = SB_CREATE, .items = sb_bolna_acl_fields},
    {0},
};

static const char *const view[] = {"id",
                                   "name",
                                   "description",
                                   "preset",
                                   "is_active",
                                   "inbound_enabled",
                                   "outbound_enabled",
                                   "channels",
                                   "default_inbound_agent_id",
                                   "auth_username",
                                   "transport",
                                   "outbound_leading_plus_enabled",
                                   "codecs",
                                   "gateways",
                                   "ip_acls",
                                   "numbers",
                                   "health",
                                   "active_calls",
                                   "created_at",
                                   "updated_at",
                                   NULL};

void sb_bolna_trunk_touch(sb_store *store, json_t *trunk)
{
    sb_store_tick(store);
    json_object_set_new(trunk, "updated_at", sb_store_time(store, true));
}

/* A page parameter, or its default; adds a finding when it is no number within the bounds. */
static size_t page_parameter(sb_call *call, const char *name, size_t otherwise, size_t max)
{
    const char *text = sb_request_parameter(call->request, name);
    if (!text)
        return otherwise;
    size_t value = sb_format_id(text) ? 0 : strtoul(text, NULL, 10);
    if (value >= 1 && value <= max)
        return value;
    sb_findings_add(&call->findings, name, "malformed", "must be an integer from 1 to %zu", max);
    return otherwise;
}

static void list_trunks(sb_call *call)
{
    size_t number = page_parameter(call, "page_number", 1, 1000000);
    size_t size = page_parameter(call, "page_size", 50, 50);
    if (sb_refuse_invalid(call))
        return;
    if (call->page && call->page < size)
        size = call->page;
    sb_page page = sb_page_make(call, number, size, json_object_size(call->store->trunks));
    sb_reply_json(call, 200,
                  json_pack("{s:I, s:I, s:I, s:b, s:o}", "total", (json_int_t)page.total, "page",
                            (json_int_t)page.number, "page_size", (json_int_t)page.size, "has_more",
                            page.more, "data", sb_page_items(&page, call->store->trunks, view)));
}

static void get_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (trunk)
        sb_reply_json(call, 200, sb_pick(trunk, view));
}

/* Credentials come together: both set, or both null. */
static void check_pair(sb_call *call)
{
    json_t *user = json_object_get(call->body, "auth_username");
    json_t *password = json_object_get(call->body, "auth_password");
    if (!user != !password)
        sb_findings_add(&call->findings, user ? "auth_password" : "auth_username", "rule",
                        "must be sent together with %s", user ? "auth_username" : "auth_password");
    else if (user && json_is_null(user) != json_is_null(password))
        sb_findings_add(&call->findings, "auth_password", "rule", "%s",
                        "must be null together with auth_username, or not at all");
}

void sb_bolna_trunk_add(sb_store *store, json_t *trunk)
{
    json_t *gateways = json_incref(json_object_get(trunk, "gateways")), *item;
    json_t *acls = json_incref(json_object_get(trunk, "ip_acls"));
    char id[37];
    size_t i;
    sb_random_uuid(&store->random, id);
    sb_store_tick(store);
    json_object_set_new(trunk, "id", json_string(id));
    static const char *const nullable[] = {"description", "preset", "default_inbound_agent_id",
                                           "auth_username", "auth_password"};
    for (i = 0; i < sizeof nullable / sizeof nullable[0]; i++)
        sb_default(trunk, nullable[i], json_null());
    static const char *const flags[] = {"is_active", "inbound_enabled", "outbound_enabled",
                                        "outbound_leading_plus_enabled"};
    for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
        sb_default(trunk, flags[i], json_true());
    sb_default(trunk, "channels", json_integer(10));
    sb_default(trunk, "transport", json_string("udp"));
    sb_default(trunk, "codecs", json_string("PCMU,PCMA"));
    json_object_set_new(trunk, "gateways", json_array());
    json_object_set_new(trunk, "ip_acls", json_array());
    json_object_set_new(trunk, "numbers", json_array());
    json_object_set_new(trunk, "health", json_string("waiting_for_carrier"));
    json_object_set_new(trunk, "active_calls", json_integer(0));
    json_object_set_new(trunk, "created_at", sb_store_time(store, true));
    json_object_set_new(trunk, "updated_at", sb_store_time(store, true));
    json_array_foreach(gateways, i, item)
    {
        sb_bolna_trunk_add_gateway(store, trunk, item);
    }
    json_array_foreach(acls, i, item)
    {
        sb_bolna_trunk_add_acl(store, trunk, item);
    }
    json_decref(gateways);
    json_decref(acls);
    json_object_set_new(store->trunks, id, trunk);
}

static void create_trunk(sb_call *call)
{
    sb_check_body(call->body, trunk_fields, SB_CREATE, &call->findings);
    check_pair(call);
    if (sb_refuse_invalid(call) || !sb_bolna_trunk_agent_exists(call, "default_inbound_agent_id"))
        return;
    json_t *trunk = json_copy(call->body);
    sb_bolna_trunk_add(call->store, trunk);
    call->applied = true;
    sb_reply_json(call, 200, sb_pick(trunk, view));
}

static void update_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    sb_check_body(call->body, trunk_fields, SB_UPDATE, &call->findings);
    check_pair(call);
    if (sb_refuse_invalid(call) || !sb_bolna_trunk_agent_exists(call, "default_inbound_agent_id"))
        return;
    sb_merge(trunk, call->body, NULL);
    json_object_set_new(
        trunk, "health",
        json_string(sb_true(trunk, "is_active") ? "waiting_for_carrier" : "disabled"));
    sb_bolna_trunk_touch(call->store, trunk);
    call->applied = true;
    sb_reply_json(call, 200, sb_pick(trunk, view));
}

static void delete_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL), *number;
    size_t i;
    if (!trunk)
        return;
    json_array_foreach(json_object_get(trunk, "numbers"), i, number)
    {
        json_object_del(call->store->numbers, sb_text(number, "id"));
    }
    json_object_del(call->store->trunks, call->param[0]);
    call->applied = true;
    sb_reply_json(call, 200, json_pack("{s:s}", "message", "Trunk deleted"));
}

static void get_edge(sb_call *call)
{
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:i, s:[s, s], s:[s, s], s:s}", "sip_domain",
                            "trunk.example.com", "port", 5060, "transports", "udp", "tcp", "ips",
                            "203.0.113.200", "198.51.100.200", "rtp_ports", "30000-40000"));
}

/* Error bodies are not documented. Assumed: `detail`, as text or as a list of places and messages.
 */
static void refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    if (sb_bolna_refuse_common(call, why))
        return;
    if (why != SB_INVALID && why != SB_BAD_ID) {
        sb_reply_json(call, why == SB_CONFLICT ? 409 : 404, json_pack("{s:s}", "detail", text));
        return;
    }
    json_t *detail = json_array();
    for (size_t i = 0; i < call->findings.count; i++) {
        const sb_finding *finding = &call->findings.list[i];
        bool field = strcmp(finding->field, "path") != 0 && strcmp(finding->field, "query") != 0;
        json_array_append_new(detail, json_pack("{s:[s, s], s:s, s:s}", "loc",
                                                field ? "body" : "request", finding->field, "msg",
                                                finding->text, "type", finding->code));
    }
    sb_reply_json(call, 422, json_pack("{s:o}", "detail", detail));
}

#define TRUNKS    "/trunk/trunks"
#define NO_TRUNK  "Trunk not found"
#define NO_NUMBER "Number not found"

static const char *const pages[] = {"page_number", "page_size", NULL};

static const sb_route routes[] = {
    {"GET", "/user/me", SB_NO_BODY, NULL, NULL, sb_bolna_me},
    {"GET", "/trunk/pop", SB_NO_BODY, NULL, NULL, get_edge},
    {"GET", TRUNKS, SB_NO_BODY, pages, NULL, list_trunks},
    {"POST", TRUNKS, SB_BODY, NULL, NULL, create_trunk},
    {"GET", TRUNKS "/{uuid}", SB_NO_BODY, NULL, NO_TRUNK, get_trunk},
    {"PATCH", TRUNKS "/{uuid}", SB_BODY, NULL, NO_TRUNK, update_trunk},
    {"DELETE", TRUNKS "/{uuid}", SB_NO_BODY, NULL, NO_TRUNK, delete_trunk},
    {"POST", TRUNKS "/{uuid}/gateways", SB_BODY, NULL, NO_TRUNK, sb_bolna_trunk_create_gateway},
    {"DELETE", TRUNKS "/{uuid}/gateways/{uuid}", SB_NO_BODY, NULL, NO_TRUNK,
     sb_bolna_trunk_delete_gateway},
    {"POST", TRUNKS "/{uuid}/ip-acls", SB_BODY, NULL, NO_TRUNK, sb_bolna_trunk_create_acl},
    {"DELETE", TRUNKS "/{uuid}/ip-acls/{uuid}", SB_NO_BODY, NULL, NO_TRUNK,
     sb_bolna_trunk_delete_acl},
    {"POST", TRUNKS "/{uuid}/numbers", SB_BODY, NULL, NO_TRUNK, sb_bolna_trunk_create_number},
    {"DELETE", TRUNKS "/{uuid}/numbers/{uuid}", SB_NO_BODY, NULL, NO_TRUNK,
     sb_bolna_trunk_delete_number},
    {"PATCH", "/trunk/numbers/{uuid}", SB_BODY_OR_EMPTY, NULL, NO_NUMBER,
     sb_bolna_trunk_assign_number},
    {0},
};

const sb_api sb_bolna_trunk = {
    .name = "bolna_trunk",
    .base = "/bolna_trunk",
    .routes = routes,
    .windows = {{1000, 60000000000u}},
    .get = get_trunk,
    .create = create_trunk,
    .update = update_trunk,
    .created = 200,
    .seed = sb_bolna_trunk_seed,
    .refuse = refuse,
};
