/*
 * Vatel: trunks without numbers and without a time of change. Two independent credentials, one a
 * leg.
 */
#include "sandbox/vatel.h"

#include <stdio.h>
#include <string.h>

static const char *const presets[] = {"3cx", "yeastar", "webex", "generic", NULL};
static const char *const inbound_types[] = {"digest", "acl", "none", NULL};
static const char *const transform_types[] = {"add_prefix",         "add_suffix",       "replace",
                                              "strip_digits_start", "strip_digits_end", NULL};

static const sb_field transform_fields[] = {
    {"type", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .choices = transform_types},
    {"value", SB_STRING, .use = SB_CREATE},
    {"value2", SB_STRING, .use = SB_CREATE},
    {"number", SB_INTEGER, .use = SB_CREATE},
    {0},
};

enum { BOTH = SB_CREATE | SB_UPDATE, TEXT = SB_CREATE | SB_UPDATE | SB_NULL };

static const sb_field trunk_fields[] = {
    {"pbx", SB_STRING, .use = BOTH | SB_REQUIRED, .choices = presets},
    {"caller_id_transforms", SB_OBJECTS, .use = TEXT, .items = transform_fields},
    {"inbound_host", SB_STRING, .use = TEXT},
    {"inbound_auth_type", SB_STRING, .use = TEXT, .choices = inbound_types},
    {"inbound_sip_username", SB_STRING, .use = TEXT},
    {"inbound_sip_password", SB_STRING, .use = TEXT},
    {"outbound_host", SB_STRING, .use = TEXT},
    {"outbound_sip_username", SB_STRING, .use = TEXT},
    {"outbound_sip_password", SB_STRING, .use = TEXT},
    {"register", SB_BOOLEAN, .use = TEXT},
    {"remain_in_dialog", SB_BOOLEAN, .use = TEXT},
    {0},
};

static const char *const view[] = {"id",
                                   "created_at",
                                   "pbx",
                                   "caller_id_transforms",
                                   "inbound_host",
                                   "inbound_auth_type",
                                   "inbound_sip_username",
                                   "inbound_registration_status",
                                   "outbound_host",
                                   "outbound_sip_username",
                                   "register",
                                   "outbound_registration_status",
                                   "remain_in_dialog",
                                   NULL};

static void check_transforms(sb_call *call)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(call->body, "caller_id_transforms"), i, item)
    {
        const char *type = sb_text(item, "type");
        bool strips = strncmp(type, "strip_", 6) == 0;
        if (!strips && !json_object_get(item, "value"))
            sb_findings_add(&call->findings, "caller_id_transforms", "rule",
                            "item %zu needs a value", i);
        if (strcmp(type, "replace") == 0 && !json_object_get(item, "value2"))
            sb_findings_add(&call->findings, "caller_id_transforms", "rule",
                            "item %zu needs value2", i);
        if (strips && !json_object_get(item, "number"))
            sb_findings_add(&call->findings, "caller_id_transforms", "rule",
                            "item %zu needs a number", i);
    }
}

/* An inbound username is unique among all customers, of whom the sandbox knows one other. */
static bool username_taken(sb_call *call, const json_t *self)
{
    const char *wanted = sb_text(call->body, "inbound_sip_username"), *id;
    json_t *trunk;
    if (*wanted == '\0')
        return false;
    if (strcmp(wanted, "taken-elsewhere") == 0)
        return true;
    json_object_foreach(call->store->trunks, id, trunk)
    {
        if (trunk != self && strcmp(sb_text(trunk, "inbound_sip_username"), wanted) == 0)
            return true;
    }
    return false;
}

void sb_vatel_merge(json_t *record, json_t *body)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
            json_object_del(record, name);
        else
            json_object_set(record, name, value);
    }
}

static void list_trunks(sb_call *call)
{
    sb_page page = sb_page_asked(call, json_object_size(call->store->trunks));
    json_t *trunk;
    const char *id;
    json_object_foreach(call->store->trunks, id, trunk)
    {
        sb_vatel_read(trunk);
    }
    sb_reply_json(call, 200, sb_page_items(&page, call->store->trunks, view));
    sb_page_headers(call, &page);
}

static void get_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    sb_vatel_read(trunk);
    sb_reply_json(call, 200, sb_pick(trunk, view));
}

void sb_vatel_add(sb_store *store, json_t *trunk)
{
    char id[37];
    sb_random_uuid(&store->random, id);
    sb_store_tick(store);
    json_object_set_new(trunk, "id", json_string(id));
    json_object_set_new(trunk, "created_at", sb_store_time(store, false));
    sb_default(trunk, "inbound_registration_status", json_string("not_registered"));
    sb_default(trunk, "outbound_registration_status", json_string("not_registered"));
    json_object_set_new(trunk, "assignments", json_array());
    json_object_set_new(store->trunks, id, trunk);
}

/* Checks what create and update have in common. False after a refusal. trunk: NULL on create. */
static bool acceptable(sb_call *call, const json_t *trunk)
{
    sb_check_body(call->body, trunk_fields, trunk ? SB_UPDATE : SB_CREATE, &call->findings);
    check_transforms(call);
    if (trunk && json_object_size(call->body) == 0)
        sb_findings_add(&call->findings, "body", "empty", "has no field to update");
    if (sb_refuse_invalid(call))
        return false;
    if (username_taken(call, trunk)) {
        sb_refuse(call, SB_CONFLICT, "inbound SIP username is already in use");
        return false;
    }
    return true;
}

static void create_trunk(sb_call *call)
{
    if (!acceptable(call, NULL))
        return;
    json_t *trunk = json_object();
    sb_vatel_merge(trunk, call->body);
    sb_vatel_add(call->store, trunk);
    sb_vatel_credentials(call, trunk);
    call->applied = true;
    sb_reply_json(call, 201, sb_pick(trunk, view));
}

static void update_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk || !acceptable(call, trunk))
        return;
    sb_vatel_merge(trunk, call->body);
    sb_vatel_credentials(call, trunk);
    sb_store_tick(call->store);
    call->applied = true;
    sb_reply_json(call, 200, sb_pick(trunk, view));
}

static void delete_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL), *assignment;
    size_t i;
    if (!trunk)
        return;
    json_array_foreach(json_object_get(trunk, "assignments"), i, assignment)
    {
        json_object_del(call->store->numbers, sb_text(assignment, "id"));
    }
    json_object_del(call->store->trunks, call->param[0]);
    call->applied = true;
    sb_reply_empty(call, 204);
}

static void get_organization(sb_call *call)
{
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:s}", "id", "5eed0000-0000-4000-8000-000000000001", "name",
                            "Sandbox GmbH"));
}

/* 401 and the refusal of a malformed id have no documented body: they come without JSON. */
static void refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    char line[512] = "";
    switch (why) {
    case SB_NO_TOKEN:
    case SB_BAD_TOKEN:
    case SB_FORBIDDEN:
        sb_reply_empty(call, 401);
        return;
    case SB_BAD_ID:
        sb_reply_text(call, 400, "text/plain", "invalid id\n");
        return;
    case SB_INVALID:
        for (size_t i = 0; i < call->findings.count; i++) {
            const sb_finding *finding = &call->findings.list[i];
            size_t used = strlen(line);
            snprintf(line + used, sizeof line - used, "%s%s: %s", i ? "; " : "", finding->field,
                     finding->text);
        }
        break;
    default:
        break;
    }
    int status = why == SB_INVALID     ? 400
                 : why == SB_NOT_FOUND ? 404
                 : why == SB_CONFLICT  ? 409
                 : why == SB_NO_METHOD ? 405
                 : why == SB_LIMITED   ? 429
                 : why == SB_BROKEN    ? 500
                                       : 404;
    if (why == SB_INVALID)
        text = line;
    else if (why == SB_LIMITED)
        text = "too many requests";
    else if (why == SB_BROKEN)
        text = "internal server error";
    else if (!text)
        text = why == SB_NO_METHOD ? "method not allowed" : "not found";
    sb_reply_json(call, status, json_pack("{s:s}", "error", text));
}

#define NO_TRUNK      "SIP trunk not found"
#define NO_ASSIGNMENT "assignment not found"

static const char *const dial_query[] = {"sipTrunkId", "number", "destination", "callerId", NULL};

static const sb_route routes[] = {
    {"GET", "/organization", SB_NO_BODY, NULL, NULL, get_organization},
    {"GET", "/sip-trunks", SB_NO_BODY, NULL, NULL, list_trunks},
    {"POST", "/sip-trunks", SB_BODY, NULL, NULL, create_trunk},
    {"GET", "/sip-trunks/{uuid}", SB_NO_BODY, NULL, NO_TRUNK, get_trunk},
    {"PATCH", "/sip-trunks/{uuid}", SB_BODY, NULL, NO_TRUNK, update_trunk},
    {"DELETE", "/sip-trunks/{uuid}", SB_NO_BODY, NULL, NO_TRUNK, delete_trunk},
    {"GET", "/sip-trunks/assignments/{uuid}", SB_NO_BODY, NULL, NO_ASSIGNMENT,
     sb_vatel_get_assignment},
    {"PATCH", "/sip-trunks/assignments/{uuid}", SB_BODY, NULL, NO_ASSIGNMENT,
     sb_vatel_update_assignment},
    {"DELETE", "/sip-trunks/assignments/{uuid}", SB_NO_BODY, NULL, NO_ASSIGNMENT,
     sb_vatel_delete_assignment},
    {"GET", "/sip-trunks/{uuid}/assignments", SB_NO_BODY, NULL, NO_TRUNK,
     sb_vatel_list_assignments},
    {"POST", "/sip-trunks/{uuid}/assignments", SB_BODY, NULL, NO_TRUNK, sb_vatel_create_assignment},
    {"POST", "/agents/{uuid}/dial", SB_NO_BODY, dial_query, "agent not found", sb_vatel_dial},
    {0},
};

const sb_api sb_vatel = {
    .name = "vatel",
    .base = "/vatel/v1",
    .routes = routes,
    .get = get_trunk,
    .create = create_trunk,
    .update = update_trunk,
    .created = 201,
    .seed = sb_vatel_seed,
    .refuse = refuse,
};
