#include "provider/provider.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "provider/impl.h"

const char *const th_type_names[] = {
    [TH_STRING] = "string", [TH_INTEGER] = "integer",
    [TH_NUMBER] = "number", [TH_BOOLEAN] = "boolean",
    [TH_OBJECT] = "object", [TH_LIST] = "list",
    [TH_UUID] = "uuid",     NULL,
};

const char *const th_format_names[] = {
    [TH_FORMAT_NONE] = "",
    [TH_FORMAT_HOST] = "host",
    [TH_FORMAT_HOST_PORT] = "host_port",
    [TH_FORMAT_IP] = "ip",
    [TH_FORMAT_CIDR] = "cidr",
    [TH_FORMAT_SOURCE] = "source",
    [TH_FORMAT_E164] = "e164",
    [TH_FORMAT_UUID] = "uuid",
    [TH_FORMAT_COUNTRY] = "country",
    [TH_FORMAT_NUMBER_OR_EXTENSION] = "number_or_extension",
    [TH_FORMAT_PHONE_NUMBER] = "phone_number",
    NULL,
};

const char *const th_method_names[] = {
    [TH_GET] = "GET",     [TH_POST] = "POST",     [TH_PUT] = "PUT",
    [TH_PATCH] = "PATCH", [TH_DELETE] = "DELETE", NULL,
};

struct th_arena_block {
    struct th_arena_block *next;
    size_t used, size;
    max_align_t bytes[];
};

enum { BLOCK = 16 * 1024 };

void *th_arena_alloc(th_arena *arena, size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct th_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < aligned) {
        size_t room = aligned > BLOCK ? aligned : BLOCK;
        block = calloc(1, sizeof *block + room);
        if (!block)
            return NULL;
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *memory = (char *)block->bytes + block->used;
    block->used += aligned;
    return memory;
}

static void arena_close(th_arena *arena)
{
    while (arena->blocks) {
        struct th_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

void th_provider_destroy(lua_State *L, th_provider *provider)
{
    if (!provider)
        return;
    luaL_unref(L, LUA_REGISTRYINDEX, provider->table);
    arena_close(&provider->arena);
    free(provider);
}

void th_provider_push(lua_State *L, const th_provider *provider)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, provider->table);
}

const char *th_provider_name(const th_provider *provider)
{
    return provider->name;
}

const char *th_provider_base_url(const th_provider *provider)
{
    return provider->base_url;
}

enum th_type th_provider_id_type(const th_provider *provider)
{
    return provider->id;
}

const th_window *th_provider_windows(const th_provider *provider, size_t *count)
{
    *count = provider->nwindows;
    return provider->windows;
}

unsigned th_provider_concurrency(const th_provider *provider)
{
    return provider->concurrency;
}

const th_error_paths *th_provider_error_paths(const th_provider *provider)
{
    return &provider->errors;
}

const char *const *th_provider_endpoint_names(const th_provider *provider)
{
    return provider->endpoint_names;
}

static int find_endpoint(const void *name, const void *endpoint)
{
    return strcmp(name, ((const th_endpoint *)endpoint)->name);
}

const th_endpoint *th_provider_endpoint(const th_provider *provider, const char *name)
{
    if (provider->nendpoints == 0)
        return NULL;
    return bsearch(name, provider->endpoints, provider->nendpoints, sizeof *provider->endpoints,
                   find_endpoint);
}

static int find_object(const void *name, const void *object)
{
    return strcmp(name, ((const th_object *)object)->name);
}

const th_object *th_provider_object(const th_provider *provider, const char *name)
{
    if (provider->nobjects == 0)
        return NULL;
    return bsearch(name, provider->objects, provider->nobjects, sizeof *provider->objects,
                   find_object);
}

const char *th_object_name(const th_object *object)
{
    return object->name;
}

const char *const *th_object_field_names(const th_object *object)
{
    return object->names;
}

uint32_t th_name_hash(const char *name, size_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a: names are short */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

int th_object_find(const th_object *object, const char *name, size_t len)
{
    for (uint32_t at = th_name_hash(name, len);; at++) {
        unsigned slot = object->slots[at & object->slot_mask];
        if (slot == 0)
            return -1;
        const char *known = object->fields[slot - 1].name;
        if (strlen(known) == len && memcmp(known, name, len) == 0)
            return (int)slot - 1;
    }
}

const th_field *th_object_field(const th_object *object, const char *name)
{
    int index = th_object_find(object, name, strlen(name));
    return index < 0 ? NULL : &object->fields[index];
}

const char *th_method_name(enum th_method method)
{
    return th_method_names[method];
}

enum th_kind th_endpoint_kind(const th_endpoint *endpoint, int status)
{
    for (size_t i = 0; i < endpoint->nstatuses; i++)
        if (endpoint->statuses[i].status == status)
            return endpoint->statuses[i].kind;
    return TH_OK;
}
