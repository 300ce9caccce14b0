/*
 * What the files of validation share. Nothing here owns memory, and no check makes a Lua object, so
 * that none can raise an error while faults are being collected.
 */
#ifndef TH_VALIDATE_IMPL_H
#define TH_VALIDATE_IMPL_H

#include "provider/impl.h"

/* Where a value is, as a chain on the C stack; it becomes text ("gateways[2].port") only in faults.
 */
typedef struct th_place {
    const struct th_place *outer; /* NULL: a field of the body itself */
    const char *name;             /* NULL: an item of the outer list */
    size_t item;
} th_place;

typedef struct th_check {
    lua_State *L;
    const char *const *grants;
    th_error *err;
    size_t faults;
    int fields; /* of the body itself: how large its copy will be */
} th_check;

/* What was seen of an object: bits by field, and the values that rules may ask for. */
typedef struct th_seen {
    uint64_t present, null, faulty;
    th_scalar values[TH_FIELDS_MAX]; /* set where present has the bit */
} th_seen;

void th_check_fault(th_check *c, const th_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuses a dangerous value, with the same words for all of them, unless the field of the body that
 * contains it is granted. Returns true when it was refused. */
bool th_check_danger(th_check *c, const th_place *place, const char *what);

/* Every field of the object at idx. outer: where the object is, NULL for the body itself. */
void th_check_object(th_check *c, const th_object *object, int idx, const th_place *outer,
                     bool update, unsigned depth);
/* The value at idx (absolute) against its field. */
void th_check_value(th_check *c, const th_place *place, const th_field *field, int idx, bool update,
                    unsigned depth);
/* The rules across fields of one object. */
void th_check_rules(th_check *c, const th_object *object, th_seen *seen, const th_place *outer,
                    bool update);

/* Why the text is not of the format, in words that follow a field's name; NULL when it is. The text
 * ends with a NUL and contains no other. */
const char *th_format_fault(enum th_format format, const char *text);

/* Why the address or range lets nearly everyone in, in words that follow a field's name; or NULL.
 */
const char *th_admits_everyone(const char *text);

/* An address with an optional /prefix. */
typedef struct th_range {
    bool v6;
    unsigned char address[16]; /* the first 4 for v4 */
    int prefix;                /* the full length when there is none */
} th_range;
bool th_range_parse(const char *text, bool with_prefix, th_range *out);

/* Pushes the normalised copy of the body at idx, with room for so many fields (a guess will do).
 * Raises an error when memory runs out. */
void th_body_copy(lua_State *L, const th_object *object, int idx, int fields);

#endif
