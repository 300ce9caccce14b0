/*
 * What the files of the provider room share: the parsed structs. Everything in them lies in the
 * provider's arena and lives as long as the provider.
 */
#ifndef TH_PROVIDER_IMPL_H
#define TH_PROVIDER_IMPL_H

#include <stdint.h>

#include "provider/provider.h"

/* A set of fields is one word; the parameters of a path or a query fit on the stack. */
enum { TH_FIELDS_MAX = 64, TH_PARAMETERS_MAX = 16 };

/* Blocks that are freed together. Zeroed memory is an empty arena. */
typedef struct th_arena {
    struct th_arena_block *blocks;
} th_arena;

/* Zeroed memory, or NULL when there is none. */
void *th_arena_alloc(th_arena *arena, size_t size);

enum th_scalar_kind {
    TH_SCALAR_ABSENT,
    TH_SCALAR_NULL,
    TH_SCALAR_STRING,
    TH_SCALAR_NUMBER,
    TH_SCALAR_BOOLEAN,
    TH_SCALAR_EMPTY, /* a list without items */
    TH_SCALAR_OTHER,
};

/* As much of a value as rules look at. The text belongs to Lua or to the arena. */
typedef struct th_scalar {
    enum th_scalar_kind kind;
    bool boolean;
    double number;
    const char *text;
    size_t len;
} th_scalar;

typedef struct th_condition {
    unsigned field;
    th_scalar value;
} th_condition;

enum th_rule_kind { TH_RULE_NEED, TH_RULE_TOGETHER, TH_RULE_ONLY };

typedef struct th_rule {
    enum th_rule_kind kind;
    bool on_create, on_update;
    const unsigned *fields; /* need, together */
    size_t nfields;
    const th_condition *only;
    size_t nonly;
    const th_condition *when;
    size_t nwhen;
    const char *because; /* or NULL */
} th_rule;

struct th_object {
    const char *name;
    th_field *fields;    /* sorted by name */
    th_scalar *defaults; /* one for each field */
    size_t nfields;
    const char *const *names;
    uint8_t *slots; /* open addressing: field + 1, 0 = empty */
    uint32_t slot_mask;
    uint64_t required;
    const th_rule *rules;
    size_t nrules;
};

/* Literal text of a path, or a parameter in it. */
struct th_segment {
    const char *text; /* NULL for a parameter */
    size_t len;
    const char *param;
    enum th_type type;
};

struct th_parameter {
    enum th_type type;
    const char *const *choices; /* or NULL */
};

struct th_status {
    int status;
    enum th_kind kind;
};

struct th_provider {
    th_arena arena;
    int table; /* registry reference of the description */
    const char *name, *base_url;
    enum th_type id;
    th_window *windows;
    size_t nwindows;
    unsigned concurrency;
    th_endpoint *endpoints; /* sorted by name */
    size_t nendpoints;
    const char *const *endpoint_names;
    th_object *objects; /* sorted by name */
    size_t nobjects;
    const char *const *object_names;
    th_error_paths errors;
};

uint32_t th_name_hash(const char *name, size_t len);
/* The field's index, or -1. */
int th_object_find(const th_object *object, const char *name, size_t len);

extern const char *const th_type_names[];   /* by enum th_type, NULL-ended; "uuid" is the last */
extern const char *const th_format_names[]; /* by enum th_format; [0] is "" */
extern const char *const th_method_names[]; /* by enum th_method, NULL-ended */

#endif
