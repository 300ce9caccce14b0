/*
 * Numbers of Bolna's older API: they are added, removed and mapped to agents, never changed. A
 * removed one is kept and marked.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/bolna.h"

const sb_field sb_bolna_number_fields[] = {
    {"phone_number", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1},
    {"name", SB_STRING, .use = SB_CREATE},
    {"e164_check_enabled", SB_BOOLEAN, .use = SB_CREATE},
    {"is_active", SB_BOOLEAN, .use = SB_CREATE},
    {0},
};
static const sb_field setup_fields[] = {
    {"agent_id", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .format = sb_format_uuid},
    {"phone_number_id", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1},
    {0},
};
static const sb_field unlink_fields[] = {
    {"phone_number_id", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1},
    {0},
};

static const char *const view[] = {"id",
                                   "phone_number",
                                   "name",
                                   "agent_id",
                                   "byot_trunk_id",
                                   "telephony_provider",
                                   "is_active",
                                   "deleted",
                                   "created_at",
                                   "updated_at",
                                   NULL};

bool sb_bolna_number_taken(const sb_store *store, const char *number)
{
    json_t *other;
    const char *id;
    json_object_foreach(store->numbers, id, other)
    {
        json_t *trunk = json_object_get(store->trunks, sb_text(other, "byot_trunk_id"));
        if (!sb_true(other, "deleted") && sb_true(trunk, "is_active") &&
            strcmp(sb_text(other, "phone_number"), number) == 0)
            return true;
    }
    return false;
}

void sb_bolna_check_number(sb_call *call, const json_t *number, const char *path)
{
    char field[64];
    const char *text = sb_text(number, "phone_number");
    const char *rule = sb_true(number, "e164_check_enabled") && *text ? sb_format_e164(text) : NULL;
    snprintf(field, sizeof field, "%sphone_number", path);
    if (rule)
        sb_findings_add(&call->findings, field, "malformed", "%s", rule);
}

void sb_bolna_add_number(sb_store *store, json_t *trunk, json_t *number)
{
    json_object_set_new(number, "id", sb_bolna_id(store));
    sb_default(number, "name", json_string(""));
    sb_default(number, "is_active", json_true());
    json_object_set_new(number, "agent_id", json_null());
    json_object_set(number, "byot_trunk_id", json_object_get(trunk, "id"));
    json_object_set_new(number, "telephony_provider", json_string("sip-trunk"));
    json_object_set_new(number, "deleted", json_false());
    json_object_set_new(number, "created_at", sb_store_time(store, true));
    json_object_set_new(number, "updated_at", sb_store_time(store, true));
    json_array_append(json_object_get(trunk, "phone_numbers"), number);
    json_object_set_new(store->numbers, sb_text(number, "id"), number);
}

void sb_bolna_list_numbers(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL), *number, *list;
    size_t i;
    if (!trunk)
        return;
    list = json_array();
    json_array_foreach(json_object_get(trunk, "phone_numbers"), i, number)
    {
        json_array_append_new(list, sb_pick(number, view));
    }
    sb_reply_json(call, 200, list);
}

void sb_bolna_create_number(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    sb_check_body(call->body, sb_bolna_number_fields, SB_CREATE, &call->findings);
    sb_bolna_check_number(call, call->body, "");
    if (sb_refuse_invalid(call))
        return;
    if (sb_bolna_number_taken(call->store, sb_text(call->body, "phone_number"))) {
        sb_refuse(call, SB_CONFLICT, "Phone number is already present on another active trunk");
        return;
    }
    json_t *number = json_copy(call->body);
    sb_bolna_touch(call->store, trunk);
    sb_bolna_add_number(call->store, trunk, number);
    call->applied = true;
    sb_reply_json(call, 201, sb_pick(number, view));
}

void sb_bolna_delete_number(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    json_t *number = json_object_get(call->store->numbers, call->param[1]);
    if (!trunk)
        return;
    if (!number || sb_true(number, "deleted") ||
        strcmp(sb_text(number, "byot_trunk_id"), call->param[0]) != 0) {
        sb_refuse(call, SB_NOT_FOUND, "Phone number not found");
        return;
    }
    sb_bolna_touch(call->store, trunk);
    json_object_set_new(number, "deleted", json_true());
    json_object_set_new(number, "agent_id", json_null());
    json_object_set_new(number, "updated_at", sb_store_time(call->store, true));
    sb_array_drop(json_object_get(trunk, "phone_numbers"), number);
    call->applied = true;
    sb_reply_json(call, 200, json_pack("{s:s}", "message", "Phone number removed successfully"));
}

/* Gives the number to the agent, or to nobody when agent is NULL. */
static void set_agent(sb_call *call, json_t *number, const char *agent)
{
    char url[128];
    snprintf(url, sizeof url, "https://calls.example.com/inbound/%s", agent ? agent : "");
    sb_store_tick(call->store);
    json_object_set_new(number, "agent_id", agent ? json_string(agent) : json_null());
    json_object_set_new(number, "updated_at", sb_store_time(call->store, true));
    call->applied = true;
    sb_reply_json(call, 200,
                  json_pack("{s:s?, s:s, s:s}", "url", agent ? url : NULL, "phone_number",
                            sb_text(number, "phone_number"), "id", sb_text(number, "id")));
}

static json_t *find_live(sb_call *call)
{
    json_t *number =
        sb_find(call, call->store->numbers, sb_text(call->body, "phone_number_id"), NULL);
    if (number && sb_true(number, "deleted")) {
        sb_refuse(call, SB_NOT_FOUND, NULL);
        return NULL;
    }
    return number;
}

void sb_bolna_map_number(sb_call *call)
{
    sb_check_body(call->body, setup_fields, SB_CREATE, &call->findings);
    if (sb_refuse_invalid(call))
        return;
    json_t *number = find_live(call);
    const char *agent = sb_text(call->body, "agent_id");
    if (number && sb_find(call, call->store->agents, agent, "Agent not found"))
        set_agent(call, number, agent);
}

void sb_bolna_unmap_number(sb_call *call)
{
    sb_check_body(call->body, unlink_fields, SB_CREATE, &call->findings);
    if (sb_refuse_invalid(call))
        return;
    json_t *number = find_live(call);
    if (number)
        set_agent(call, number, NULL);
}
