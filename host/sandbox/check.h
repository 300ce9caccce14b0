/*
 * What a request body may hold: field tables, and the check of a body against one. Nothing is
 * coerced: 42.0 is no integer, {} is no list, null is a value only where the table says so.
 */
#ifndef SB_CHECK_H
#define SB_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum sb_type { SB_STRING, SB_INTEGER, SB_BOOLEAN, SB_STRINGS, SB_OBJECTS };

enum {
    SB_CREATE = 1,   /* accepted when the object is made */
    SB_REQUIRED = 2, /* must be there when it is made */
    SB_UPDATE = 4,   /* accepted when it is changed */
    SB_NULL = 8,     /* null is a value */
};

/* NULL when the text is well formed, else what it must be ("must be an IP address"). */
typedef const char *(*sb_format)(const char *text);

typedef struct sb_field {
    const char *name; /* NULL ends a table */
    enum sb_type type;
    unsigned use;
    json_int_t min, max; /* characters, value, or items; max 0: no upper bound */
    const char *const *choices;
    sb_format format;             /* of a string, or of each string in a list */
    const struct sb_field *items; /* SB_OBJECTS: the table of one item, checked as SB_CREATE */
} sb_field;

/* One thing that the documentation does not allow. */
typedef struct sb_finding {
    char *field;      /* "gateways.0.port", or "body", "path", "query", "header"; owned */
    const char *code; /* static: "unknown_field", "wrong_type", … */
    char *text;       /* "must be …", or a whole sentence that starts with a capital; owned */
} sb_finding;

typedef struct sb_findings {
    sb_finding *list;
    size_t count, cap;
} sb_findings;

void sb_findings_add(sb_findings *findings, const char *field, const char *code, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));
void sb_findings_close(sb_findings *findings);
/* A sentence for an error body: "The sip_username field must be …". The caller frees it. */
char *sb_finding_sentence(const sb_finding *finding);

/* use: SB_CREATE or SB_UPDATE. Adds every fault that it finds. */
void sb_check_body(json_t *body, const sb_field *fields, unsigned use, sb_findings *findings);

/* The string member, or NULL when it is absent, null or of another type. Borrowed. */
const char *sb_string(const json_t *object, const char *name);
bool sb_one_of(const char *text, const char *const *choices);

/* formats.c */
const char *sb_format_host(const char *text); /* host name or address, without scheme and port */
const char *sb_format_ip(const char *text);   /* one IPv4 or IPv6 address */
const char *sb_format_ip_or_cidr(const char *text); /* the same, or with a prefix length */
const char *sb_format_e164(const char *text);       /* + and 7 to 15 digits */
const char *sb_format_country(const char *text);    /* two capitals */
const char *
sb_format_uuid(const char *text); /* lower-case hexadecimal, as the platforms issue it */
const char *sb_format_ulid(const char *text);
const char *
sb_format_id(const char *text); /* decimal integer as JSON writes it: no sign, no 42.0 */
const char *sb_format_codecs(const char *text); /* ulaw,alaw: names, comma separated */
const char *sb_format_pcm(const char *text);    /* PCMU, PCMA or both, each once */

#endif
