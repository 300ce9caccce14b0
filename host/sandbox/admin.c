/*
 * What people and tests may ask the sandbox itself, below /_sandbox and without a token. It shows
 * secrets: they are made up.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/world.h"

static json_t *values(json_t *map)
{
    json_t *list = json_array(), *record;
    const char *id;
    json_object_foreach(map, id, record)
    {
        json_array_append(list, record);
    }
    return list;
}

static json_t *state(const sb_world *world)
{
    json_t *all = json_object();
    for (size_t i = 0; i < SB_APIS; i++) {
        const sb_store *store = &world->stores[i];
        json_object_set_new(all, store->api->name,
                            json_pack("{s:o, s:o, s:o}", "trunks", values(store->trunks), "numbers",
                                      values(store->numbers), "agents", values(store->agents)));
    }
    return all;
}

json_t *sb_admin_report(sb_world *world, const char *what)
{
    if (strcmp(what, "state") == 0)
        return state(world);
    if (strcmp(what, "log") == 0)
        return sb_journal_log(&world->journal);
    if (strcmp(what, "violations") == 0)
        return json_incref(world->journal.violations);
    if (strcmp(what, "counts") == 0)
        return sb_journal_counts(&world->journal);
    return NULL;
}

/* --- what may be changed while it runs -------------------------------------------------------- */

static const char *const reset_members[] = {"trunks",   "seed", "latency",     "limits", "fault",
                                            "eventual", "page", "retry_after", NULL};
static const char *const fault_members[] = {"seed", "fault",       "eventual",
                                            "page", "retry_after", NULL};

/* The JSON object that the request brought, as a new reference; an empty one when it has no body.
 * Only as application/json: what a page in a browser may send without being asked is refused. */
static json_t *told(const sb_request *request, th_error *err)
{
    json_t *body = NULL;
    if (request->body.len == 0)
        return json_object();
    if (sb_request_is_json(request))
        body = json_loadb(request->body.data, request->body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(body)) {
        json_decref(body);
        th_fail(err, TH_INVALID, "send a JSON object, and Content-Type: application/json");
        return NULL;
    }
    return body;
}

/* Takes the members as options; texts are borrowed from the body, in which numbers become texts. */
static int take(th_sandbox_options *options, json_t *body, const char *const *names, th_error *err)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(body, next, name, value)
    {
        char digits[32];
        if (!sb_one_of(name, names))
            return th_fail(err, TH_INVALID, "\"%s\" cannot be set here", name);
        if (json_is_integer(value)) {
            snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
            json_object_set_new(body, name, json_string(digits));
        }
        const char *text = json_string_value(json_object_get(body, name));
        if (!text)
            return th_fail(err, TH_INVALID, "\"%s\" must be a number or a text", name);
        int rc = th_sandbox_option(options, name, text, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int reset(sb_world *world, json_t *body, th_error *err)
{
    if (json_object_size(body) == 0)
        return sb_world_reset(world) == 0 ? 0 : th_fail(err, TH_INVALID, "not enough memory");
    th_sandbox_options options = {.trunks = world->trunks,
                                  .seed = world->seed,
                                  .latency_ms = world->latency_ms,
                                  .limits = world->limits_text,
                                  .faults = world->faults_text,
                                  .habits = world->habits};
    int rc = take(&options, body, reset_members, err);
    return rc == 0 ? sb_world_renew(world, &options, err) : rc;
}

static int set_faults(sb_world *world, json_t *body, th_error *err)
{
    th_sandbox_options options = {.seed = world->faults.seed, .faults = ""};
    int rc = take(&options, body, fault_members, err);
    return rc == 0 ? sb_world_set_faults(world, &options, err) : rc;
}

static int set_kill(sb_world *world, json_t *body, th_error *err)
{
    const char *moment = json_string_value(json_object_get(body, "moment"));
    json_int_t request = json_integer_value(json_object_get(body, "request"));
    bool before = moment && strcmp(moment, "before") == 0;
    if (json_object_size(body) == 0) {
        world->kill_at = 0;
        return 0;
    }
    if (json_object_size(body) != 2 || request < 1 ||
        !(before || (moment && strcmp(moment, "after") == 0)))
        return th_fail(
            err, TH_INVALID,
            "say which request from now, and when: {\"request\":3,\"moment\":\"before\"} "
            "or \"after\"");
    world->kill_at = world->journal.requests + (uint64_t)request;
    world->kill_before = before;
    return 0;
}

static const struct {
    const char *name;
    int (*run)(sb_world *world, json_t *body, th_error *err);
} commands[] = {{"reset", reset}, {"faults", set_faults}, {"kill", set_kill}};

/* False: there is no such command. */
static bool command(sb_world *world, sb_call *call, const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        th_error err = {0};
        json_t *body = told(call->request, &err);
        if (body && commands[i].run(world, body, &err) == 0) {
            sb_reply_json(call, 200, json_pack("{s:b}", name, 1));
        } else {
            char text[512];
            snprintf(text, sizeof text, "%s\n", err.message ? err.message : "not enough memory");
            sb_reply_text(call, 400, "text/plain", text);
        }
        json_decref(body);
        th_error_close(&err);
        return true;
    }
    return false;
}

void sb_admin_serve(sb_world *world, const sb_request *request, sb_reply *reply)
{
    sb_call call = {.request = request};
    const char *what = request->nsegments == 2 ? request->segments[1] : "";
    bool get = strcmp(request->method, "GET") == 0, post = strcmp(request->method, "POST") == 0;
    json_t *report = get ? sb_admin_report(world, what) : NULL;
    if (report)
        sb_reply_json(&call, 200, report);
    else if (!post || !command(world, &call, what))
        sb_reply_text(&call, 404, "text/plain",
                      "GET /_sandbox/state, /_sandbox/log, /_sandbox/violations, /_sandbox/counts\n"
                      "POST /_sandbox/reset, /_sandbox/faults, /_sandbox/kill\n");
    *reply = call.reply;
}
