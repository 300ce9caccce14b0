#include "sandbox/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sandbox/api.h"

/* Seeded trunks are older than this; writes come after it. 2026-04-01T08:00:00Z. */
static const int64_t first_write = 1775030400000000;

int sb_store_init(sb_store *store, const struct sb_api *api, unsigned trunks, uint64_t seed)
{
    *store = (sb_store){.api = api,
                        .trunks = json_object(),
                        .numbers = json_object(),
                        .agents = json_object(),
                        .random = {sb_derive(seed, api->name)},
                        .clock = first_write - 90LL * 86400 * 1000000,
                        .next_id = 42};
    if (!store->trunks || !store->numbers || !store->agents || api->seed(store, trunks) != 0) {
        sb_store_close(store);
        return -1;
    }
    if (store->clock < first_write)
        store->clock = first_write;
    return 0;
}

void sb_store_close(sb_store *store)
{
    json_decref(store->trunks);
    json_decref(store->numbers);
    json_decref(store->agents);
    sb_unseen_close(&store->unseen);
    *store = (sb_store){0};
}

void sb_store_tick(sb_store *store)
{
    store->clock += 1000000 + 7 * (int64_t)sb_random_below(&store->random, 99991);
}

json_t *sb_store_time(const sb_store *store, bool microseconds)
{
    char text[40];
    struct tm parts;
    time_t seconds = (time_t)(store->clock / 1000000);
    gmtime_r(&seconds, &parts);
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (microseconds)
        snprintf(text + used, sizeof text - used, ".%06dZ", (int)(store->clock % 1000000));
    else
        snprintf(text + used, sizeof text - used, "Z");
    return json_string(text);
}

bool sb_store_touch(sb_store *store, json_t *trunk)
{
    if (!json_object_get(trunk, "updated_at"))
        return false;
    sb_store_tick(store);
    json_object_set_new(trunk, "updated_at", sb_store_time(store, true));
    return true;
}

json_t *sb_pick(const json_t *record, const char *const *names)
{
    json_t *picked = json_object();
    for (; *names; names++) {
        json_t *value = json_object_get(record, *names);
        if (value)
            json_object_set(picked, *names, value);
    }
    return picked;
}

void sb_merge(json_t *record, json_t *body, const char *const *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        const char *const *known = names;
        while (known && *known && strcmp(*known, name) != 0)
            known++;
        if (!known || *known)
            json_object_set(record, name, value);
    }
}

const char *sb_text(const json_t *record, const char *name)
{
    const char *text = json_string_value(json_object_get(record, name));
    return text ? text : "";
}

bool sb_true(const json_t *record, const char *name)
{
    return json_is_true(json_object_get(record, name));
}

void sb_default(json_t *record, const char *name, json_t *value)
{
    if (json_object_get(record, name))
        json_decref(value);
    else
        json_object_set_new(record, name, value);
}

json_t *sb_password(sb_random *random)
{
    char text[33];
    sb_random_word(random, text, 12 + sb_random_below(random, 13));
    return json_string(text);
}

void sb_array_drop(json_t *array, const json_t *record)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (json_array_get(array, i) == record) {
            json_array_remove(array, i);
            return;
        }
    }
}
