/*
 * What people and tests may ask the sandbox itself, below /_sandbox and without a token. It shows
 * secrets: they are made up.
 */
#include <string.h>

#include "world.h"

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

void sb_admin_serve(sb_world *world, const sb_request *request, sb_reply *reply)
{
    sb_call call = {.request = request};
    const char *what = request->nsegments == 2 ? request->segments[1] : "";
    bool get = strcmp(request->method, "GET") == 0, post = strcmp(request->method, "POST") == 0;
    json_t *report = get ? sb_admin_report(world, what) : NULL;
    if (report)
        sb_reply_json(&call, 200, report);
    else if (post && strcmp(what, "reset") == 0 && sb_world_reset(world) == 0)
        sb_reply_json(&call, 200, json_pack("{s:b}", "reset", 1));
    else
        sb_reply_text(&call, 404, "text/plain",
                      "GET /_sandbox/state, /_sandbox/log, /_sandbox/violations, /_sandbox/counts\n"
                      "POST /_sandbox/reset\n");
    *reply = call.reply;
}
