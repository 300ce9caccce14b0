#include "api.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "error_lua.h"
#include "exchange.h"
#include "json.h"

#define ACCOUNT_TYPE "trunkhost.account"

enum { MAX_SECRETS = 4 };
/* Stack of a call while it waits: the five arguments, then the validated body. */
enum { ARG_ACCOUNT = 1, ARG_ENDPOINT, ARG_PARAMS, ARG_FIELDS, ARG_OPTIONS, AT_BODY };

/* One secret in the body: its ledger row must be on disk before the body may leave. */
struct secret_use {
    th_secret *secret; /* one reference */
    const char *field; /* the provider's */
    int64_t row;
    bool known; /* the row was there: this very secret was sent to this field before */
    th_ledger_op op;
};

struct api_call {
    th_account *account;
    const th_endpoint *endpoint;
    th_waker waker;
    bool admitted;    /* the task may finish although the run is stopping */
    bool interrupted; /* ended before anything was sent */
    bool released;    /* nobody looks at it any more; freed when the ledger lets go */
    unsigned ledger_pending;
    th_buf url, body;
    char *trunk; /* owned; "" for a create */
    struct secret_use secrets[MAX_SECRETS];
    unsigned nsecrets;
    th_error ledger_error;
    th_exchange x;
};

/* --- the account as a userdata
 * ---------------------------------------------------------------------- */

void th_account_push(lua_State *L, th_account *account)
{
    th_account **ud = lua_newuserdatauv(L, sizeof *ud, 0);
    *ud = account;
    luaL_setmetatable(L, ACCOUNT_TYPE);
}

th_account *th_account_check(lua_State *L, int arg)
{
    return *(th_account **)luaL_checkudata(L, arg, ACCOUNT_TYPE);
}

/* --- which ledger row holds which secret
 * ------------------------------------------------------------ */

/* Registry: a table with weak keys, secret userdata → { "account\0trunk\0field" → row }. Sending
 * the same secret to the same field again needs no new row. */
static const char rows_key = 0;

static void push_row_name(lua_State *L, const char *account, const char *trunk, const char *field)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    luaL_addlstring(&b, account, strlen(account) + 1);
    luaL_addlstring(&b, trunk, strlen(trunk) + 1);
    luaL_addstring(&b, field);
    luaL_pushresult(&b);
}

/* secret userdata at idx → row, or 0 */
static int64_t row_find(lua_State *L, int idx, const char *account, const char *trunk,
                        const char *field)
{
    int top = lua_gettop(L);
    int64_t row = 0;
    idx = lua_absindex(L, idx);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rows_key);
    lua_pushvalue(L, idx);
    if (lua_rawget(L, -2) == LUA_TTABLE) {
        push_row_name(L, account, trunk, field);
        lua_rawget(L, -2);
        row = lua_tointeger(L, -1);
    }
    lua_settop(L, top);
    return row;
}

static void row_keep(lua_State *L, int idx, const char *account, const char *trunk,
                     const char *field, int64_t row)
{
    int top = lua_gettop(L);
    idx = lua_absindex(L, idx);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rows_key); // rows
    lua_pushvalue(L, idx);
    if (lua_rawget(L, -2) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, idx);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4); // rows names
    }
    push_row_name(L, account, trunk, field);
    lua_pushinteger(L, row);
    lua_rawset(L, -3);
    lua_settop(L, top);
}

/* --- one call
 * ----------------------------------------------------------------------------------------- */

static void call_free(struct api_call *call)
{
    th_exchange_close(&call->x);
    for (unsigned i = 0; i < call->nsecrets; i++) {
        th_secret_unref(call->secrets[i].secret);
        th_error_close(&call->secrets[i].op.err);
    }
    th_error_close(&call->ledger_error);
    th_buf_close(&call->url);
    th_buf_close(&call->body);
    free(call->trunk);
    free(call);
}

static void call_release(void *ptr)
{
    struct api_call *call = ptr;
    call->released = true;
    th_exchange_close(&call->x);
    if (call->ledger_pending == 0)
        call_free(call);
}

static void call_cancel(void *ptr)
{
    struct api_call *call = ptr;
    th_exchange_close(&call->x);
    call->interrupted = true;
}

static bool call_interrupt(void *ptr)
{
    struct api_call *call = ptr;
    if (call->ledger_pending > 0 || !th_exchange_unsent(&call->x))
        return false;
    call_cancel(call);
    return true;
}

static void call_describe(const void *ptr, th_buf *out)
{
    const struct api_call *call = ptr;
    th_buf_printf(out, "%s: ", call->account->name);
    if (call->ledger_pending)
        th_buf_puts(out, "the ledger");
    else
        th_exchange_describe(&call->x, out);
}

static const struct th_wait_ops call_ops = {.name = "a request",
                                            .cancel = call_cancel,
                                            .release = call_release,
                                            .interrupt = call_interrupt,
                                            .describe = call_describe};

static void call_ended(th_exchange *x)
{
    struct api_call *call = x->ctx;
    th_task_wake(call->account->runtime->sched, call->waker);
}

static void call_limited(th_exchange *x)
{
    struct api_call *call = x->ctx;
    x->transfer.pace.retry_after = th_reply_retry_after(call->account->runtime->L,
                                                        call->account->provider, &x->transfer);
}

static void call_send(struct api_call *call)
{
    call->x.limited_body = call_limited;
    call->x.done = call_ended;
    call->x.ctx = call;
    th_exchange_start(&call->x);
}

static void secret_stored(th_ledger_op *op)
{
    struct api_call *call = op->ctx;
    for (unsigned i = 0; i < call->nsecrets; i++)
        if (&call->secrets[i].op == op)
            call->secrets[i].row = op->row;
    if (op->result != 0 && !call->ledger_error.kind)
        th_error_move(&call->ledger_error, &op->err);
    if (--call->ledger_pending > 0)
        return;
    if (call->released) {
        call_free(call);
        return;
    }
    th_runtime *runtime = call->account->runtime;
    if (runtime->phase != TH_PHASE_RUN && !call->admitted)
        call->interrupted = true;
    if (call->interrupted || call->ledger_error.kind)
        th_task_wake(runtime->sched, call->waker);
    else
        call_send(call);
}

/* Queues a change of a secret's state; nobody waits for it (the candidate is already on disk, and
 * the end of the run looks at the ledger's failures). */
static void ledger_note(th_runtime *runtime, enum th_ledger_verb verb, int64_t row,
                        enum th_secret_state state, const char *text)
{
    size_t len = strlen(text) + 1;
    th_ledger_op *op = calloc(1, sizeof *op + len);
    if (!op)
        return;
    char *copy = (char *)(op + 1);
    memcpy(copy, text, len);
    op->verb = verb;
    op->row = row;
    op->state = state;
    op->evidence = verb == TH_LEDGER_SECRET_STATE ? copy : NULL;
    op->trunk = verb == TH_LEDGER_SECRET_TRUNK ? copy : NULL;
    th_ledger_submit(runtime->ledger, op);
}

static void note_secrets(struct api_call *call, enum th_secret_state state, const char *evidence)
{
    for (unsigned i = 0; i < call->nsecrets; i++) {
        /* A secret that was sent before may be live from then, whatever is said to it now. */
        if (state == TH_REJECTED && call->secrets[i].known)
            continue;
        ledger_note(call->account->runtime, TH_LEDGER_SECRET_STATE, call->secrets[i].row, state,
                    evidence);
    }
}

/* Remembers which row holds which secret of which trunk. A create that has not answered has no
 * trunk yet, and the next one with the same secret is another trunk's. */
static void keep_rows(lua_State *L, struct api_call *call, const char *trunk)
{
    for (unsigned i = 0; trunk[0] && i < call->nsecrets; i++) {
        struct secret_use *use = &call->secrets[i];
        if (use->known)
            continue;
        lua_getfield(L, AT_BODY, use->field);
        row_keep(L, -1, call->account->name, trunk, use->field, use->row);
        lua_pop(L, 1);
    }
}

/* A create has answered: its secrets belong to a trunk now. The reply is on top of the stack. */
static void note_created(lua_State *L, struct api_call *call)
{
    if (call->nsecrets == 0 || call->trunk[0] || !lua_istable(L, -1))
        return;
    lua_getfield(L, -1, "id");
    const char *id = lua_tostring(L, -1);
    if (id) {
        for (unsigned i = 0; i < call->nsecrets; i++)
            ledger_note(call->account->runtime, TH_LEDGER_SECRET_TRUNK, call->secrets[i].row,
                        TH_CANDIDATE, id);
        keep_rows(L, call, id);
    }
    lua_pop(L, 1);
}

/* A platform may quote what it refuses: no secret of this request may pass through its words. */
static void scrub(char *text, const struct api_call *call)
{
    for (unsigned i = 0; text && i < call->nsecrets; i++) {
        size_t len;
        const char *bytes = th_secret_bytes(call->secrets[i].secret, &len);
        char *at = text;
        while (len > 0 && (at = memmem(at, strlen(at), bytes, len)) != NULL) {
            memset(at, '*', len);
            at += len;
        }
    }
}

static int fail_call(lua_State *L, struct api_call *call, th_error *err)
{
    scrub(err->message, call);
    scrub(err->code, call);
    for (size_t i = 0; i < err->nfaults; i++)
        scrub(err->faults[i].rule, call);
    th_error_set_account(err, call->account->name);
    th_error_set_trunk(err, call->trunk[0] ? call->trunk : NULL);
    th_task_release(L);
    return th_error_raise(L, err);
}

static int call_failed(lua_State *L, struct api_call *call)
{
    th_exchange *x = &call->x;
    th_error err = {0};
    th_exchange_error(x, &err);
    th_reply_explain(L, call->account->provider, call->endpoint, &x->transfer, &err);
    bool create = call->endpoint->method == TH_POST;
    if (x->outcome == TH_OUTCOME_AMBIGUOUS && create) {
        /* Never sent again by us: a second one would be a second trunk. */
        char *cause = err.message;
        err.message = NULL;
        th_fail(&err, TH_UNKNOWN_OUTCOME,
                "it is not known whether '%s' happened (%s). Look at the platform before sending "
                "it again",
                call->endpoint->name, cause ? cause : "no reply");
        free(cause);
    }
    if (!err.ambiguous && x->outcome == TH_OUTCOME_REFUSED)
        note_secrets(call, TH_REJECTED, "refused");
    return fail_call(L, call, &err);
}

static int call_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct api_call *call = th_task_op(L);
    th_error err = {0};
    if (call->ledger_error.kind) {
        th_error_move(&err, &call->ledger_error);
        char *cause = err.message;
        err.message = NULL;
        th_fail(&err, TH_INVALID,
                "nothing was sent, because the ledger cannot store the secret: %s", cause);
        free(cause);
        return fail_call(L, call, &err);
    }
    if (call->nsecrets)
        keep_rows(L, call, call->trunk);
    if (call->interrupted) {
        th_fail(&err, TH_CANCELLED, "the run is stopping; this request was not sent");
        return fail_call(L, call, &err);
    }
    if (call->x.outcome != TH_OUTCOME_SUCCESS)
        return call_failed(L, call);
    bool more;
    if (th_reply_push(L, call->endpoint, &call->x.transfer, &more, &err) != 0) {
        bool write = call->endpoint->method != TH_GET;
        err.status = call->x.transfer.status;
        err.attempts = call->x.attempts;
        err.retryable = !write || call->endpoint->repeatable;
        err.ambiguous = write;
        if (call->endpoint->method == TH_POST)
            err.kind = TH_UNKNOWN_OUTCOME;
        return fail_call(L, call, &err);
    }
    note_created(L, call);
    note_secrets(call, TH_CURRENT, "accepted");
    lua_pushinteger(L, call->x.attempts);
    lua_pushboolean(L, more);
    th_task_release(L);
    return 3;
}

/* --- building a call
 * --------------------------------------------------------------------------------- */

/* The names in options.grant, as th_validate takes them; points into Lua strings that options
 * holds. */
static const char *const *read_grants(lua_State *L, const char *names[], size_t room)
{
    if (!lua_istable(L, ARG_OPTIONS))
        return NULL;
    size_t n = 0;
    if (lua_getfield(L, ARG_OPTIONS, "grant") == LUA_TTABLE) {
        for (lua_Integer i = 1; n + 1 < room && lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
            names[n++] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    names[n] = NULL;
    return n ? names : NULL;
}

static bool read_flag(lua_State *L, const char *name, bool fallback)
{
    if (!lua_istable(L, ARG_OPTIONS))
        return fallback;
    bool value = lua_getfield(L, ARG_OPTIONS, name) == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static int append_query(lua_State *L, struct api_call *call, th_error *err)
{
    if (!lua_istable(L, ARG_OPTIONS))
        return 0;
    lua_getfield(L, ARG_OPTIONS, "query");
    int rc = th_query_build(L, call->endpoint, -1, &call->url, err);
    lua_pop(L, 1);
    return rc;
}

/* Finds the secrets in the body; plain strings in secret fields become secrets, so that one path
 * serves both. */
static int take_secrets(lua_State *L, struct api_call *call, th_error *err)
{
    lua_pushnil(L);
    while (lua_next(L, AT_BODY)) { // key value
        const th_field *field = th_object_field(call->endpoint->body, lua_tostring(L, -2));
        if (field && field->secret && !th_json_is_null(L, -1)) {
            if (call->nsecrets == MAX_SECRETS) {
                lua_pop(L, 2);
                return th_fail(err, TH_INVALID, "more than %d secrets in one request", MAX_SECRETS);
            }
            struct secret_use *use = &call->secrets[call->nsecrets];
            th_secret *secret = th_secret_test(L, -1);
            use->field = field->name;
            if (secret) {
                use->secret = th_secret_ref(secret);
                call->nsecrets++;
            } else {
                size_t len;
                const char *text = lua_tolstring(L, -1, &len);
                int rc = th_secret_copy(text, len, &use->secret, err);
                if (rc != 0) {
                    lua_pop(L, 2);
                    return rc;
                }
                call->nsecrets++;
                lua_pushvalue(L, -2);
                th_secret_push(L, use->secret);
                lua_rawset(L, AT_BODY); /* an existing key: safe while iterating */
            }
        }
        lua_pop(L, 1);
    }
    return 0;
}

static int store_secrets(lua_State *L, struct api_call *call, th_error *err)
{
    th_runtime *runtime = call->account->runtime;
    th_ledger *ledger = NULL;
    int rc = th_runtime_ledger(runtime, &ledger, err);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; call->trunk[0] && i < call->nsecrets; i++) {
        struct secret_use *use = &call->secrets[i];
        lua_getfield(L, AT_BODY, use->field);
        use->row = row_find(L, -1, call->account->name, call->trunk, use->field);
        lua_pop(L, 1);
        use->known = use->row != 0;
    }
    for (unsigned i = 0; i < call->nsecrets; i++) {
        struct secret_use *use = &call->secrets[i];
        if (use->known)
            continue;
        use->op = (th_ledger_op){.verb = TH_LEDGER_SECRET_ADD,
                                 .run = runtime->run,
                                 .account = call->account->name,
                                 .provider = th_provider_name(call->account->provider),
                                 .trunk = call->trunk,
                                 .field = use->field,
                                 .secret = use->secret,
                                 .state = TH_CANDIDATE,
                                 .cb = secret_stored,
                                 .ctx = call};
        call->ledger_pending++;
        th_ledger_submit(ledger, &use->op);
    }
    return 0;
}

/* The trunk's name in errors and in the ledger: the text of its id, "42" for 42.0 too. */
static int note_trunk(lua_State *L, struct api_call *call)
{
    int isint;
    if (lua_istable(L, ARG_PARAMS))
        lua_getfield(L, ARG_PARAMS, "id");
    else
        lua_pushvalue(L, ARG_PARAMS);
    lua_Integer id = lua_tointegerx(L, -1, &isint);
    if (isint && lua_type(L, -1) == LUA_TNUMBER)
        lua_pushinteger(L, id);
    else
        lua_pushvalue(L, -1);
    const char *text = lua_isnil(L, -1) ? "" : luaL_tolstring(L, -1, NULL);
    call->trunk = strdup(text);
    lua_settop(L, ARG_OPTIONS);
    return call->trunk ? 0 : -1;
}

/* Everything that can be wrong is found here, before anything is sent. Leaves the body at AT_BODY.
 */
static int build(lua_State *L, struct api_call *call, th_error *err)
{
    const th_account *account = call->account;
    const th_endpoint *endpoint = call->endpoint;
    int rc;
    if (note_trunk(L, call) != 0)
        return th_fail(err, TH_INVALID, "not enough memory");
    if (account->runtime->options.dry_run && endpoint->method != TH_GET)
        return th_fail(err, TH_INVALID, "dry run: '%s' was not sent", endpoint->name);
    th_buf_puts(&call->url, account->base_url);
    rc = th_path_build(L, account->provider, endpoint, ARG_PARAMS, &call->url, err);
    if (rc != 0 || (rc = append_query(L, call, err)) != 0)
        return rc;
    if (endpoint->body && lua_isnil(L, ARG_FIELDS)) {
        lua_newtable(L);
        lua_replace(L, ARG_FIELDS);
    }
    const char *grants[32];
    rc = th_validate(L, account->provider, endpoint, ARG_FIELDS,
                     read_grants(L, grants, sizeof grants / sizeof grants[0]), err);
    if (rc != 0 || !endpoint->body)
        return rc;
    if ((rc = take_secrets(L, call, err)) != 0)
        return rc;
    call->body.sensitive = call->nsecrets > 0;
    return th_json_encode(L, AT_BODY, TH_JSON_SECRETS, &call->body, err);
}

static const th_endpoint *find_endpoint(lua_State *L, const th_account *account)
{
    const char *name = luaL_checkstring(L, ARG_ENDPOINT);
    const th_endpoint *endpoint = th_provider_endpoint(account->provider, name);
    if (!endpoint) {
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        for (const char *const *at = th_provider_endpoint_names(account->provider); *at; at++) {
            luaL_addstring(&b, at[0]);
            if (at[1])
                luaL_addstring(&b, ", ");
        }
        luaL_pushresult(&b);
        luaL_error(L, "%s has no endpoint '%s'; there are: %s", th_provider_name(account->provider),
                   name, lua_tostring(L, -1));
    }
    return endpoint;
}

static int start(lua_State *L, th_account *account, const th_endpoint *endpoint)
{
    static const struct th_pace_reply none = {0, -1, -1, -1, -1};
    th_task_may_wait(L, "send a request");
    th_runtime_admit(L, "send a request");
    struct api_call *call = calloc(1, sizeof *call);
    if (!call)
        return luaL_error(L, "not enough memory");
    call->account = account;
    call->endpoint = endpoint;
    call->admitted = th_task_admitted(L);
    th_task_attach(L, &call_ops, call);
    th_error err = {0};
    if (build(L, call, &err) != 0)
        return fail_call(L, call, &err);
    bool repeatable = endpoint->method == TH_GET || endpoint->repeatable;
    bool has_body = endpoint->body != NULL;
    call->x.client = account->client;
    call->x.pacer = account->pacer;
    call->x.timers = account->runtime->timers;
    call->x.repeatable = repeatable && read_flag(L, "resend", true);
    call->x.transfer.method = th_method_name(endpoint->method);
    call->x.transfer.url = call->url.data;
    call->x.transfer.headers = has_body ? account->body_headers : account->headers;
    call->x.transfer.body = has_body ? call->body.data : NULL;
    call->x.transfer.body_len = call->body.len;
    call->x.transfer.pace = none;
    call->waker = th_task_waker(L);
    if (call->nsecrets && store_secrets(L, call, &err) != 0)
        return fail_call(L, call, &err);
    if (call->ledger_pending == 0)
        call_send(call);
    return th_task_park(L, 0, call_done);
}

int th_api_call(lua_State *L)
{
    th_account *account = th_account_check(L, ARG_ACCOUNT);
    const th_endpoint *endpoint = find_endpoint(L, account);
    lua_settop(L, ARG_OPTIONS);
    return start(L, account, endpoint);
}

/* account:update(id, fields, options): without looking the endpoint up by name. */
static int account_update(lua_State *L)
{
    th_account *account = th_account_check(L, 1);
    luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "the trunk's id is missing");
    lua_settop(L, 4);
    lua_pushnil(L);
    lua_insert(L, ARG_ENDPOINT); // account nil id fields options
    if (!account->update)
        return luaL_error(L, "%s cannot update trunks", th_provider_name(account->provider));
    return start(L, account, account->update);
}

int th_api_settle(lua_State *L)
{
    static const char *const states[] = {"current", "rejected", NULL};
    static const enum th_secret_state values[] = {TH_CURRENT, TH_REJECTED};
    th_account *account = th_account_check(L, 1);
    const char *trunk = luaL_tolstring(L, 2, NULL);
    const char *field = luaL_checkstring(L, 3);
    luaL_argexpected(L, th_secret_test(L, 4), 4, "secret");
    enum th_secret_state state = values[luaL_checkoption(L, 5, NULL, states)];
    const char *evidence = luaL_optstring(L, 6, "");
    int64_t row = row_find(L, 4, account->name, trunk, field);
    if (row == 0)
        return luaL_error(L, "this secret was not sent as %s of trunk %s", field, trunk);
    ledger_note(account->runtime, TH_LEDGER_SECRET_STATE, row, state, evidence);
    return 0;
}

static int account_tostring(lua_State *L)
{
    const th_account *account = th_account_check(L, 1);
    lua_pushfstring(L, "account %s (%s)", account->name, th_provider_name(account->provider));
    return 1;
}

void th_api_open(lua_State *L)
{
    lua_newtable(L); // rows
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rows_key);
    luaL_newmetatable(L, ACCOUNT_TYPE);
    lua_pushcfunction(L, account_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_newtable(L); // meta methods
    lua_pushcfunction(L, account_update);
    lua_setfield(L, -2, "update");
    lua_pushcfunction(L, th_api_call);
    lua_setfield(L, -2, "call");
    lua_pushcfunction(L, th_api_settle);
    lua_setfield(L, -2, "settle");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
