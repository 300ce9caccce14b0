/*
 * The parts of parsing a description, in the order in which they run. Each reads the description
 * table at idx and fills the provider; faults go to the reader. What is faulty is left out, so that
 * the rest can be checked as well.
 */
#ifndef TH_PROVIDER_PARSE_H
#define TH_PROVIDER_PARSE_H

#include "provider/read.h"

void th_parse_objects(th_reader *r, int idx, th_provider *provider);
/* Needs the objects. */
void th_parse_endpoints(th_reader *r, int idx, th_provider *provider);
/* evidence, secrets, label and mapping: read from the Lua table by those who need them, checked
 * here. Needs the objects. */
void th_parse_uses(th_reader *r, int idx, th_provider *provider);

/* `rules` of the object in the table at idx, whose fields have been read. */
void th_parse_rules(th_reader *r, int idx, th_object *object);
/* Whether the text is one of the values that the field's enum allows. */
bool th_parse_is_choice(const th_field *field, const char *text);
/* Why the value cannot be one of the field, in words that follow the name of a member; or NULL. */
const char *th_parse_misfit(const th_field *field, const th_scalar *value);

/* The member as a condition: field → value, every field one of the object's and every value of its
 * type. NULL when there is none. */
const th_condition *th_parse_condition(th_reader *r, int idx, const char *member,
                                       const th_object *object, size_t *count);
/* The member as names of fields of the object; NULL when there is none. */
const unsigned *th_parse_fields(th_reader *r, int idx, const char *member, bool needed,
                                const th_object *object, size_t *count);

#endif
