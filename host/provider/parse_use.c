#include <string.h>

#include <lauxlib.h>

#include "provider/parse.h"

static const char *const legs[] = {"inbound", "outbound", NULL};

/* The member as the name of a field that comes back in replies; NULL when there is none. */
static const th_field *readable(th_reader *r, int idx, const char *member, bool needed,
                                const th_object *trunk)
{
    const char *name = th_reader_string(r, idx, member, needed);
    if (!name)
        return NULL;
    const th_field *field = th_object_field(trunk, name);
    if (!field)
        th_reader_unknown(r, member, name, "field", th_object_field_names(trunk));
    else if (!field->read)
        th_reader_fault(r, member, "names a field that never comes back");
    return field;
}

/* A table leg → field. */
static void check_legs(th_reader *r, int idx, const char *member, const th_object *trunk)
{
    if (!th_reader_push(r, idx, member, LUA_TTABLE, false))
        return;
    int table = lua_gettop(r->L); // legs
    size_t mark = th_reader_enter(r, member);
    th_reader_known(r, table, legs, 0);
    for (int i = 0; legs[i]; i++)
        readable(r, table, legs[i], false, trunk);
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}

static bool one_of(const char *const *list, const char *text)
{
    for (; list && *list; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

static void check_states(th_reader *r, int idx)
{
    size_t n;
    const char *const *settled = th_reader_strings(r, idx, "settled", true, &n);
    static const char *const verdicts[] = {"proven", "refused", NULL};
    for (int i = 0; verdicts[i]; i++) {
        const char *state = th_reader_string(r, idx, verdicts[i], true);
        if (state && settled && !one_of(settled, state))
            th_reader_fault(r, verdicts[i], "must be one of settled");
    }
    th_reader_string(r, idx, "idle", false);
}

static void check_registration(th_reader *r, int idx, const th_object *trunk)
{
    static const char *const known[] = {"inbound", "outbound", "when",    "idle",
                                        "settled", "proven",   "refused", NULL};
    if (!th_reader_push(r, idx, "registration", LUA_TTABLE, false))
        return;
    int table = lua_gettop(r->L); // registration
    size_t mark = th_reader_enter(r, "registration");
    th_reader_known(r, table, known, 0);
    bool any = false;
    for (int i = 0; legs[i]; i++)
        any = readable(r, table, legs[i], false, trunk) || any;
    if (!any)
        th_reader_fault(r, NULL, "must name the status field of a leg: inbound, outbound or both");
    if (th_reader_push(r, table, "when", LUA_TTABLE, false)) { // registration when
        int when = lua_gettop(r->L);
        size_t inner = th_reader_enter(r, "when"), n;
        th_reader_known(r, when, legs, 0);
        for (int i = 0; legs[i]; i++)
            th_parse_condition(r, when, legs[i], trunk, &n);
        th_reader_leave(r, inner);
        lua_pop(r->L, 1); // registration
    }
    check_states(r, table);
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}

static void check_evidence(th_reader *r, int idx, const th_object *trunk)
{
    static const char *const known[] = {"infrastructure", "updated", "registration", NULL};
    if (!th_reader_push(r, idx, "evidence", LUA_TTABLE, true))
        return;
    int evidence = lua_gettop(r->L); // evidence
    size_t mark = th_reader_enter(r, "evidence");
    th_reader_known(r, evidence, known, 0);
    check_legs(r, evidence, "infrastructure", trunk);
    readable(r, evidence, "updated", false, trunk);
    check_registration(r, evidence, trunk);
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}

static void check_secret(th_reader *r, int idx, const th_object *trunk)
{
    static const char *const known[] = {"field",   "legs",      "with", "when",
                                        "present", "otherwise", "min",  NULL};
    th_reader_known(r, idx, known, 0);
    const char *name = th_reader_string(r, idx, "field", true);
    const th_field *field = name ? th_object_field(trunk, name) : NULL;
    if (name && !field)
        th_reader_unknown(r, "field", name, "field", th_object_field_names(trunk));
    else if (field && (!field->secret || !field->update))
        th_reader_fault(r, "field", "must be a secret that is accepted on update");

    size_t n, nwhen, npresent;
    const char *const *named = th_reader_strings(r, idx, "legs", true, &n);
    for (size_t i = 0; i < n; i++)
        if (!one_of(legs, named[i]))
            th_reader_unknown(r, "legs", named[i], "leg", legs);
    const unsigned *with = th_parse_fields(r, idx, "with", false, trunk, &n);
    for (size_t i = 0; with && i < n; i++) {
        if (!trunk->fields[with[i]].read || !trunk->fields[with[i]].update)
            th_reader_fault(r, "with", "names %s, which must come back and be accepted on update",
                            trunk->fields[with[i]].name);
    }
    th_parse_condition(r, idx, "when", trunk, &nwhen);
    th_parse_fields(r, idx, "present", false, trunk, &npresent);
    th_reader_string(r, idx, "otherwise", nwhen + npresent > 0);

    double min;
    if (th_reader_number(r, idx, "min", &min) &&
        (min < 1 || min > 4096 || min != (double)(unsigned)min))
        th_reader_fault(r, "min", "must be a whole number from 1 to 4096");
}

static void check_secrets(th_reader *r, int idx, const th_object *trunk)
{
    if (!th_reader_push(r, idx, "secrets", LUA_TTABLE, true))
        return;
    int list = lua_gettop(r->L); // secrets
    size_t mark = th_reader_enter(r, "secrets");
    size_t n = th_reader_length(r, list);
    for (size_t i = 1; i <= n; i++) {
        size_t item = th_reader_enter_item(r, i);
        lua_rawgeti(r->L, list, (lua_Integer)i); // secrets secret
        if (lua_istable(r->L, -1))
            check_secret(r, lua_gettop(r->L), trunk);
        else
            th_reader_fault(r, NULL, "must be a table");
        lua_pop(r->L, 1); // secrets
        th_reader_leave(r, item);
    }
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}

/* A name, or a table with the two functions; what else is in it is its own affair. */
static void check_mapping(th_reader *r, int idx)
{
    static const char *const functions[] = {"to_neutral", "to_native", NULL};
    lua_State *L = r->L;
    lua_pushstring(L, "mapping");
    int type = lua_rawget(L, idx); // mapping
    if (type == LUA_TSTRING) {
        if (!th_reader_is_name(lua_tostring(L, -1), false))
            th_reader_fault(r, "mapping", "must be the name of a mapping, or a table");
    } else if (type == LUA_TTABLE) {
        int table = lua_gettop(L);
        size_t mark = th_reader_enter(r, "mapping");
        for (int i = 0; functions[i]; i++)
            if (th_reader_push(r, table, functions[i], LUA_TFUNCTION, true))
                lua_pop(L, 1); // mapping
        th_reader_leave(r, mark);
    } else if (type != LUA_TNIL) {
        th_reader_fault(r, "mapping", "must be the name of a mapping, or a table");
    }
    lua_pop(L, 1); //
}

void th_parse_uses(th_reader *r, int idx, th_provider *provider)
{
    const th_object *trunk = th_provider_object(provider, "trunk");
    check_mapping(r, idx);
    if (!trunk)
        return; /* that is a fault already, and all of this refers to it */
    check_evidence(r, idx, trunk);
    check_secrets(r, idx, trunk);
    readable(r, idx, "label", false, trunk);
}
