/* What the parts of the API client share; nobody else includes this. */
#ifndef TH_API_IMPL_H
#define TH_API_IMPL_H

#include "call/api.h"
#include "call/stop_request.h"
#include "wire/exchange.h"

enum { TH_CALL_SECRETS = 4 };

/* Stack of a call while it waits: the five arguments, then the validated body. */
enum { ARG_ACCOUNT = 1, ARG_ENDPOINT, ARG_PARAMS, ARG_FIELDS, ARG_OPTIONS, AT_BODY };

/* One secret in the body: its ledger row must be on disk before the body may leave. */
struct th_secret_use {
    th_secret *secret; /* one reference */
    const char *field; /* the provider's */
    int64_t row;       /* in the ledger; 0 while it is not known */
    bool known;        /* this row stood for it already: this very secret was sent before */
};

struct th_call_record; /* what the ledger gets of a call */

struct th_call {
    th_account *account;
    const th_endpoint *endpoint;
    th_waker waker;
    struct th_stop_request stop; /* what it may do while the run is stopping */
    bool interrupted;            /* ended before anything was sent */
    bool aborted;                /* ended while it may have been under way */
    bool unproven; /* a yes does not make its secrets current: the caller settles them */
    bool released; /* nobody looks at it any more; freed when the ledger lets go */
    struct th_call_record *record; /* owned; NULL: this call leaves no trace in the ledger */
    th_buf url, body;
    char *trunk;                   /* owned; "" for a create */
    struct th_secret_use *secrets; /* owned, TH_CALL_SECRETS of them; NULL: none */
    unsigned nsecrets;
    th_exchange x;
};

/* --- api_run.c: a call that is under way ------------------------------------------------------ */

/* What the task does with a call that it has attached. */
extern const struct th_wait_ops th_call_ops;
/* Puts a complete call on record, sends it and waits for its end; returns as a Lua function does. */
int th_call_begin(lua_State *L, struct th_call *call);
/* Raises err as the end of the call; `end` is what is known of the request. */
int th_call_fail(lua_State *L, struct th_call *call, enum th_attempt_state end, th_error *err);

/* --- api_secrets.c: the secrets of a call ----------------------------------------------------- */

/* Finds them in the body at AT_BODY; a plain string in a secret field becomes a secret. */
int th_call_take_secrets(lua_State *L, struct th_call *call, th_error *err);
/* Looks up the rows of those that were sent before. */
void th_call_find_rows(lua_State *L, struct th_call *call);
/* Remembers which row holds which secret of which trunk. */
void th_call_keep_rows(lua_State *L, const struct th_call *call, const char *trunk);
/* Pushes a table: field → row in the ledger. */
void th_call_push_receipt(lua_State *L, const struct th_call *call);
/* A platform may quote what it refuses: none of its secrets may pass through these words. */
void th_call_scrub(const struct th_call *call, th_error *err);
/* The platform's words as they may go on: scrubbed, and only then cut to a bearable length, because
 * a cut could leave a part of a secret that is not known as one. */
void th_call_quote(const struct th_call *call, th_error *err);
void th_call_drop_secrets(struct th_call *call);
/* The registry table behind the rows; once per state. */
void th_call_secrets_open(lua_State *L);
/* The row that this account sent the secret at idx with, 0: none. */
int64_t th_secret_row(lua_State *L, int idx, const char *account, const char *trunk,
                      const char *field);

/* --- api_mend.c: replies whose texts are broken ------------------------------------------------ */

/* th_json_decode, but broken texts (bytes that are not UTF-8, half a surrogate pair, control
 * characters) do not stop it where they are only shown: in a trunk's label, and in members that the
 * description does not know. They become U+FFFD there, and of a list that is logged. In another
 * field they are an error that names the trunk and the field. */
int th_reply_decode(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                    const th_buf *body, th_error *err);

/* --- api_shape.c: whether a reply is what was asked for ---------------------------------------- */

/* The object on top of the stack, a whole reply to a write, says no in a member of its own (error,
 * success = false): TH_MALFORMED. Leaves the stack alone. */
int th_reply_refusal(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                     th_error *err);
/* The value on top of the stack, out of its envelope, is what the endpoint returns, of the id that
 * the call named; and its status says that it has happened. Else TH_MALFORMED. Leaves the stack
 * alone. */
int th_reply_check(lua_State *L, const struct th_call *call, th_error *err);

/* --- api_record.c: what the ledger gets of a call --------------------------------------------- */

/*
 * Puts the call on record where it must be: with a secret in it, as a create, or inside of an item.
 * `ready` comes from the loop when that is on disk, or has failed (th_call_record_error); not at
 * all when there was nothing to record, which th_call_recording tells.
 */
int th_call_record(lua_State *L, struct th_call *call, void (*ready)(struct th_call *call),
                   th_error *err);
bool th_call_recording(const struct th_call *call);
bool th_call_unrecorded(const struct th_call *call);
/* Why it could not be recorded: moved to err; 0 when it was. */
int th_call_record_error(struct th_call *call, th_error *err);
/* How it has ended, and what that means for its secrets and its create. id: what a create has
 * made, or NULL. Only the first call counts; nobody waits for it. */
void th_call_ended(struct th_call *call, enum th_attempt_state state, int status,
                   const char *message, const char *id);
void th_call_record_free(struct th_call *call);

#endif
