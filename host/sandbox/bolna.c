/*
 * Bolna's older trunk API, /sip-trunks: lists that are sent replace the lists that are there, and
 * what identifies a trunk (provider, auth_type) cannot be changed.
 */
#include "sandbox/bolna.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const auth_types[] = {"userpass", "ip-based", NULL};
static const char *const transports[] = {"transport-udp", "transport-tcp", "transport-tls", NULL};
static const char *const encryptions[] = {"no", "sdes", NULL};

static const sb_field gateway_fields[] = {
    {"gateway_address", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1,
     .format = sb_format_host},
    {"port", SB_INTEGER, .use = SB_CREATE, .min = 1, .max = 65535},
    {"priority", SB_INTEGER, .use = SB_CREATE, .min = 1},
    {0},
};
static const sb_field source_fields[] = {
    {"ip_address", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .format = sb_format_ip_or_cidr},
    {0},
};

enum { BOTH = SB_CREATE | SB_UPDATE };

static const sb_field trunk_fields[] = {
    {"name", SB_STRING, .use = BOTH | SB_REQUIRED, .min = 1},
    {"provider", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .min = 1},
    {"description", SB_STRING, .use = BOTH},
    {"auth_type", SB_STRING, .use = SB_CREATE | SB_REQUIRED, .choices = auth_types},
    {"auth_username", SB_STRING, .use = BOTH, .min = 1},
    {"auth_password", SB_STRING, .use = BOTH, .min = 1},
    {"gateways", SB_OBJECTS, .use = BOTH | SB_REQUIRED, .min = 1, .items = gateway_fields},
    {"ip_identifiers", SB_OBJECTS, .use = BOTH, .items = source_fields},
    {"allow", SB_STRING, .use = BOTH, .format = sb_format_codecs},
    {"disallow", SB_STRING, .use = BOTH, .format = sb_format_codecs},
    {"transport", SB_STRING, .use = BOTH, .choices = transports},
    {"media_encryption", SB_STRING, .use = BOTH, .choices = encryptions},
    {"media_encryption_optimistic", SB_BOOLEAN, .use = BOTH},
    {"direct_media", SB_BOOLEAN, .use = SB_CREATE},
    {"rtp_symmetric", SB_BOOLEAN, .use = SB_CREATE},
    {"force_rport", SB_BOOLEAN, .use = SB_CREATE},
    {"qualify_frequency", SB_INTEGER, .use = BOTH},
    {"inbound_enabled", SB_BOOLEAN, .use = BOTH},
    {"outbound_leading_plus_enabled", SB_BOOLEAN, .use = BOTH},
    {"is_active", SB_BOOLEAN, .use = SB_UPDATE},
    {"phone_numbers", SB_OBJECTS, .use = SB_CREATE, .items = sb_bolna_number_fields},
    {0},
};

static const char *const view[] = {"id",
                                   "name",
                                   "provider",
                                   "description",
                                   "auth_type",
                                   "auth_username",
                                   "gateways",
                                   "ip_identifiers",
                                   "phone_numbers",
                                   "allow",
                                   "disallow",
                                   "transport",
                                   "direct_media",
                                   "rtp_symmetric",
                                   "force_rport",
                                   "media_encryption",
                                   "media_encryption_optimistic",
                                   "qualify_frequency",
                                   "inbound_enabled",
                                   "outbound_leading_plus_enabled",
                                   "is_active",
                                   "created_at",
                                   "updated_at",
                                   NULL};

json_t *sb_bolna_id(sb_store *store)
{
    char id[27];
    sb_random_ulid(&store->random, store->clock, id);
    return json_string(id);
}

void sb_bolna_touch(sb_store *store, json_t *trunk)
{
    sb_store_tick(store);
    json_object_set_new(trunk, "updated_at", sb_store_time(store, true));
}

/* Stored gateways and sources have ids, which is why they cannot be sent back as they came. */
static void complete_list(sb_store *store, json_t *trunk, const char *name)
{
    json_t *list = json_array(), *item;
    size_t i;
    json_array_foreach(json_object_get(trunk, name), i, item)
    {
        json_t *stored = json_object();
        json_object_set_new(stored, "id", sb_bolna_id(store));
        json_object_update(stored, item);
        if (strcmp(name, "gateways") == 0) {
            sb_default(stored, "port", json_integer(5060));
            sb_default(stored, "priority", json_integer(1));
        }
        json_object_set_new(stored, "created_at", sb_store_time(store, true));
        json_array_append_new(list, stored);
    }
    json_object_set_new(trunk, name, list);
}

static void list_trunks(sb_call *call)
{
    static const char *const choices[] = {"true", "false", NULL};
    const char *active = sb_request_parameter(call->request, "is_active"), *id;
    json_t *trunk;
    if (active && !sb_one_of(active, choices))
        sb_findings_add(&call->findings, "is_active", "not_a_choice", "must be true or false");
    if (sb_refuse_invalid(call))
        return;
    json_t *chosen = json_object();
    json_object_foreach(call->store->trunks, id, trunk)
    {
        if (!active || sb_true(trunk, "is_active") == (strcmp(active, "true") == 0))
            json_object_set(chosen, id, trunk);
    }
    sb_page page = sb_page_asked(call, json_object_size(chosen));
    sb_reply_json(call, 200, sb_page_items(&page, chosen, view));
    sb_page_headers(call, &page);
    json_decref(chosen);
}

static void get_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (trunk)
        sb_reply_json(call, 200, sb_pick(trunk, view));
}

/* The rules across fields; what the body does not have is what the trunk has (NULL on create). */
static void check_rules(sb_call *call, const json_t *trunk)
{
    json_t *body = call->body, *sources = json_object_get(body, "ip_identifiers");
    const char *type = sb_text(trunk ? trunk : body, "auth_type");
    bool user = json_object_get(body, "auth_username"),
         password = json_object_get(body, "auth_password");
    if (strcmp(type, "userpass") == 0 && !trunk && !(user && password))
        sb_findings_add(&call->findings, "auth_username", "rule", "%s",
                        "Username and password are required for userpass");
    if (strcmp(type, "ip-based") == 0 && (user || password))
        sb_findings_add(&call->findings, "auth_username", "rule", "%s",
                        "Username and password are used with userpass only");
    if (strcmp(type, "ip-based") == 0 && (!trunk || sources) && json_array_size(sources) == 0)
        sb_findings_add(&call->findings, "ip_identifiers", "rule", "%s",
                        "At least one IP identifier is required for ip-based");
    const char *encryption = json_object_get(body, "media_encryption")
                                 ? sb_text(body, "media_encryption")
                                 : sb_text(trunk, "media_encryption");
    const char *transport = json_object_get(body, "transport") ? sb_text(body, "transport")
                                                               : sb_text(trunk, "transport");
    if (strcmp(encryption, "sdes") == 0 && strcmp(transport, "transport-tls") != 0)
        sb_findings_add(&call->findings, "media_encryption", "sdes_without_tls", "%s",
                        "Media_encryption='sdes' requires transport='transport-tls'");
}

static void check_numbers(sb_call *call)
{
    json_t *number;
    size_t i;
    json_array_foreach(json_object_get(call->body, "phone_numbers"), i, number)
    {
        char path[40];
        snprintf(path, sizeof path, "phone_numbers.%zu.", i);
        sb_bolna_check_number(call, number, path);
    }
}

static void refuse_schema(sb_call *call, int status, const char *text)
{
    sb_reply_json(call, status, json_pack("{s:i, s:s}", "error", status, "message", text));
}

/* False after a refusal: a name is unique in the account, a number among the active trunks. */
static bool unique(sb_call *call, const json_t *self)
{
    const char *name = sb_text(call->body, "name"), *id;
    json_t *trunk, *number;
    size_t i;
    json_object_foreach(call->store->trunks, id, trunk)
    {
        if (trunk != self && *name && strcmp(sb_text(trunk, "name"), name) == 0) {
            refuse_schema(call, 400, "A trunk with this name already exists");
            return false;
        }
    }
    json_array_foreach(json_object_get(call->body, "phone_numbers"), i, number)
    {
        if (sb_bolna_number_taken(call->store, sb_text(number, "phone_number"))) {
            sb_refuse(call, SB_CONFLICT, "Phone number is already present on another active trunk");
            return false;
        }
    }
    return true;
}

void sb_bolna_add(sb_store *store, json_t *trunk)
{
    static const struct {
        const char *name;
        bool value;
    } flags[] = {{"media_encryption_optimistic", false},
                 {"direct_media", false},
                 {"rtp_symmetric", true},
                 {"force_rport", true},
                 {"inbound_enabled", false},
                 {"outbound_leading_plus_enabled", true},
                 {"is_active", true}};
    json_t *numbers = json_incref(json_object_get(trunk, "phone_numbers")), *number;
    size_t i;
    sb_store_tick(store);
    json_object_set_new(trunk, "id", sb_bolna_id(store));
    sb_default(trunk, "description", json_string(""));
    complete_list(store, trunk, "gateways");
    complete_list(store, trunk, "ip_identifiers");
    sb_default(trunk, "allow", json_string("ulaw,alaw"));
    sb_default(trunk, "disallow", json_string("all"));
    sb_default(trunk, "transport", json_string("transport-udp"));
    sb_default(trunk, "media_encryption", json_string("no"));
    sb_default(trunk, "qualify_frequency", json_integer(60));
    for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
        sb_default(trunk, flags[i].name, json_boolean(flags[i].value));
    json_object_set_new(trunk, "created_at", sb_store_time(store, true));
    json_object_set_new(trunk, "updated_at", sb_store_time(store, true));
    json_object_set_new(trunk, "phone_numbers", json_array());
    json_array_foreach(numbers, i, number)
    {
        sb_bolna_add_number(store, trunk, json_copy(number));
    }
    json_decref(numbers);
    json_object_set_new(store->trunks, sb_text(trunk, "id"), trunk);
}

static void create_trunk(sb_call *call)
{
    sb_check_body(call->body, trunk_fields, SB_CREATE, &call->findings);
    check_rules(call, NULL);
    check_numbers(call);
    if (sb_refuse_invalid(call) || !unique(call, NULL))
        return;
    json_t *trunk = json_copy(call->body);
    sb_bolna_add(call->store, trunk);
    call->applied = true;
    sb_reply_json(call, 201, sb_pick(trunk, view));
}

static void update_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!trunk)
        return;
    sb_check_body(call->body, trunk_fields, SB_UPDATE, &call->findings);
    check_rules(call, trunk);
    if (sb_refuse_invalid(call) || !unique(call, trunk))
        return;
    sb_merge(trunk, call->body, NULL);
    sb_bolna_touch(call->store, trunk);
    if (json_object_get(call->body, "gateways"))
        complete_list(call->store, trunk, "gateways");
    if (json_object_get(call->body, "ip_identifiers"))
        complete_list(call->store, trunk, "ip_identifiers");
    call->applied = true;
    sb_reply_json(call, 200, sb_pick(trunk, view));
}

static void delete_trunk(sb_call *call)
{
    json_t *trunk = sb_find(call, call->store->trunks, call->param[0], NULL), *number;
    char text[96];
    size_t i;
    if (!trunk)
        return;
    sb_store_tick(call->store);
    json_array_foreach(json_object_get(trunk, "phone_numbers"), i, number)
    {
        json_object_set_new(number, "deleted", json_true()); /* kept, as the platform keeps it */
        json_object_set_new(number, "agent_id", json_null());
    }
    snprintf(text, sizeof text, "Trunk deleted successfully. %zu phone number(s) removed.", i);
    json_object_del(call->store->trunks, call->param[0]);
    call->applied = true;
    sb_reply_json(call, 200, json_pack("{s:s}", "message", text));
}

static void refuse_invalid(sb_call *call)
{
    const sb_findings *findings = &call->findings;
    char line[512] = "";
    if (findings->count == 1 && strcmp(findings->list[0].code, "sdes_without_tls") == 0) {
        sb_reply_json(call, 422,
                      json_pack("{s:s}", "detail",
                                "media_encryption='sdes' requires transport='transport-tls'"));
        return;
    }
    for (size_t i = 0; i < findings->count; i++) {
        size_t used = strlen(line);
        char *sentence = sb_finding_sentence(&findings->list[i]);
        snprintf(line + used, sizeof line - used, "%s%s", i ? " " : "", sentence ? sentence : "");
        free(sentence);
    }
    refuse_schema(call, 400, line);
}

static void refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    if (sb_bolna_refuse_common(call, why))
        return;
    if (why == SB_INVALID)
        refuse_invalid(call);
    else
        refuse_schema(call, why == SB_CONFLICT ? 409 : 404, text);
}

#define TRUNKS    "/sip-trunks/trunks"
#define NO_TRUNK  "Trunk not found"
#define NO_NUMBER "Phone number not found"

static const char *const list_query[] = {"is_active", NULL};

static const sb_route routes[] = {
    {"GET", "/user/me", SB_NO_BODY, NULL, NULL, sb_bolna_me},
    {"GET", TRUNKS, SB_NO_BODY, list_query, NULL, list_trunks},
    {"POST", TRUNKS, SB_BODY, NULL, NULL, create_trunk},
    {"GET", TRUNKS "/{ulid}", SB_NO_BODY, NULL, NO_TRUNK, get_trunk},
    {"PATCH", TRUNKS "/{ulid}", SB_BODY, NULL, NO_TRUNK, update_trunk},
    {"DELETE", TRUNKS "/{ulid}", SB_NO_BODY, NULL, NO_TRUNK, delete_trunk},
    {"GET", TRUNKS "/{ulid}/numbers", SB_NO_BODY, NULL, NO_TRUNK, sb_bolna_list_numbers},
    {"POST", TRUNKS "/{ulid}/numbers", SB_BODY, NULL, NO_TRUNK, sb_bolna_create_number},
    {"DELETE", TRUNKS "/{ulid}/numbers/{ulid}", SB_NO_BODY, NULL, NO_TRUNK, sb_bolna_delete_number},
    {"POST", "/inbound/setup", SB_BODY, NULL, NO_NUMBER, sb_bolna_map_number},
    {"POST", "/inbound/unlink", SB_BODY, NULL, NO_NUMBER, sb_bolna_unmap_number},
    {0},
};

const sb_api sb_bolna = {
    .name = "bolna",
    .base = "/bolna",
    .routes = routes,
    .windows = {{1000, 60000000000u}},
    .get = get_trunk,
    .create = create_trunk,
    .update = update_trunk,
    .created = 201,
    .seed = sb_bolna_seed,
    .refuse = refuse,
};
