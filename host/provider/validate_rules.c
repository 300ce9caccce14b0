#include <stdio.h>
#include <string.h>

#include "provider/validate_impl.h"

static bool has(uint64_t set, unsigned field)
{
    return set >> field & 1;
}

static const th_scalar absent = {.kind = TH_SCALAR_ABSENT};

/* What the platform will see: on create a field that is not given has its default. */
static const th_scalar *value_of(const th_object *object, const th_seen *seen, unsigned field,
                                 bool update)
{
    if (has(seen->present, field))
        return &seen->values[field];
    return update ? &absent : &object->defaults[field];
}

static bool equal(const th_scalar *a, const th_scalar *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TH_SCALAR_STRING:
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    case TH_SCALAR_NUMBER:
        return a->number == b->number;
    case TH_SCALAR_BOOLEAN:
        return a->boolean == b->boolean;
    default:
        return a->kind == TH_SCALAR_NULL;
    }
}

static bool holds(const th_object *object, const th_seen *seen, const th_rule *rule, bool update)
{
    for (size_t i = 0; i < rule->nwhen; i++) {
        const th_condition *when = &rule->when[i];
        if (!equal(value_of(object, seen, when->field, update), &when->value))
            return false;
    }
    return true;
}

/* `transport is "tls" and register is true`. */
static void describe(const th_object *object, const th_condition *conditions, size_t n, char *out,
                     size_t room)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && len < room; i++) {
        const char *name = object->fields[conditions[i].field].name;
        const th_scalar *value = &conditions[i].value;
        const char *and = i > 0 ? " and " : "";
        int more = 0;
        if (value->kind == TH_SCALAR_STRING)
            more = snprintf(out + len, room - len, "%s%s is \"%s\"", and, name, value->text);
        else if (value->kind == TH_SCALAR_NUMBER)
            more = snprintf(out + len, room - len, "%s%s is %.15g", and, name, value->number);
        else
            more = snprintf(out + len, room - len, "%s%s is %s", and, name,
                            value->kind == TH_SCALAR_NULL ? "null"
                            : value->boolean              ? "true"
                                                          : "false");
        len += more > 0 ? (size_t)more : 0;
    }
}

static void refuse(th_check *c, th_seen *seen, const th_place *outer, const th_object *object,
                   unsigned field, const th_rule *rule, const char *text)
{
    if (has(seen->faulty, field))
        return; /* one fault for a field is enough; the other one may be why */
    seen->faulty |= UINT64_C(1) << field;
    th_place place = {.outer = outer, .name = object->fields[field].name};
    if (rule->because)
        th_check_fault(c, &place, "%s (%s)", text, rule->because);
    else
        th_check_fault(c, &place, "%s", text);
}

static void check_need(th_check *c, const th_object *object, th_seen *seen, const th_place *outer,
                       const th_rule *rule)
{
    for (size_t i = 0; i < rule->nfields; i++) {
        unsigned field = rule->fields[i];
        const th_scalar *value = has(seen->present, field) ? &seen->values[field] : &absent;
        bool empty = value->kind == TH_SCALAR_STRING && value->len == 0;
        if (value->kind > TH_SCALAR_NULL && value->kind != TH_SCALAR_EMPTY && !empty)
            continue;
        char when[256], text[320];
        describe(object, rule->when, rule->nwhen, when, sizeof when);
        snprintf(text, sizeof text, "is required when %s", when);
        refuse(c, seen, outer, object, field, rule, text);
    }
}

static void check_together(th_check *c, const th_object *object, th_seen *seen,
                           const th_place *outer, const th_rule *rule)
{
    size_t given = 0, nulls = 0;
    for (size_t i = 0; i < rule->nfields; i++) {
        given += has(seen->present, rule->fields[i]);
        nulls += has(seen->null, rule->fields[i]);
    }
    bool all = given == rule->nfields;
    if (given == 0 || (all && (nulls == 0 || nulls == given)))
        return;
    char text[320] = "must be sent together with";
    size_t len = strlen(text);
    unsigned odd = rule->fields[0];
    for (size_t i = rule->nfields; i-- > 0;) {
        /* the fault lies with what is missing, or with what is null beside values */
        if (all ? has(seen->null, rule->fields[i]) : !has(seen->present, rule->fields[i]))
            odd = rule->fields[i];
    }
    for (size_t i = 0; i < rule->nfields && len < sizeof text; i++) {
        if (rule->fields[i] != odd)
            len += (size_t)snprintf(text + len, sizeof text - len, " %s",
                                    object->fields[rule->fields[i]].name);
    }
    if (all && len < sizeof text)
        snprintf(text + len, sizeof text - len, ", null in all of them or in none");
    refuse(c, seen, outer, object, odd, rule, text);
}

static void check_only(th_check *c, const th_object *object, th_seen *seen, const th_place *outer,
                       const th_rule *rule, bool update)
{
    for (size_t i = 0; i < rule->nonly; i++) {
        const th_condition *only = &rule->only[i];
        const th_scalar *value = value_of(object, seen, only->field, update);
        if (value->kind == TH_SCALAR_ABSENT || equal(value, &only->value))
            continue;
        char must[128], when[256], text[448];
        describe(object, only, 1, must, sizeof must);
        describe(object, rule->when, rule->nwhen, when, sizeof when);
        snprintf(text, sizeof text, "does not fit: %s only when %s", when, must);
        refuse(c, seen, outer, object, only->field, rule, text);
    }
}

void th_check_rules(th_check *c, const th_object *object, th_seen *seen, const th_place *outer,
                    bool update)
{
    for (size_t i = 0; i < object->nrules; i++) {
        const th_rule *rule = &object->rules[i];
        if (!(update ? rule->on_update : rule->on_create) || !holds(object, seen, rule, update))
            continue;
        switch (rule->kind) {
        case TH_RULE_NEED:
            check_need(c, object, seen, outer, rule);
            break;
        case TH_RULE_TOGETHER:
            check_together(c, object, seen, outer, rule);
            break;
        case TH_RULE_ONLY:
            check_only(c, object, seen, outer, rule, update);
            break;
        }
    }
}
