/*
 * The numbers of a Famulor or Autocalls account. A trunk is one of them: trunks, bought numbers and
 * caller ids share one id space, and the same DELETE removes a trunk and releases a bought number.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/famulor.h"

static const sb_field nickname_fields[] = {
    {"nickname", SB_STRING, .use = SB_UPDATE | SB_NULL, .max = 50},
    {0},
};
static const sb_field assistant_fields[] = {
    {"phone_number_id", SB_INTEGER, .use = SB_UPDATE | SB_NULL, .min = 1},
    {0},
};

void sb_famulor_me(sb_call *call)
{
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:s, s:f}", "name", "Sandbox", "email", "sandbox@example.com",
                            "total_balance", 125.5));
}

static const char *label_of(const char *type)
{
    return strcmp(type, "sip") == 0 ? "SIP" : strcmp(type, "normal") == 0 ? "Normal" : "Caller ID";
}

static json_t *describe(const json_t *record)
{
    const char *type = json_object_get(record, "type") ? sb_text(record, "type") : "sip";
    return json_pack("{s:O, s:O, s:s, s:s, s:O, s:O}", "id", json_object_get(record, "id"),
                     "phone_number", json_object_get(record, "phone_number"), "type", type,
                     "type_label", label_of(type), "nickname", json_object_get(record, "nickname"),
                     "country_code", json_object_get(record, "country_code"));
}

/* As the list of all numbers shows it, which has words of its own for the types. */
static json_t *describe_fully(const json_t *record)
{
    json_t *described = describe(record);
    bool bought = strcmp(sb_text(described, "type"), "normal") == 0;
    if (bought)
        json_object_set_new(described, "type_label", json_string("Dedicated Number"));
    json_object_update_new(described,
                           json_pack("{s:b, s:s, s:b, s:O}", "sms_capable", bought, "region", "us1",
                                     "has_active_subscription", bought, "created_at",
                                     json_object_get(record, "created_at")));
    return described;
}

void sb_famulor_all_numbers(sb_call *call)
{
    json_t *maps[] = {call->store->numbers, call->store->trunks}, *list = json_array(), *record;
    const char *id;
    for (size_t i = 0; i < 2; i++) {
        json_object_foreach(maps[i], id, record)
        {
            json_array_append_new(list, describe_fully(record));
        }
    }
    sb_reply_json(call, 200, json_pack("{s:o}", "data", list));
}

/* The assistant that has this number, or NULL. */
static json_t *holder(const sb_store *store, const json_t *id)
{
    json_t *assistant;
    const char *key;
    json_object_foreach(store->agents, key, assistant)
    {
        if (json_equal(json_object_get(assistant, "phone_number_id"), id))
            return assistant;
    }
    return NULL;
}

static void add_usable(sb_call *call, json_t *list, json_t *map, bool inbound)
{
    static const char *const view[] = {"id", "phone_number", "country_code", "type_label", NULL};
    json_t *record;
    const char *id;
    json_object_foreach(map, id, record)
    {
        json_t *described = describe(record);
        json_t *item = sb_pick(described, view);
        bool caller_id = strcmp(sb_text(described, "type"), "caller_id") == 0;
        bool free = !holder(call->store, json_object_get(record, "id"));
        json_object_set_new(item, "is_available", json_boolean(free && !(caller_id && inbound)));
        json_array_append_new(list, item);
        json_decref(described);
    }
}

void sb_famulor_assistant_numbers(sb_call *call)
{
    static const char *const types[] = {"inbound", "outbound", NULL};
    const char *type = sb_request_parameter(call->request, "type");
    if (type && !sb_one_of(type, types))
        sb_findings_add(&call->findings, "type", "not_a_choice", "must be inbound or outbound");
    if (sb_refuse_invalid(call))
        return;
    bool inbound = !type || strcmp(type, "inbound") == 0;
    json_t *list = json_array();
    add_usable(call, list, call->store->numbers, inbound);
    add_usable(call, list, call->store->trunks, inbound);
    sb_reply_json(call, 200, list);
}

static json_t *find_number(const sb_store *store, const char *id)
{
    json_t *record = json_object_get(store->trunks, id);
    return record ? record : json_object_get(store->numbers, id);
}

void sb_famulor_rename_number(sb_call *call)
{
    json_t *record = find_number(call->store, call->param[0]);
    if (!record || sb_true(record, "shared")) { /* only its owner may name it */
        sb_refuse(call, SB_NOT_FOUND, NULL);
        return;
    }
    sb_check_body(call->body, nickname_fields, SB_UPDATE, &call->findings);
    if (!json_object_get(call->body, "nickname"))
        sb_findings_add(&call->findings, "nickname", "missing", "is required");
    if (sb_refuse_invalid(call))
        return;
    static const char *const view[] = {"id",           "phone_number", "nickname",
                                       "country_code", "type",         NULL};
    const char *name = sb_text(call->body, "nickname");
    json_object_set_new(record, "nickname", *name ? json_string(name) : json_null());
    sb_store_tick(call->store);
    if (json_object_get(record, "updated_at"))
        json_object_set_new(record, "updated_at", sb_store_time(call->store, true));
    call->applied = true;
    json_t *described = describe(record);
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:o}", "message", "Phone number updated successfully.", "data",
                            sb_pick(described, view)));
    json_decref(described);
}

void sb_famulor_delete_number(sb_call *call)
{
    sb_store *store = call->store;
    const char *id = call->param[0];
    json_t *record = find_number(store, id);
    if (!record) {
        sb_refuse(call, SB_NOT_FOUND, NULL);
        return;
    }
    if (sb_true(record, "scheduled_for_release")) {
        sb_reply_json(
            call, 400,
            json_pack("{s:s}", "error", "Phone number is already scheduled for release."));
        return;
    }
    json_t *assistant = holder(store, json_object_get(record, "id"));
    if (assistant)
        json_object_set_new(assistant, "phone_number_id", json_null());
    if (strcmp(sb_text(record, "type"), "normal") == 0)
        json_object_set_new(record, "scheduled_for_release", json_true());
    else if (json_object_del(store->trunks, id) != 0)
        json_object_del(store->numbers, id);
    sb_store_tick(store);
    call->applied = true;
    sb_reply_json(call, 200, json_pack("{s:s}", "message", "Phone number deleted successfully."));
}

static void check_assignment(sb_call *call, const json_t *assistant)
{
    char id[24];
    json_t *wanted = json_object_get(call->body, "phone_number_id");
    if (!json_is_integer(wanted))
        return;
    snprintf(id, sizeof id, "%lld", (long long)json_integer_value(wanted));
    json_t *record = find_number(call->store, id), *other = holder(call->store, wanted);
    if (!record)
        sb_findings_add(&call->findings, "phone_number_id", "rule", "does not exist");
    else if (strcmp(sb_text(record, "type"), "caller_id") == 0)
        sb_findings_add(&call->findings, "phone_number_id", "rule", "must not be a caller id");
    else if (other && other != assistant)
        sb_findings_add(&call->findings, "phone_number_id", "rule",
                        "is in use by another assistant");
}

void sb_famulor_update_assistant(sb_call *call)
{
    json_t *assistant = sb_find(call, call->store->agents, call->param[0], NULL);
    if (!assistant)
        return;
    sb_check_body(call->body, assistant_fields, SB_UPDATE, &call->findings);
    check_assignment(call, assistant);
    if (sb_refuse_invalid(call))
        return;
    static const char *const view[] = {"id", "name", "status", "type", "mode", NULL};
    sb_merge(assistant, call->body, NULL);
    call->applied = true;
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:o}", "message", "Assistant updated successfully", "data",
                            sb_pick(assistant, view)));
}
