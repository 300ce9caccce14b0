#include <string.h>

#include <lauxlib.h>

#include "provider/parse.h"

const unsigned *th_parse_fields(th_reader *r, int idx, const char *member, bool needed,
                                const th_object *object, size_t *count)
{
    size_t n;
    const char *const *names = th_reader_strings(r, idx, member, needed, &n);
    unsigned *fields = th_reader_alloc(r, (n + 1) * sizeof *fields);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        int field = th_object_find(object, names[i], strlen(names[i]));
        if (field < 0)
            th_reader_unknown(r, member, names[i], "field", object->names);
        else
            fields[(*count)++] = (unsigned)field;
    }
    return names ? fields : NULL;
}

const th_condition *th_parse_condition(th_reader *r, int idx, const char *member,
                                       const th_object *object, size_t *count)
{
    *count = 0;
    if (!th_reader_push(r, idx, member, LUA_TTABLE, false))
        return NULL;
    int table = lua_gettop(r->L); // condition
    size_t mark = th_reader_enter(r, member), n;
    const char *const *names = th_reader_keys(r, table, &n);
    th_condition *conditions = th_reader_alloc(r, (n + 1) * sizeof *conditions);
    if (n == 0)
        th_reader_fault(r, NULL, "must not be empty");
    for (size_t i = 0; i < n; i++) {
        int field = th_object_find(object, names[i], strlen(names[i]));
        if (field < 0) {
            th_reader_unknown(r, names[i], names[i], "field", object->names);
            continue;
        }
        th_condition *c = &conditions[(*count)++];
        c->field = (unsigned)field;
        lua_pushstring(r->L, names[i]);
        lua_rawget(r->L, table); // condition value
        const char *why = "must be text, a number, true, false or null";
        if (th_reader_scalar(r, -1, &c->value))
            why = th_parse_misfit(&object->fields[field], &c->value);
        if (why)
            th_reader_fault(r, names[i], "%s", why);
        lua_pop(r->L, 1); // condition
    }
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
    return conditions;
}

static void parse_modes(th_reader *r, int idx, th_rule *rule)
{
    size_t n;
    const char *const *modes = th_reader_strings(r, idx, "on", false, &n);
    rule->on_create = rule->on_update = modes == NULL;
    for (size_t i = 0; modes && i < n; i++)
        if (strcmp(modes[i], "create") == 0)
            rule->on_create = true;
        else if (strcmp(modes[i], "update") == 0)
            rule->on_update = true;
        else
            th_reader_fault(r, "on", "must list \"create\", \"update\" or both");
}

static void parse_rule(th_reader *r, int idx, const th_object *object, th_rule *rule)
{
    static const char *const known[] = {"need", "together", "only", "when", "on", "because", NULL};
    th_reader_known(r, idx, known, 0);
    size_t nneed, ntogether;
    const unsigned *need = th_parse_fields(r, idx, "need", false, object, &nneed);
    const unsigned *together = th_parse_fields(r, idx, "together", false, object, &ntogether);
    rule->only = th_parse_condition(r, idx, "only", object, &rule->nonly);
    rule->when = th_parse_condition(r, idx, "when", object, &rule->nwhen);
    rule->because = th_reader_string(r, idx, "because", false);
    parse_modes(r, idx, rule);
    if ((need != NULL) + (together != NULL) + (rule->only != NULL) != 1) {
        th_reader_fault(r, NULL, "must have one of: need, together, only");
        return;
    }
    rule->kind = need ? TH_RULE_NEED : together ? TH_RULE_TOGETHER : TH_RULE_ONLY;
    rule->fields = need ? need : together;
    rule->nfields = need ? nneed : ntogether;
    if (together && ntogether < 2)
        th_reader_fault(r, "together", "must name at least two fields");
    if (!together && !rule->when)
        th_reader_fault(r, "when", "is missing");
}

void th_parse_rules(th_reader *r, int idx, th_object *object)
{
    if (!th_reader_push(r, idx, "rules", LUA_TTABLE, false))
        return;
    int list = lua_gettop(r->L); // rules
    size_t mark = th_reader_enter(r, "rules");
    size_t n = th_reader_length(r, list);
    th_rule *rules = th_reader_alloc(r, (n + 1) * sizeof *rules);
    object->rules = rules;
    object->nrules = n;
    for (size_t i = 0; i < n; i++) {
        size_t item = th_reader_enter_item(r, i + 1);
        lua_rawgeti(r->L, list, (lua_Integer)i + 1); // rules rule
        if (lua_istable(r->L, -1))
            parse_rule(r, lua_gettop(r->L), object, &rules[i]);
        else
            th_reader_fault(r, NULL, "must be a table");
        lua_pop(r->L, 1); // rules
        th_reader_leave(r, item);
    }
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}
