/*
 * One platform API: its routes and its way of refusing. They differ in everything that a client can
 * see; what they share is how a request reaches its handler (serve.c).
 */
#ifndef SB_API_H
#define SB_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sandbox/check.h"
#include "sandbox/faults.h"
#include "sandbox/journal.h"
#include "sandbox/limits.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"
#include "sandbox/store.h"

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
    bool told; /* are there headers at all */
    unsigned limit, remaining;
    long long reset;                /* epoch seconds, rounded up */
    unsigned long long retry_after; /* seconds, rounded up */
} sb_rates;

enum { SB_HEADERS = 3 };

typedef struct sb_reply {
    enum sb_ending ending;
    int status;
    const char *type; /* static; NULL without a body */
    char *body;       /* owned */
    size_t len;
    struct sb_header {
        const char *name;  /* static */
        char *value;       /* owned */
    } headers[SB_HEADERS]; /* name NULL: unused */
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
    size_t page;                  /* items on a page that the sandbox was told of; 0: none */
    unsigned drawn;               /* bits of the faults that it may meet */
    unsigned met;                 /* and of those that it met */
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
    void (*get)(sb_call *call);    /* the handlers of the routes of one trunk */
    void (*create)(sb_call *call);
    void (*update)(sb_call *call);
    int created;         /* status of the reply to a create */
    const char *updated; /* the word beside the trunk in the reply to an update; NULL: none */
    int (*seed)(sb_store *store, unsigned trunks); /* 0, or -1 when memory runs out */
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
/* Adds a header to the reply that was set; the name is static. */
void sb_reply_header(sb_call *call, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Refuses in the API's own way; text may be NULL. */
void sb_refuse(sb_call *call, enum sb_refusal why, const char *text);
void sb_reply_nothing(sb_call *call); /* closes the connection */
/* Refuses when there are findings, and says so. */
bool sb_refuse_invalid(sb_call *call);
/* The record with that id, or NULL after NOT_FOUND was answered. */
json_t *sb_find(sb_call *call, json_t *map, const char *id, const char *missing);

/* serve.c */
/* Was this fault drawn for the request? Then it has met it: the journal shows only such. */
bool sb_meets(sb_call *call, enum sb_fault fault);

/* misreply.c: each sets the reply and returns whether it did. */
bool sb_misreply_early(sb_call *call);   /* before anybody looked at the request */
bool sb_misreply_before(sb_call *call);  /* before its route is looked for */
bool sb_misreply_instead(sb_call *call); /* of carrying it out */
void sb_misreply_after(sb_call *call);   /* it was carried out, if it was acceptable */

/* page.c */
/* What one reply of a list shows and says. */
typedef struct sb_page {
    size_t number, last, size, total; /* as the reply says; pages from 1 */
    size_t first, end;                /* which of the trunks it holds */
    bool more;                        /* the reply says that another page follows */
    bool paged;                       /* the reply speaks of pages at all */
} sb_page;
/* size 0: all at once. Takes the faults of lists. */
sb_page sb_page_make(sb_call *call, size_t number, size_t size, size_t count);
/* Where no pages are documented: ?page=N and the size that the sandbox was told of. */
sb_page sb_page_asked(sb_call *call, size_t count);
/* The items of the page with the members of the view, as a new array. */
json_t *sb_page_items(const sb_page *page, json_t *map, const char *const *view);
/* {"data": list}, with links and meta where there are pages; takes the list. */
json_t *sb_page_envelope(const sb_call *call, const sb_page *page, json_t *list);
/* The same for a bare array, set as the reply: Link and X-Total-Count. */
void sb_page_headers(sb_call *call, const sb_page *page);

/* seed_*.c: fill a new store; 0, or -1 when memory runs out. */
int sb_famulor_seed(sb_store *store, unsigned trunks);
int sb_vatel_seed(sb_store *store, unsigned trunks);
int sb_bolna_seed(sb_store *store, unsigned trunks);
int sb_bolna_trunk_seed(sb_store *store, unsigned trunks);

#endif
