#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "provider/validate_impl.h"

enum { MAX_DEPTH = 8 };

static void remember(lua_State *L, int idx, th_scalar *out)
{
    switch (lua_type(L, idx)) {
    case LUA_TSTRING:
        out->kind = TH_SCALAR_STRING;
        out->text = lua_tolstring(L, idx, &out->len);
        break;
    case LUA_TNUMBER:
        out->kind = TH_SCALAR_NUMBER;
        out->number = lua_tonumber(L, idx);
        break;
    case LUA_TBOOLEAN:
        out->kind = TH_SCALAR_BOOLEAN;
        out->boolean = lua_toboolean(L, idx);
        break;
    case LUA_TLIGHTUSERDATA:
        out->kind = TH_SCALAR_NULL;
        break;
    case LUA_TTABLE:
        out->kind = lua_rawlen(L, idx) == 0 ? TH_SCALAR_EMPTY : TH_SCALAR_OTHER;
        break;
    default:
        out->kind = TH_SCALAR_OTHER;
    }
}

static void refuse_unknown(th_check *c, const th_place *place, const th_object *object)
{
    const char *near = th_suggest(place->name, object->names);
    th_check_fault(c, place, "is not a field of a %s%s%s%s", object->name,
                   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static void refuse_field(th_check *c, const th_place *place, const th_object *object,
                         const th_field *field, bool update)
{
    if (!field->create && !field->update)
        th_check_fault(c, place, "is set by the platform and cannot be sent");
    else if (update)
        th_check_fault(c, place, "cannot be changed after the %s was created", object->name);
    else
        th_check_fault(c, place, "is not accepted on create; change it afterwards");
}

static void check_required(th_check *c, const th_object *object, const th_seen *seen,
                           const th_place *outer)
{
    uint64_t missing = object->required & ~seen->present;
    for (size_t i = 0; missing; i++, missing >>= 1) {
        if (missing & 1) {
            th_place place = {.outer = outer, .name = object->fields[i].name};
            th_check_fault(c, &place, "is required");
        }
    }
}

void th_check_object(th_check *c, const th_object *object, int idx, const th_place *outer,
                     bool update, unsigned depth)
{
    lua_State *L = c->L;
    static const th_place body = {.name = "(body)"};
    if (depth > MAX_DEPTH || !lua_checkstack(L, 8)) {
        th_check_fault(c, outer ? outer : &body, "is nested too deeply");
        return;
    }
    th_seen seen;
    seen.present = seen.null = seen.faulty = 0;
    lua_pushnil(L);            // key
    while (lua_next(L, idx)) { // key value
        if (lua_type(L, -2) != LUA_TSTRING) {
            th_check_fault(c, outer ? outer : &body,
                           "has a key that is not a name: it must be an object, not a list");
            lua_pop(L, 2); //
            return;
        }
        size_t len;
        const char *name = lua_tolstring(L, -2, &len);
        int found = th_object_find(object, name, len);
        th_place place = {.outer = outer, .name = name};
        if (found < 0) {
            refuse_unknown(c, &place, object);
            lua_pop(L, 1); // key
            continue;
        }
        const th_field *field = &object->fields[found];
        size_t before = c->faults;
        if (update ? field->update : field->create)
            th_check_value(c, &place, field, lua_gettop(L), update, depth);
        else
            refuse_field(c, &place, object, field, update);
        uint64_t bit = UINT64_C(1) << found;
        seen.present |= bit;
        remember(L, -1, &seen.values[found]);
        seen.null |= seen.values[found].kind == TH_SCALAR_NULL ? bit : 0;
        seen.faulty |= c->faults > before ? bit : 0;
        lua_pop(L, 1); // key
    }
    if (depth == 0)
        c->fields = __builtin_popcountll(seen.present);
    if (!update)
        check_required(c, object, &seen, outer);
    if (object->nrules > 0)
        th_check_rules(c, object, &seen, outer, update);
}

static int by_field(const void *a, const void *b)
{
    const th_fault *x = a, *y = b;
    int order = strcmp(x->field, y->field);
    return order ? order : strcmp(x->rule, y->rule);
}

/* Sorted, because the order of a Lua table changes from run to run. */
static int refuse(const th_provider *provider, const th_endpoint *endpoint, size_t first,
                  th_error *err)
{
    if (!err)
        return -TH_INVALID;
    th_buf list = {0};
    size_t n = err->nfaults - first;
    if (n > 1)
        qsort(err->faults + first, n, sizeof *err->faults, by_field);
    for (size_t i = 0; i < n; i++)
        th_buf_printf(&list, "%s%s %s", i > 0 ? "; " : "", err->faults[first + i].field,
                      err->faults[first + i].rule);
    int rc = th_fail(err, TH_INVALID, "%s %s was not sent: %s", provider->name, endpoint->name,
                     list.data ? list.data : "the body has faults");
    th_buf_close(&list);
    return rc;
}

int th_validate(lua_State *L, const th_provider *provider, const th_endpoint *endpoint, int idx,
                const char *const *grants, th_error *err)
{
    static const th_place body = {.name = "(body)"};
    th_check c = {.L = L, .grants = grants, .err = err};
    size_t first = err ? err->nfaults : 0;
    idx = lua_absindex(L, idx);
    bool table = lua_istable(L, idx), empty = false;
    if (table && lua_checkstack(L, 4)) {
        lua_pushnil(L); // nil
        empty = !lua_next(L, idx);
        if (!empty)
            lua_pop(L, 2); //
    }
    if (!endpoint->body && (empty || lua_isnoneornil(L, idx))) {
        lua_pushnil(L);
        return 0;
    }
    if (!endpoint->body)
        th_check_fault(&c, &body, "must not be there: %s takes none", endpoint->name);
    else if (!table)
        th_check_fault(&c, &body, "must be a table of fields, not a %s",
                       lua_typename(L, lua_type(L, idx)));
    else if (empty && endpoint->refuse_empty)
        th_check_fault(&c, &body, "has no field, so there is nothing to change");
    else
        th_check_object(&c, endpoint->body, idx, NULL, endpoint->mode == TH_MODE_UPDATE, 0);
    if (c.faults > 0)
        return refuse(provider, endpoint, first, err);
    th_body_copy(L, endpoint->body, idx, c.fields); // copy
    return 0;
}
