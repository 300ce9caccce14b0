/*
 * What the ledger gets of a call: an attempt that is on disk before the request leaves, with the
 * secrets in it and the intent of a create in the same commit; and how it ended.
 *
 * Plain writes outside of an item leave no trace: what they change is not to be lost, and a script
 * may make many of them.
 */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "json/json.h"

struct th_call_record {
    struct th_call *call;
    void (*ready)(struct th_call *call);
    unsigned pending; /* operations that have not been called back */
    bool ended;
    th_error err; /* the first thing that could not be recorded */
    th_ledger_op attempt, create;
    th_ledger_op secrets[TH_CALL_SECRETS];
    th_buf natural_key;
};

bool th_call_recording(const struct th_call *call)
{
    return call->record && call->record->pending > 0;
}

bool th_call_unrecorded(const struct th_call *call)
{
    return call->record && call->record->err.kind;
}

int th_call_record_error(struct th_call *call, th_error *err)
{
    struct th_call_record *record = call->record;
    if (!record || !record->err.kind)
        return 0;
    th_fail(err, TH_INVALID, "nothing was sent, because the ledger cannot %s: %s",
            call->nsecrets ? "store the secret" : "record the request",
            record->err.message ? record->err.message : "not enough memory");
    th_error_set_code(err, "ledger");
    th_error_close(&record->err);
    return -TH_INVALID;
}

void th_call_record_free(struct th_call *call)
{
    struct th_call_record *record = call->record;
    if (!record)
        return;
    th_error_close(&record->err);
    th_error_close(&record->attempt.err);
    th_error_close(&record->create.err);
    for (unsigned i = 0; i < TH_CALL_SECRETS; i++)
        th_error_close(&record->secrets[i].err);
    th_buf_close(&record->natural_key);
    free(record);
    call->record = NULL;
}

/* --- before it is sent ------------------------------------------------------------------------ */

static void op_done(th_ledger_op *op)
{
    struct th_call_record *record = op->ctx;
    struct th_call *call = record->call;
    if (op->result != 0 && !record->err.kind)
        th_error_move(&record->err, &op->err);
    if (--record->pending > 0)
        return;
    for (unsigned i = 0; i < call->nsecrets; i++) {
        struct th_secret_use *use = &call->secrets[i];
        use->known = use->row != 0 && use->row == record->secrets[i].row;
        use->row = record->secrets[i].row;
    }
    record->ready(call);
}

static void submit(struct th_call_record *record, th_ledger *ledger, th_ledger_op *op,
                   enum th_ledger_verb verb, int64_t item)
{
    struct th_call *call = record->call;
    op->verb = verb;
    op->run = call->account->runtime->record.run;
    op->account = call->account->name;
    op->item = item;
    op->cb = op_done;
    op->ctx = record;
    record->pending++;
    th_ledger_submit(ledger, op);
}

/* What the body says of the thing to be made, which a later look-up can find it by: everything but
 * the secrets. */
static int write_natural_key(lua_State *L, const struct th_call *call, th_buf *out, th_error *err)
{
    int top = lua_gettop(L), rc;
    lua_newtable(L); // key
    if (call->endpoint->body) {
        lua_pushnil(L);
        while (lua_next(L, AT_BODY)) { // key name value
            const th_field *field = th_object_field(call->endpoint->body, lua_tostring(L, -2));
            if (field && !field->secret) {
                lua_pushvalue(L, -2);
                lua_insert(L, -2);
                lua_rawset(L, -4); // key name
            } else {
                lua_pop(L, 1);
            }
        }
    }
    rc = th_json_encode(L, -1, TH_JSON_REDACT, out, err);
    lua_settop(L, top);
    return rc;
}

int th_call_record(lua_State *L, struct th_call *call, void (*ready)(struct th_call *call),
                   th_error *err)
{
    const th_endpoint *endpoint = call->endpoint;
    th_runtime *runtime = call->account->runtime;
    const int64_t item = endpoint->method == TH_GET ? 0 : th_task_item(L);
    /* Every POST makes something: like a trunk, it must not be made twice. */
    const bool create = endpoint->method == TH_POST;
    th_ledger *ledger = NULL;
    int rc;
    if (call->nsecrets == 0 && !create && item == 0)
        return 0;
    if ((rc = th_record_ledger(&runtime->record, &ledger, err)) != 0) {
        th_error_set_code(err, "ledger");
        return rc;
    }
    struct th_call_record *record = calloc(1, sizeof *record);
    if (!record)
        return th_fail(err, TH_INVALID, "not enough memory");
    call->record = record;
    record->call = call;
    record->ready = ready;
    if (create && (rc = write_natural_key(L, call, &record->natural_key, err)) != 0)
        return rc;
    th_call_find_rows(L, call);

    record->attempt.trunk = call->trunk;
    record->attempt.endpoint = endpoint->name;
    record->attempt.method = th_method_name(endpoint->method);
    submit(record, ledger, &record->attempt, TH_LEDGER_ATTEMPT_BEGIN, item);
    if (create) {
        record->create.endpoint = endpoint->name;
        record->create.natural_key = record->natural_key.data;
        record->create.attempt = &record->attempt.row;
        submit(record, ledger, &record->create, TH_LEDGER_CREATE_INTENT, item);
    }
    for (unsigned i = 0; i < call->nsecrets; i++) {
        th_ledger_op *op = &record->secrets[i];
        op->provider = th_provider_name(call->account->provider);
        op->trunk = call->trunk;
        op->field = call->secrets[i].field;
        op->secret = call->secrets[i].secret;
        op->row = call->secrets[i].row;
        op->attempt = &record->attempt.row;
        submit(record, ledger, op, TH_LEDGER_SECRET_ADD, item);
    }
    return 0;
}

/* --- how it ended ----------------------------------------------------------------------------- */

static void note_secrets(const struct th_call *call, th_ledger *ledger, enum th_attempt_state state,
                         const char *id)
{
    static const char *const evidence[] = {[TH_ATTEMPT_OK] = "accepted",
                                           [TH_ATTEMPT_REFUSED] = "refused",
                                           [TH_ATTEMPT_UNSENT] = "unsent"};
    for (unsigned i = 0; i < call->nsecrets; i++) {
        const struct th_secret_use *use = &call->secrets[i];
        if (use->row == 0)
            continue;
        if (state == TH_ATTEMPT_OK && id && !call->trunk[0])
            th_ledger_note(
                ledger,
                &(th_ledger_op){.verb = TH_LEDGER_SECRET_TRUNK, .row = use->row, .trunk = id});
        /* A secret that was sent before may be live from then, whatever is said to it now. */
        if (state == TH_ATTEMPT_OK ? call->unproven : use->known)
            continue;
        th_ledger_note(ledger,
                       &(th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                       .row = use->row,
                                       .state = state == TH_ATTEMPT_OK ? TH_CURRENT : TH_REJECTED,
                                       .evidence = evidence[state]});
    }
}

void th_call_ended(struct th_call *call, enum th_attempt_state state, int status,
                   const char *message, const char *id)
{
    static const enum th_create_state creates[] = {[TH_ATTEMPT_SENT] = TH_CREATE_UNKNOWN,
                                                   [TH_ATTEMPT_OK] = TH_CREATE_LANDED,
                                                   [TH_ATTEMPT_REFUSED] = TH_CREATE_ABSENT,
                                                   [TH_ATTEMPT_AMBIGUOUS] = TH_CREATE_UNKNOWN,
                                                   [TH_ATTEMPT_UNSENT] = TH_CREATE_ABSENT};
    struct th_call_record *record = call->record;
    if (!record || record->ended)
        return;
    th_ledger *ledger = call->account->runtime->record.ledger;
    record->ended = true;
    if (record->attempt.row)
        th_ledger_note(ledger, &(th_ledger_op){.verb = TH_LEDGER_ATTEMPT_END,
                                               .row = record->attempt.row,
                                               .attempt_state = state,
                                               .attempts = call->x.attempts,
                                               .status = status,
                                               .message = message,
                                               .trunk = id});
    if (record->create.row)
        th_ledger_note(ledger, &(th_ledger_op){.verb = TH_LEDGER_CREATE_END,
                                               .row = record->create.row,
                                               .create_state = creates[state],
                                               .trunk = id});
    if (state != TH_ATTEMPT_AMBIGUOUS && state != TH_ATTEMPT_SENT)
        note_secrets(call, ledger, state, id);
}
