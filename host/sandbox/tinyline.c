/*
 * A platform that does not exist and that the program has no description of: somebody who writes a
 * description of their own has something to try it on. It is unlike the others where descriptions
 * leave room: the envelope, the pages, the count of changes, the words of a refusal.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/api.h"

enum { PER_PAGE = 5, BOTH = SB_CREATE | SB_UPDATE };

static const char *const kinds[] = {"digest", "open", NULL};

static const sb_field line_fields[] = {
    {"label", SB_STRING, .use = BOTH | SB_REQUIRED, .min = 1, .max = 40},
    {"kind", SB_STRING, .use = BOTH, .choices = kinds},
    {"host", SB_STRING, .use = BOTH | SB_REQUIRED, .format = sb_format_host},
    {"port", SB_INTEGER, .use = BOTH, .min = 1, .max = 65535},
    {"login", SB_STRING, .use = BOTH | SB_NULL, .min = 3, .max = 64},
    {"passphrase", SB_STRING, .use = BOTH, .min = 10, .max = 64},
    {"enabled", SB_BOOLEAN, .use = BOTH},
    {"allowed", SB_STRINGS, .use = BOTH, .format = sb_format_ip_or_cidr},
    {0},
};

static const char *const view[] = {"id",    "label",   "kind",    "host",     "port",
                                   "login", "enabled", "allowed", "revision", NULL};

/* Every change counts, also one that sets what was there. */
static void count_change(sb_store *store, json_t *line)
{
    json_int_t revision = json_integer_value(json_object_get(line, "revision"));
    sb_store_tick(store);
    json_object_set_new(line, "revision", json_integer(revision + 1));
}

static void add(sb_store *store, json_t *line)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)store->next_id);
    json_object_set_new(line, "id", json_integer(store->next_id++));
    sb_default(line, "kind", json_string("digest"));
    sb_default(line, "port", json_integer(5060));
    sb_default(line, "login", json_null());
    sb_default(line, "enabled", json_true());
    sb_default(line, "allowed", json_array());
    count_change(store, line);
    json_object_set_new(store->trunks, id, line);
}

static void list_lines(sb_call *call)
{
    const char *text = sb_request_parameter(call->request, "page");
    size_t number = 1;
    if (text && (sb_format_id(text) || (number = strtoul(text, NULL, 10)) < 1))
        sb_findings_add(&call->findings, "page", "malformed", "must be an integer of at least 1");
    if (sb_refuse_invalid(call))
        return;
    sb_page page = sb_page_make(call, number, call->page ? call->page : PER_PAGE,
                                json_object_size(call->store->trunks));
    sb_reply_json(call, 200,
                  json_pack("{s:o, s:b}", "lines", sb_page_items(&page, call->store->trunks, view),
                            "next", page.more));
}

static void reply_line(sb_call *call, int status, const json_t *line)
{
    sb_reply_json(call, status, json_pack("{s:o}", "line", sb_pick(line, view)));
}

static void get_line(sb_call *call)
{
    json_t *line = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (line)
        reply_line(call, 200, line);
}

static void create_line(sb_call *call)
{
    sb_check_body(call->body, line_fields, SB_CREATE, &call->findings);
    if (sb_refuse_invalid(call))
        return;
    json_t *line = json_object();
    sb_merge(line, call->body, NULL);
    add(call->store, line);
    call->applied = true;
    reply_line(call, 201, line);
}

static void update_line(sb_call *call)
{
    json_t *line = sb_find(call, call->store->trunks, call->param[0], NULL);
    if (!line)
        return;
    sb_check_body(call->body, line_fields, SB_UPDATE, &call->findings);
    if (sb_refuse_invalid(call))
        return;
    sb_merge(line, call->body, NULL);
    count_change(call->store, line);
    call->applied = true;
    reply_line(call, 200, line);
}

static void delete_line(sb_call *call)
{
    if (!sb_find(call, call->store->trunks, call->param[0], NULL))
        return;
    json_object_del(call->store->trunks, call->param[0]);
    call->applied = true;
    sb_reply_empty(call, 204);
}

static void whoami(sb_call *call)
{
    sb_reply_json(call, 200, json_pack("{s:s}", "login", "sandbox"));
}

static int seed(sb_store *store, unsigned trunks)
{
    static const char *const places[] = {"Front desk", "Workshop", "Warehouse", "Door"};
    store->next_id = 7001;
    for (unsigned i = 0; i < trunks; i++) {
        char label[40], login[40];
        bool open = i % 4 == 3;
        snprintf(label, sizeof label, "%s %u", places[i % 4], i / 4 + 1);
        json_t *line = json_pack("{s:s, s:s, s:s}", "label", label, "host", "sip.tinyline.example",
                                 "kind", open ? "open" : "digest");
        if (!line)
            return -1;
        snprintf(login, sizeof login, "line-%04u", i + 1);
        if (open) {
            json_object_set_new(line, "allowed", json_pack("[s]", "192.0.2.14"));
        } else {
            json_object_set_new(line, "login", json_string(login));
            json_object_set_new(line, "passphrase", sb_password(&store->random));
        }
        add(store, line);
    }
    return 0;
}

static json_t *problems(const sb_findings *findings)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < findings->count; i++)
        json_object_set_new(fields, findings->list[i].field, json_string(findings->list[i].text));
    return fields;
}

static void refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    static const struct {
        int status;
        const char *text;
    } words[] = {
        [SB_NO_TOKEN] = {401, "who are you?"},
        [SB_BAD_TOKEN] = {401, "who are you?"},
        [SB_FORBIDDEN] = {403, "not yours"},
        [SB_INVALID] = {422, "the line is not acceptable"},
        [SB_BAD_ID] = {404, "no such line"},
        [SB_NOT_FOUND] = {404, "no such line"},
        [SB_CONFLICT] = {409, "there is one already"},
        [SB_NO_ENDPOINT] = {404, "no such address"},
        [SB_NO_METHOD] = {405, "not with this method"},
        [SB_LIMITED] = {429, "slower, please"},
        [SB_BROKEN] = {500, "something broke here"},
    };
    sb_reply_json(call, words[why].status,
                  json_pack("{s:s, s:o}", "problem", text ? text : words[why].text, "fields",
                            problems(&call->findings)));
}

static const char *const list_query[] = {"page", NULL};

static const sb_route routes[] = {
    {"GET", "/whoami", SB_NO_BODY, NULL, NULL, whoami},
    {"GET", "/lines", SB_NO_BODY, list_query, NULL, list_lines},
    {"POST", "/lines", SB_BODY, NULL, NULL, create_line},
    {"GET", "/lines/{int}", SB_NO_BODY, NULL, NULL, get_line},
    {"PATCH", "/lines/{int}", SB_BODY, NULL, NULL, update_line},
    {"DELETE", "/lines/{int}", SB_NO_BODY, NULL, NULL, delete_line},
    {0},
};

const sb_api sb_tinyline = {
    .name = "tinyline",
    .base = "/tinyline",
    .routes = routes,
    .windows = {{50, 10000000000u}},
    .get = get_line,
    .create = create_line,
    .update = update_line,
    .created = 201,
    .seed = seed,
    .refuse = refuse,
};
