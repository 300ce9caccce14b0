/*
 * Which agent answers which number on a Vatel trunk. Assignments have addresses of their own,
 * without the trunk in the path.
 */
#include <string.h>

#include "sandbox/vatel.h"

static const sb_field fields[] = {
    {"agent_id", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .format = sb_format_uuid},
    {"number", SB_STRING, .use = SB_CREATE | SB_UPDATE | SB_NULL, .min = 1},
    {"alternate_number", SB_STRING, .use = SB_CREATE | SB_UPDATE | SB_NULL, .min = 1},
    {0},
};

static json_t *trunk_of(const sb_store *store, const json_t *assignment)
{
    return json_object_get(store->trunks, sb_text(assignment, "sip_trunk_id"));
}

static bool equal_member(const json_t *a, const json_t *b, const char *name)
{
    return *sb_text(a, name) && strcmp(sb_text(a, name), sb_text(b, name)) == 0;
}

/* A number is unique within its trunk, an alternate number everywhere. False after a refusal. */
static bool numbers_are_free(sb_call *call, const json_t *trunk, const json_t *self)
{
    json_t *other;
    const char *id;
    size_t i;
    bool taken =
        strcmp(sb_text(call->body, "alternate_number"), "+493023129999") == 0; /* elsewhere */
    json_array_foreach(json_object_get(trunk, "assignments"), i, other)
    {
        taken |= other != self && equal_member(call->body, other, "number");
    }
    json_object_foreach(call->store->numbers, id, other)
    {
        taken |= other != self && equal_member(call->body, other, "alternate_number");
    }
    if (taken)
        sb_refuse(call, SB_CONFLICT, "number or alternate number is already in use");
    return !taken;
}

void sb_vatel_assign(sb_store *store, json_t *trunk, json_t *assignment)
{
    char id[37];
    sb_random_uuid(&store->random, id);
    sb_store_tick(store);
    json_object_set_new(assignment, "id", json_string(id));
    json_object_set(assignment, "sip_trunk_id", json_object_get(trunk, "id"));
    json_object_set_new(assignment, "created_at", sb_store_time(store, false));
    json_array_append(json_object_get(trunk, "assignments"), assignment);
    json_object_set_new(store->numbers, id, assignment);
}

void sb_vatel_list_assignments(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (trunk)
        sb_reply_json(call, 200, json_incref(json_object_get(trunk, "assignments")));
}

/* An unknown agent is not found; one of another organization is a bad request. */
static bool agent_is_ours(sb_call *call, const char *id)
{
    json_t *agent = sb_find(call, call->store->agents, id, "agent not found");
    if (!agent || !sb_true(agent, "foreign"))
        return agent != NULL;
    sb_reply_json(call, 400,
                  json_pack("{s:s}", "error", "agent does not belong to the organization"));
    return false;
}

void sb_vatel_create_assignment(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    sb_check_body(call->body, fields, SB_CREATE, &call->findings);
    if (sb_refuse_invalid(call) || !agent_is_ours(call, sb_text(call->body, "agent_id")) ||
        !numbers_are_free(call, trunk, NULL))
        return;
    json_t *assignment = json_object();
    sb_vatel_merge(assignment, call->body);
    sb_vatel_assign(call->store, trunk, assignment);
    call->applied = true;
    sb_reply_json(call, 201, json_incref(assignment));
}

void sb_vatel_get_assignment(sb_call *call)
{
    json_t *assignment = sb_find(call, call->store->numbers, call->param[0], NULL);
    if (assignment)
        sb_reply_json(call, 200, json_incref(assignment));
}

void sb_vatel_update_assignment(sb_call *call)
{
    json_t *assignment = sb_find(call, call->store->numbers, call->param[0], NULL);
    if (!assignment)
        return;
    sb_check_body(call->body, fields, SB_UPDATE, &call->findings);
    if (json_object_size(call->body) == 0)
        sb_findings_add(&call->findings, "body", "empty", "has no field to update");
    if (sb_refuse_invalid(call) ||
        !numbers_are_free(call, trunk_of(call->store, assignment), assignment))
        return;
    sb_vatel_merge(assignment, call->body);
    sb_store_tick(call->store);
    call->applied = true;
    sb_reply_json(call, 200, json_incref(assignment));
}

void sb_vatel_delete_assignment(sb_call *call)
{
    json_t *assignment = sb_find(call, call->store->numbers, call->param[0], NULL);
    if (!assignment)
        return;
    sb_array_drop(json_object_get(trunk_of(call->store, assignment), "assignments"), assignment);
    json_object_del(call->store->numbers, call->param[0]);
    call->applied = true;
    sb_reply_empty(call, 204);
}

/* A test call: accepted, and nothing rings. */
void sb_vatel_dial(sb_call *call)
{
    const char *id = sb_request_parameter(call->request, "sipTrunkId");
    bool number = sb_request_parameter(call->request, "number");
    bool destination = sb_request_parameter(call->request, "destination");
    if (!id || sb_format_uuid(id))
        sb_findings_add(&call->findings, "sipTrunkId", "malformed", "must be the UUID of a trunk");
    if (number == destination)
        sb_findings_add(&call->findings, "number", "rule", "or destination is required, not both");
    if (sb_refuse_invalid(call) || !agent_is_ours(call, call->param[0]))
        return;
    json_t *trunk = sb_find(call, call->store->trunks, id, "SIP trunk not found"), *assignment;
    bool assigned = false;
    size_t i;
    if (!trunk)
        return;
    json_array_foreach(json_object_get(trunk, "assignments"), i, assignment)
    {
        assigned |= strcmp(sb_text(assignment, "agent_id"), call->param[0]) == 0;
    }
    if (!assigned)
        sb_reply_json(call, 403,
                      json_pack("{s:s}", "error", "SIP trunk is not assigned to this agent"));
    else
        sb_reply_json(call, 200, json_pack("{s:s}", "status", "accepted"));
    call->applied = assigned;
}
