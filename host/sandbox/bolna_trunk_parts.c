/*
 * The sub-resources of a trunk of Bolna's newer API: gateways, carrier addresses, numbers.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/bolna_trunk.h"

const sb_field sb_bolna_gateway_fields[] = {
    {"host", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1, .format = sb_format_host},
    {"port", SB_INTEGER, .use = SB_CREATE, .min = 1, .max = 65535},
    {"priority", SB_INTEGER, .use = SB_CREATE},
    {0},
};
const sb_field sb_bolna_acl_fields[] = {
    {"cidr", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .format = sb_format_ip_or_cidr},
    {0},
};
static const sb_field number_fields[] = {
    {"e164", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .format = sb_format_e164},
    {"destination_key", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1},
    {"agent_id", SB_STRING, .use = SB_CREATE | SB_NULL, .format = sb_format_uuid},
    {0},
};
static const sb_field agent_fields[] = {
    {"agent_id", SB_STRING, .use = SB_UPDATE | SB_NULL, .format = sb_format_uuid},
    {0},
};

bool sb_bolna_trunk_agent_exists(sb_call *call, const char *member)
{
    const char *agent = sb_string(call->body, member);
    return !agent || sb_find(call, call->store->agents, agent, "Agent not found");
}

static json_t *with_id(sb_store *store, json_t *body)
{
    char id[37];
    json_t *part = json_object();
    sb_random_uuid(&store->random, id);
    json_object_set_new(part, "id", json_string(id));
    json_object_update(part, body);
    return part;
}

/* Lower priority first; a tie keeps the order of adding. */
json_t *sb_bolna_trunk_add_gateway(sb_store *store, json_t *trunk, json_t *body)
{
    json_t *gateway = with_id(store, body), *list = json_object_get(trunk, "gateways");
    size_t place = json_array_size(list);
    sb_default(gateway, "port", json_integer(5060));
    sb_default(gateway, "priority", json_integer(1));
    json_object_set_new(gateway, "created_at", sb_store_time(store, true));
    json_int_t priority = json_integer_value(json_object_get(gateway, "priority"));
    while (place > 0 && json_integer_value(json_object_get(json_array_get(list, place - 1),
                                                           "priority")) > priority)
        place--;
    json_array_insert_new(list, place, gateway);
    return gateway;
}

/* A bare address is stored as a range of one. */
static json_t *normalized(const char *cidr)
{
    char text[80];
    if (strchr(cidr, '/'))
        return json_string(cidr);
    snprintf(text, sizeof text, "%s%s", cidr, strchr(cidr, ':') ? "/128" : "/32");
    return json_string(text);
}

json_t *sb_bolna_trunk_add_acl(sb_store *store, json_t *trunk, json_t *body)
{
    json_t *acl = with_id(store, body);
    json_object_set_new(acl, "cidr", normalized(sb_text(body, "cidr")));
    json_object_set_new(acl, "created_at", sb_store_time(store, true));
    json_array_append_new(json_object_get(trunk, "ip_acls"), acl);
    return acl;
}

json_t *sb_bolna_trunk_add_number(sb_store *store, json_t *trunk, json_t *body)
{
    static const char *const unset[] = {"agent_id", "last_inbound_at", "last_outbound_at",
                                        "deleted_at"};
    json_t *number = with_id(store, body);
    json_object_set(number, "trunk_id", json_object_get(trunk, "id"));
    for (size_t i = 0; i < sizeof unset / sizeof unset[0]; i++)
        sb_default(number, unset[i], json_null());
    json_object_set_new(number, "created_at", sb_store_time(store, true));
    json_object_set_new(number, "updated_at", sb_store_time(store, true));
    json_object_set_new(number, "is_deleted", json_false());
    json_array_append(json_object_get(trunk, "numbers"), number);
    json_object_set_new(store->numbers, sb_text(number, "id"), number);
    return number;
}

/* The trunk in the path, after the body was checked too; NULL after a refusal. */
static json_t *trunk_for(sb_call *call, const sb_field *fields)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return NULL;
    sb_check_body(call->body, fields, SB_CREATE, &call->findings);
    return sb_refuse_invalid(call) ? NULL : trunk;
}

static void added(sb_call *call, json_t *part)
{
    call->applied = true;
    sb_reply_json(call, 200, json_incref(part));
}

static json_t *find_part(json_t *list, const char *id)
{
    json_t *part;
    size_t i;
    json_array_foreach(list, i, part)
    {
        if (strcmp(sb_text(part, "id"), id) == 0)
            return part;
    }
    return NULL;
}

/* Takes the part named by the second id out of that list of the trunk. */
static void remove_part(sb_call *call, const char *list_name, const char *missing)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    json_t *list = json_object_get(trunk, list_name), *part = find_part(list, call->param[1]);
    if (!part) {
        sb_refuse(call, SB_NOT_FOUND, missing);
        return;
    }
    sb_bolna_trunk_touch(call->store, trunk);
    json_object_del(call->store->numbers, call->param[1]);
    sb_array_drop(list, part);
    call->applied = true;
    sb_reply_json(call, 200, json_pack("{s:s}", "message", "Deleted"));
}

void sb_bolna_trunk_create_gateway(sb_call *call)
{
    json_t *trunk = trunk_for(call, sb_bolna_gateway_fields);
    if (!trunk)
        return;
    if (json_array_size(json_object_get(trunk, "gateways")) >= SB_GATEWAYS_MAX) {
        sb_findings_add(&call->findings, "gateways", "too_large", "must not be more than %d",
                        SB_GATEWAYS_MAX);
        sb_refuse(call, SB_INVALID, NULL);
        return;
    }
    sb_bolna_trunk_touch(call->store, trunk);
    added(call, sb_bolna_trunk_add_gateway(call->store, trunk, call->body));
}

void sb_bolna_trunk_delete_gateway(sb_call *call)
{
    remove_part(call, "gateways", "Gateway not found");
}

void sb_bolna_trunk_create_acl(sb_call *call)
{
    json_t *trunk = trunk_for(call, sb_bolna_acl_fields);
    if (!trunk)
        return;
    sb_bolna_trunk_touch(call->store, trunk);
    added(call, sb_bolna_trunk_add_acl(call->store, trunk, call->body));
}

void sb_bolna_trunk_delete_acl(sb_call *call)
{
    remove_part(call, "ip_acls", "Carrier IP not found");
}

void sb_bolna_trunk_create_number(sb_call *call)
{
    json_t *trunk = trunk_for(call, number_fields), *other;
    const char *id;
    if (!trunk || !sb_bolna_trunk_agent_exists(call, "agent_id"))
        return;
    json_object_foreach(call->store->numbers, id, other)
    {
        if (strcmp(sb_text(other, "e164"), sb_text(call->body, "e164")) == 0) {
            sb_refuse(call, SB_CONFLICT, "Number is already present on a trunk");
            return;
        }
    }
    sb_bolna_trunk_touch(call->store, trunk);
    added(call, sb_bolna_trunk_add_number(call->store, trunk, call->body));
}

void sb_bolna_trunk_delete_number(sb_call *call)
{
    remove_part(call, "numbers", "Number not found");
}

/* An empty body clears the agent, as null does. */
void sb_bolna_trunk_assign_number(sb_call *call)
{
    json_t *number = sb_find(call, call->store->numbers, call->param[0], NULL);
    if (!number)
        return;
    sb_check_body(call->body, agent_fields, SB_UPDATE, &call->findings);
    if (sb_refuse_invalid(call) || !sb_bolna_trunk_agent_exists(call, "agent_id"))
        return;
    const char *agent = sb_string(call->body, "agent_id");
    json_object_set_new(number, "agent_id", agent ? json_string(agent) : json_null());
    sb_bolna_trunk_touch(call->store, number);
    added(call, number);
}
