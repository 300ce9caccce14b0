#include "sandbox/check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sb_findings_add(sb_findings *findings, const char *field, const char *code, const char *format,
                     ...)
{
    if (findings->count == findings->cap) {
        size_t cap = findings->cap ? findings->cap * 2 : 4;
        sb_finding *list = realloc(findings->list, cap * sizeof *list);
        if (!list)
            return;
        findings->list = list;
        findings->cap = cap;
    }
    sb_finding finding = {.code = code};
    va_list args;
    va_start(args, format);
    int written = vasprintf(&finding.text, format, args);
    va_end(args);
    finding.field = strdup(field);
    if (written < 0 || !finding.field) {
        free(written < 0 ? NULL : finding.text);
        free(finding.field);
        return;
    }
    findings->list[findings->count++] = finding;
}

void sb_findings_close(sb_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->list[i].field);
        free(findings->list[i].text);
    }
    free(findings->list);
    *findings = (sb_findings){0};
}

char *sb_finding_sentence(const sb_finding *finding)
{
    char *sentence = NULL;
    if (isupper((unsigned char)finding->text[0]))
        return strdup(finding->text);
    if (asprintf(&sentence, "The %s field %s.", finding->field, finding->text) < 0)
        return NULL;
    return sentence;
}

const char *sb_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

bool sb_one_of(const char *text, const char *const *choices)
{
    for (; *choices; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

/* Documented lengths are in characters: bytes of UTF-8 that continue one do not count. */
static json_int_t characters(const char *text)
{
    json_int_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void check_bounds(json_int_t size, const sb_field *field, const char *path, const char *unit,
                         sb_findings *findings)
{
    if (size < field->min)
        sb_findings_add(findings, path, "too_small", "must be at least %lld%s",
                        (long long)field->min, unit);
    else if (field->max && size > field->max)
        sb_findings_add(findings, path, "too_large", "must not be greater than %lld%s",
                        (long long)field->max, unit);
}

static void check_choices(const char *text, const sb_field *field, const char *path,
                          sb_findings *findings)
{
    char list[256] = "";
    if (sb_one_of(text, field->choices))
        return;
    for (size_t i = 0; field->choices[i]; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", field->choices[i]);
    }
    sb_findings_add(findings, path, "not_a_choice", "must be one of: %s", list);
}

static void check_string(const char *text, const sb_field *field, const char *path,
                         sb_findings *findings)
{
    size_t before = findings->count;
    if (field->type == SB_STRING) /* the bounds of a list are those of its length */
        check_bounds(characters(text), field, path, " characters", findings);
    if (field->choices)
        check_choices(text, field, path, findings);
    const char *rule = field->format && findings->count == before ? field->format(text) : NULL;
    if (rule)
        sb_findings_add(findings, path, "malformed", "%s", rule);
}

static void wrong_type(const char *path, const char *wanted, sb_findings *findings)
{
    sb_findings_add(findings, path, "wrong_type", "must be %s", wanted);
}

static void check_fields(json_t *object, const sb_field *fields, unsigned use, const char *prefix,
                         sb_findings *findings);

static void check_list(const json_t *list, const sb_field *field, const char *path,
                       sb_findings *findings)
{
    if (!json_is_array(list)) {
        wrong_type(path, "a list", findings);
        return;
    }
    check_bounds((json_int_t)json_array_size(list), field, path, " items", findings);
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        char inner[288];
        snprintf(inner, sizeof inner, "%s.%zu", path, i);
        if (field->type == SB_OBJECTS)
            if (json_is_object(item))
                check_fields(item, field->items, SB_CREATE, inner, findings);
            else
                wrong_type(inner, "an object", findings);
        else if (json_is_string(item))
            check_string(json_string_value(item), field, inner, findings);
        else
            wrong_type(inner, "a string", findings);
    }
}

static void check_value(const json_t *value, const sb_field *field, const char *path,
                        sb_findings *findings)
{
    if (json_is_null(value)) {
        if (!(field->use & SB_NULL))
            sb_findings_add(findings, path, "wrong_type", "must not be null");
        return;
    }
    switch (field->type) {
    case SB_STRING:
        if (json_is_string(value))
            check_string(json_string_value(value), field, path, findings);
        else
            wrong_type(path, "a string", findings);
        break;
    case SB_INTEGER:
        if (json_is_integer(value))
            check_bounds(json_integer_value(value), field, path, "", findings);
        else
            wrong_type(path, "an integer", findings);
        break;
    case SB_BOOLEAN:
        if (!json_is_boolean(value))
            wrong_type(path, "true or false", findings);
        break;
    case SB_STRINGS:
    case SB_OBJECTS:
        check_list(value, field, path, findings);
        break;
    }
}

static void check_fields(json_t *object, const sb_field *fields, unsigned use, const char *prefix,
                         sb_findings *findings)
{
    char path[256];
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        const sb_field *field = fields;
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", name);
        while (field->name && strcmp(field->name, name) != 0)
            field++;
        if (!field->name)
            sb_findings_add(findings, path, "unknown_field", "is not known");
        else if (!(field->use & use))
            sb_findings_add(findings, path, "unknown_field", "is not accepted here");
        else
            check_value(value, field, path, findings);
    }
    if (!(use & SB_CREATE))
        return;
    for (const sb_field *field = fields; field->name; field++) {
        if ((field->use & SB_REQUIRED) && !json_object_get(object, field->name)) {
            snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", field->name);
            sb_findings_add(findings, path, "missing", "is required");
        }
    }
}

void sb_check_body(json_t *body, const sb_field *fields, unsigned use, sb_findings *findings)
{
    check_fields(body, fields, use, "", findings);
}
