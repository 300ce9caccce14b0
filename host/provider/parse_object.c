#include <string.h>

#include <lauxlib.h>

#include "provider/parse.h"

static const char *const field_members[] = {
    "type",    "min",    "max", "create",      "update", "read",     "nullable",
    "enum",    "format", "of",  "item_format", "secret", "replaces", "recreates",
    "default", "clears", "off", "admits",      "doc",    "source",   NULL};

static const char *const leg_names[] = {"inbound", "outbound", NULL};

static void parse_range(th_reader *r, int idx, th_field *field)
{
    field->has_min = th_reader_number(r, idx, "min", &field->min);
    field->has_max = th_reader_number(r, idx, "max", &field->max);
    if (!field->has_min && !field->has_max)
        return;
    bool counts = field->type == TH_STRING || field->type == TH_LIST;
    const char *member = field->has_min ? "min" : "max";
    if (!counts && field->type != TH_INTEGER && field->type != TH_NUMBER)
        th_reader_fault(r, member, "is for strings, numbers and lists");
    else if (counts && (field->min < 0 || field->max < 0))
        th_reader_fault(r, member, "must not be negative");
    if (field->has_min && field->has_max && field->min > field->max)
        th_reader_fault(r, "min", "is above max");
}

/* true, false, nil or "detail". */
static void parse_read(th_reader *r, int idx, th_field *field)
{
    lua_pushliteral(r->L, "read");
    lua_rawget(r->L, idx); // read
    if (lua_isboolean(r->L, -1))
        field->read = lua_toboolean(r->L, -1);
    else if (lua_type(r->L, -1) == LUA_TSTRING && strcmp(lua_tostring(r->L, -1), "detail") == 0)
        field->read = field->detail = true;
    else if (!lua_isnil(r->L, -1))
        th_reader_fault(r, "read", "must be true, false or \"detail\"");
    lua_pop(r->L, 1); //
}

static void parse_of(th_reader *r, int idx, const th_provider *p, th_field *field)
{
    static const char *const scalars[] = {"string", "integer", "number", "boolean", NULL};
    const char *of = th_reader_string(r, idx, "of", false);
    bool holds = field->type == TH_LIST || field->type == TH_OBJECT;
    if (!of) {
        if (holds && (field->create || field->update))
            th_reader_fault(r, "of", "is missing: the field can be sent");
        return;
    }
    if (!holds) {
        th_reader_fault(r, "of", "is for lists and objects");
        return;
    }
    for (int i = 0; field->type == TH_LIST && scalars[i]; i++) {
        if (strcmp(scalars[i], of) == 0) {
            field->item_type = (enum th_type)i;
            return;
        }
    }
    field->of = th_provider_object(p, of);
    if (!field->of)
        th_reader_unknown(r, "of", of, "object", p->object_names);
}

static void parse_formats(th_reader *r, int idx, th_field *field)
{
    int format = th_reader_choice(r, idx, "format", th_format_names + 1, false) + 1;
    if (format > 0 && field->type != TH_STRING)
        th_reader_fault(r, "format", "is for strings");
    field->format = (enum th_format)format;
    format = th_reader_choice(r, idx, "item_format", th_format_names + 1, false) + 1;
    if (format > 0 && (field->type != TH_LIST || field->of || field->item_type != TH_STRING))
        th_reader_fault(r, "item_format", "is for lists of strings");
    field->item_format = (enum th_format)format;
}

/* A string member that may be "" (which th_reader_string refuses). */
static const char *parse_value(th_reader *r, int idx, const char *member)
{
    if (!th_reader_push(r, idx, member, LUA_TSTRING, false))
        return NULL;
    size_t len;
    const char *text = lua_tolstring(r->L, -1, &len); // text
    const char *copy = th_reader_copy(r, text, len);
    lua_pop(r->L, 1); //
    return copy;
}

static void parse_dangers(th_reader *r, int idx, th_field *field)
{
    field->secret = th_reader_boolean(r, idx, "secret");
    field->replaces = th_reader_boolean(r, idx, "replaces");
    field->admits = th_reader_boolean(r, idx, "admits");
    field->clears = parse_value(r, idx, "clears");
    field->off = parse_value(r, idx, "off");
    if (field->secret && field->type != TH_STRING)
        th_reader_fault(r, "secret", "is for strings");
    if (field->secret && field->read)
        th_reader_fault(r, "read", "must not be there: a secret does not come back");
    if (field->replaces && field->type != TH_LIST)
        th_reader_fault(r, "replaces", "is for lists");
    if (field->admits && field->type != TH_STRING &&
        (field->type != TH_LIST || field->of || field->item_type != TH_STRING))
        th_reader_fault(r, "admits", "is for strings and lists of strings");
    if (field->clears && field->type != TH_STRING)
        th_reader_fault(r, "clears", "is for strings");
    if (field->off && field->type != TH_STRING)
        th_reader_fault(r, "off", "is for strings");
    else if (field->off && !th_parse_is_choice(field, field->off))
        th_reader_fault(r, "off", "is not in the field's enum");
}

static void parse_legs(th_reader *r, int idx, th_field *field)
{
    size_t n;
    const char *const *legs = th_reader_strings(r, idx, "recreates", false, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(legs[i], "inbound") == 0)
            field->recreates |= TH_INBOUND;
        else if (strcmp(legs[i], "outbound") == 0)
            field->recreates |= TH_OUTBOUND;
        else
            th_reader_unknown(r, "recreates", legs[i], "leg", leg_names);
}

static void parse_default(th_reader *r, int idx, const th_field *field, th_scalar *out)
{
    lua_pushliteral(r->L, "default");
    lua_rawget(r->L, idx); // default
    if (!lua_isnil(r->L, -1)) {
        const char *why = "must be text, a number, true, false or null";
        if (th_reader_scalar(r, -1, out))
            why = th_parse_misfit(field, out);
        if (why)
            th_reader_fault(r, "default", "%s", why);
    }
    lua_pop(r->L, 1); //
}

static void parse_field(th_reader *r, int idx, const th_provider *p, th_field *field,
                        th_scalar *assumed)
{
    static const char *const creates[] = {"required", "optional", NULL};
    static const char *const types[] = {"string", "integer", "number", "boolean",
                                        "object", "list",    NULL};
    th_reader_known(r, idx, field_members, 0);
    int type = th_reader_choice(r, idx, "type", types, true);
    field->type = type < 0 ? TH_STRING : (enum th_type)type;
    int create = th_reader_choice(r, idx, "create", creates, false);
    field->create = create >= 0;
    field->required = create == 0;
    field->update = th_reader_boolean(r, idx, "update");
    field->nullable = th_reader_boolean(r, idx, "nullable");
    parse_read(r, idx, field);
    if (!field->create && !field->update && !field->read)
        th_reader_fault(r, NULL,
                        "is neither accepted nor returned: create, update and read are "
                        "missing");
    size_t n;
    field->choices = th_reader_strings(r, idx, "enum", false, &n);
    if (field->choices && field->type != TH_STRING)
        th_reader_fault(r, "enum", "is for strings");
    parse_range(r, idx, field);
    parse_of(r, idx, p, field);
    parse_formats(r, idx, field);
    parse_dangers(r, idx, field);
    parse_legs(r, idx, field);
    parse_default(r, idx, field, assumed);
    th_reader_string(r, idx, "doc", false);
    th_reader_string(r, idx, "source", false);
}

/* Room for all names and as much again, so that a chain is short and ends. */
static void build_slots(th_reader *r, th_object *object)
{
    uint32_t slots = 4;
    while (slots < 2 * object->nfields)
        slots *= 2;
    object->slots = th_reader_alloc(r, slots);
    object->slot_mask = slots - 1;
    for (size_t i = 0; i < object->nfields; i++) {
        const char *name = object->fields[i].name;
        uint32_t at = th_name_hash(name, strlen(name));
        while (object->slots[at & object->slot_mask])
            at++;
        object->slots[at & object->slot_mask] = (uint8_t)(i + 1);
    }
}

static void parse_fields(th_reader *r, int idx, const th_provider *p, th_object *object)
{
    size_t n;
    const char *const *names = th_reader_keys(r, idx, &n);
    if (n > TH_FIELDS_MAX) {
        th_reader_fault(r, NULL, "has %zu fields; %d are supported", n, TH_FIELDS_MAX);
        n = TH_FIELDS_MAX;
    }
    object->names = names;
    object->nfields = n;
    object->fields = th_reader_alloc(r, (n + 1) * sizeof *object->fields);
    object->defaults = th_reader_alloc(r, (n + 1) * sizeof *object->defaults);
    for (size_t i = 0; i < n; i++) {
        object->fields[i].name = names[i];
        if (!th_reader_push(r, idx, names[i], LUA_TTABLE, true))
            continue;
        size_t mark = th_reader_enter(r, names[i]);
        parse_field(r, lua_gettop(r->L), p, &object->fields[i], &object->defaults[i]);
        th_reader_leave(r, mark);
        lua_pop(r->L, 1);
        if (object->fields[i].required)
            object->required |= UINT64_C(1) << i;
    }
    build_slots(r, object);
}

static void parse_object(th_reader *r, int idx, const th_provider *p, th_object *object)
{
    static const char *const known[] = {"fields", "rules", "doc", "source", NULL};
    th_reader_known(r, idx, known, 0);
    th_reader_string(r, idx, "doc", false);
    th_reader_string(r, idx, "source", false);
    if (th_reader_push(r, idx, "fields", LUA_TTABLE, true)) { // fields
        size_t mark = th_reader_enter(r, "fields");
        parse_fields(r, lua_gettop(r->L), p, object);
        th_reader_leave(r, mark);
        lua_pop(r->L, 1); //
    }
    th_parse_rules(r, idx, object);
}

/* Only what stands at the top of a body goes through the ledger, so a secret cannot be deeper. */
static void refuse_deep_secrets(th_reader *r, const th_provider *p, const th_object *object)
{
    const char *by = NULL;
    for (size_t i = 0; i < p->nobjects && !by; i++) {
        for (size_t j = 0; j < p->objects[i].nfields && !by; j++)
            if (p->objects[i].fields[j].of == object)
                by = p->objects[i].fields[j].name;
    }
    size_t mark = th_reader_enter(r, object->name);
    size_t fields = th_reader_enter(r, "fields");
    for (size_t i = 0; by && i < object->nfields; i++) {
        if (!object->fields[i].secret)
            continue;
        size_t field = th_reader_enter(r, object->fields[i].name);
        th_reader_fault(r, "secret",
                        "cannot be here, because the field %s holds this object: secrets are "
                        "possible at the top of a body only",
                        by);
        th_reader_leave(r, field);
    }
    th_reader_leave(r, fields);
    th_reader_leave(r, mark);
}

void th_parse_objects(th_reader *r, int idx, th_provider *p)
{
    static const char *const none[] = {NULL};
    p->object_names = none;
    if (!th_reader_push(r, idx, "objects", LUA_TTABLE, true))
        return;
    int objects = lua_gettop(r->L); // objects
    size_t mark = th_reader_enter(r, "objects");
    p->object_names = th_reader_keys(r, objects, &p->nobjects);
    p->objects = th_reader_alloc(r, (p->nobjects + 1) * sizeof *p->objects);
    /* All have names and a slot table before any is read, because they refer to each other. */
    for (size_t i = 0; i < p->nobjects; i++) {
        p->objects[i].name = p->object_names[i];
        p->objects[i].names = none;
        build_slots(r, &p->objects[i]);
        bool scalar = false;
        for (int t = 0; th_type_names[t]; t++)
            scalar = scalar || strcmp(th_type_names[t], p->objects[i].name) == 0;
        if (scalar || !th_reader_is_name(p->objects[i].name, false))
            th_reader_fault(r, p->objects[i].name,
                            "is not a name for an object: lower-case letters, digits and _, and "
                            "not the name of a type");
    }
    for (size_t i = 0; i < p->nobjects; i++) {
        if (!th_reader_push(r, objects, p->objects[i].name, LUA_TTABLE, true))
            continue;
        size_t inner = th_reader_enter(r, p->objects[i].name);
        parse_object(r, lua_gettop(r->L), p, &p->objects[i]);
        th_reader_leave(r, inner);
        lua_pop(r->L, 1);
    }
    for (size_t i = 0; i < p->nobjects; i++)
        refuse_deep_secrets(r, p, &p->objects[i]);
    if (!th_provider_object(p, "trunk"))
        th_reader_fault(r, "trunk", "is missing");
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}
