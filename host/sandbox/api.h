/*
 * One platform API: its routes and its way of refusing. They differ in everything that a client can
 * see; what they share is how a request reaches its handler (serve.c).
 */
#ifndef SB_API_H
#define SB_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "check.h"
#include "faults.h"
#include "journal.h"
#include "limits.h"
#include "request.h"
#include "store.h"

/* Why a request is refused; each API has its own status and body for it. */
enum sb_refusal {
    SB_NO_TOKEN,    /* no bearer token at all */
    SB_BAD_TOKEN,   /* not the token */
    SB_FORBIDDEN,   /* a read-only token, and this writes */
    SB_INVALID,     /* see the findings */
    SB_BAD_ID,      /* the id in the path is not of its form */
    SB_NOT_FOUND,   /* nothing has this id */
    SB_CONFLICT,    /* something else has it already */
    SB_NO_ENDPOINT, /* nothing is documented at this path */
    SB_NO_METHOD,   /* something is, but not with this method */
    SB_LIMITED,     /* too many requests */
    SB_BROKEN,      /* the platform failed */
};

enum sb_ending { SB_SEND, SB_CUT, SB_HANG_UP };

/* What the headers say of the limits. */
typedef struct sb_rates {
    bool told, refused; /* are there headers at all; is Retry-After among them */
    unsigned limit, remaining;
    long long reset;      /* epoch seconds, rounded up */
    unsigned retry_after; /* seconds, rounded up */
} sb_rates;

typedef struct sb_reply {
    enum sb_ending ending;
    int status;
    const char *type; /* static; NULL without a body */
    char *body;       /* owned */
    size_t len;
    sb_rates rates;
    unsigned delay_ms;
    bool kill; /* nobody shall hear it: the process that asked is to be killed */
} sb_reply;

typedef struct sb_call {
    sb_store *store;
    sb_faults *faults;
    const sb_request *request;
    const struct sb_route *route; /* NULL until it is found */
    const char *param[2];         /* the ids in the path, in order */
    json_t *body;                 /* owned; NULL when the route takes none, or none came */
    sb_findings findings;         /* violations */
    unsigned met;                 /* bits of the faults that it met */
    bool applied;                 /* the write happened */
    sb_rates rates;
    sb_reply reply;
} sb_call;

enum { SB_NO_BODY, SB_BODY, SB_BODY_OR_EMPTY };

typedef struct sb_route {
    const char *method;
    const char *path; /* below the base: literal segments and {int}, {uuid}, {ulid} */
    int body;
    const char *const *query; /* accepted parameters, NULL-ended; NULL: none */
    const char *missing;      /* what NOT_FOUND and BAD_ID say when the handler gives no text */
    void (*serve)(sb_call *call);
} sb_route;

typedef struct sb_api {
    const char *name;
    const char *base;              /* path that stands for the real base URL */
    const sb_route *routes;        /* method NULL ends; the first that fits wins */
    sb_window windows[SB_WINDOWS]; /* documented limits; count 0 ends */
    bool rate_headers;             /* and they are documented to be in headers */
    bool read_only_tokens;         /* a scoped key is documented: "<token>-readonly" */
    int (*seed)(sb_store *store, unsigned trunks); /* 0, or -1 when memory is short */
    void (*refuse)(sb_call *call, enum sb_refusal why, const char *text);
} sb_api;

extern const sb_api sb_famulor, sb_autocalls, sb_vatel, sb_bolna, sb_bolna_trunk, sb_tinyline;
extern const sb_api *const sb_apis[SB_APIS];

/* reply.c */
/* Each sets the reply of the call; json is taken. */
void sb_reply_json(sb_call *call, int status, json_t *json);
void sb_reply_text(sb_call *call, int status, const char *type, const char *text);
void sb_reply_empty(sb_call *call, int status);
void sb_reply_clear(sb_reply *reply);
/* Refuses in the API's own way; text may be NULL. */
void sb_refuse(sb_call *call, enum sb_refusal why, const char *text);
/* Refuses when there are findings, and says so. */
bool sb_refuse_invalid(sb_call *call);
/* The record with that id, or NULL after NOT_FOUND was answered. */
json_t *sb_find(sb_call *call, json_t *map, const char *id, const char *missing);

/* seed_*.c: fill a new store; 0, or -1 when memory is short. */
int sb_famulor_seed(sb_store *store, unsigned trunks);
int sb_vatel_seed(sb_store *store, unsigned trunks);
int sb_bolna_seed(sb_store *store, unsigned trunks);
int sb_bolna_trunk_seed(sb_store *store, unsigned trunks);

#endif
