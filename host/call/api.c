#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "lua/error.h"
#include "json/json.h"

#define ACCOUNT_TYPE "trunkhost.account"

/* --- the account as a userdata ---------------------------------------------------------------- */

void th_account_push(lua_State *L, th_account *account)
{
    th_account **ud = lua_newuserdatauv(L, sizeof *ud, 0);
    *ud = account;
    luaL_setmetatable(L, ACCOUNT_TYPE);
}

th_account *th_account_check(lua_State *L, int arg)
{
    if (th_runtime_of(L)->ended)
        luaL_error(L, "the run has ended");
    return *(th_account **)luaL_checkudata(L, arg, ACCOUNT_TYPE);
}

/* --- one call --------------------------------------------------------------------------------- */

static void call_free(struct th_call *call)
{
    th_exchange_close(&call->x);
    th_call_record_free(call);
    th_call_drop_secrets(call);
    th_buf_close(&call->url);
    th_buf_close(&call->body);
    free(call->trunk);
    free(call);
}

/* Stops what is under way, and remembers whether it may have reached the platform. */
static void call_stop(struct th_call *call)
{
    bool sending = call->x.stage == TH_X_SENDING;
    th_exchange_close(&call->x);
    if (sending && call->x.transfer.fate != TH_FATE_UNSENT) {
        call->x.attempts++;
        call->aborted = true;
    }
    if (call->x.maybe)
        call->aborted = true;
}

/* What is known of a call whose task will not look at it any more. A reply that came and that
 * nobody has read may have been a yes. */
static enum th_attempt_state call_fate(const struct th_call *call)
{
    if (call->aborted)
        return TH_ATTEMPT_AMBIGUOUS;
    if (call->x.attempts == 0)
        return TH_ATTEMPT_UNSENT;
    return call->x.outcome == TH_OUTCOME_REFUSED ? TH_ATTEMPT_REFUSED : TH_ATTEMPT_AMBIGUOUS;
}

static void call_release(void *ptr)
{
    struct th_call *call = ptr;
    call_stop(call);
    call->released = true;
    if (th_call_recording(call))
        return;
    th_call_ended(call, call_fate(call), 0, "the task was cancelled", NULL);
    call_free(call);
}

static void call_cancel(void *ptr)
{
    struct th_call *call = ptr;
    call_stop(call);
    call->interrupted = true;
}

static bool call_interrupt(void *ptr)
{
    struct th_call *call = ptr;
    bool read = call->endpoint->method == TH_GET; /* asking can stop at any time */
    if (th_call_recording(call) || call->x.outcome == TH_OUTCOME_SUCCESS ||
        (!read && !th_exchange_unsent(&call->x)))
        return false;
    call_cancel(call);
    return true;
}

static void call_describe(const void *ptr, th_buf *out)
{
    const struct th_call *call = ptr;
    th_buf_printf(out, "%s: ", call->account->name);
    if (th_call_recording(call))
        th_buf_puts(out, "the ledger");
    else
        th_exchange_describe(&call->x, out);
}

static const struct th_wait_ops call_ops = {.name = "a request",
                                            .cancel = call_cancel,
                                            .release = call_release,
                                            .interrupt = call_interrupt,
                                            .request = true,
                                            .describe = call_describe};

static void exchange_ended(th_exchange *x)
{
    struct th_call *call = x->ctx;
    th_task_wake(call->account->runtime->sched, call->waker);
}

static void call_limited(th_exchange *x)
{
    struct th_call *call = x->ctx;
    th_reply_retry_after(call->account->runtime->L, call->account->provider, &x->transfer);
}

/* Whether stopping would leave something half-way. */
static bool call_begun(const struct th_call *call)
{
    return call->stop.begun || (call->x.maybe && call->endpoint->method != TH_GET);
}

static bool call_waits(th_exchange *x, uint64_t until)
{
    const struct th_call *call = x->ctx;
    const char *why = "", *word = "";
    uint64_t held;
    if (until)
        th_pacer_held(x->pacer, &held, &why, &word);
    return th_stop_may_wait(&call->stop, call_begun(call), x->limited_since, until, why, word,
                            &x->start_error);
}

static void call_send(struct th_call *call)
{
    call->x.waits = call_waits;
    call->x.limited_body = call_limited;
    call->x.done = exchange_ended;
    call->x.ctx = call;
    th_exchange_start(&call->x);
}

/* It is on record now, or cannot be. */
static void call_recorded(struct th_call *call)
{
    if (call->released) {
        th_call_ended(call, TH_ATTEMPT_UNSENT, 0, "the task was cancelled", NULL);
        call_free(call);
        return;
    }
    th_runtime *runtime = call->account->runtime;
    if (!th_stop_may_begin(&call->stop, call->endpoint->method != TH_GET, NULL))
        call->interrupted = true;
    if (call->interrupted || th_call_unrecorded(call))
        th_task_wake(runtime->sched, call->waker);
    else
        call_send(call);
}

/* Raises err as the end of the call; `end` is what is known of the request. */
static int fail_call(lua_State *L, struct th_call *call, enum th_attempt_state end, th_error *err)
{
    const th_account *account = call->account;
    if (call->x.attempts > 0)
        th_error_set_request(err, call->x.transfer.method,
                             call->url.data + strlen(account->base_url));
    if (err->kind == TH_AUTH && account->token_source)
        th_error_advise(err, "Check %s, the token of account %s", account->token_source,
                        account->name);
    th_call_scrub(call, err);
    th_call_ended(call, end, err->status, err->message, NULL);
    th_error_set_account(err, call->account->name);
    th_error_set_trunk(err, call->trunk && call->trunk[0] ? call->trunk : NULL);
    th_task_release(L);
    return th_error_raise(L, err);
}

static int call_failed(lua_State *L, struct th_call *call)
{
    th_exchange *x = &call->x;
    th_error err = {0};
    th_exchange_error(x, &err);
    if (!x->start_error.kind) {
        th_reply_explain(L, call->account->provider, call->endpoint, &x->transfer, &err);
        if (x->transfer.fate == TH_FATE_REPLIED)
            th_call_quote(call, &err);
    }
    bool create = call->endpoint->method == TH_POST;
    if (x->outcome == TH_OUTCOME_AMBIGUOUS && create) {
        /* Never sent again by us: a second one would be a second trunk. */
        th_error cause = {.kind = err.kind, .status = err.status, .attempts = err.attempts};
        th_fail(&cause, err.kind, "%s", err.message ? err.message : "no reply");
        th_fail(&err, TH_UNKNOWN_OUTCOME,
                "it is not known whether '%s' happened (%s). Look at the platform before sending "
                "it again",
                call->endpoint->name, cause.message ? cause.message : "no reply");
        th_call_scrub(call, &cause);
        th_error_set_cause(&err, &cause);
    }
    enum th_attempt_state end = TH_ATTEMPT_AMBIGUOUS;
    if (!err.ambiguous && x->outcome == TH_OUTCOME_REFUSED)
        end = TH_ATTEMPT_REFUSED;
    else if (!err.ambiguous && x->outcome == TH_OUTCOME_UNSENT)
        end = TH_ATTEMPT_UNSENT;
    return fail_call(L, call, end, &err);
}

/* The id of what a create has made, from the reply on top of the stack: pushed, or nil. */
static const char *push_created(lua_State *L, const struct th_call *call)
{
    if (call->endpoint->method != TH_POST || !lua_istable(L, -1))
        lua_pushnil(L);
    else
        lua_getfield(L, -1, "id");
    if (lua_isinteger(L, -1) || lua_type(L, -1) == LUA_TSTRING)
        return lua_tostring(L, -1);
    return NULL;
}

/* Lets options.judge look at the reply on top of the stack: a function that does not wait, and
 * returns what is wrong, or nil. */
static int judge(lua_State *L, const struct th_call *call, th_error *err)
{
    const int top = lua_gettop(L);
    int rc = 0;
    if (lua_istable(L, ARG_OPTIONS) &&
        lua_getfield(L, ARG_OPTIONS, "judge") == LUA_TFUNCTION) { // reply judge
        lua_pushvalue(L, top);
        if (lua_pcall(L, 1, 1, 0) != LUA_OK || !lua_isnil(L, -1))
            rc = th_fail(err, TH_MALFORMED, "'%s': %s", call->endpoint->name,
                         luaL_tolstring(L, -1, NULL));
    }
    lua_settop(L, top);
    return rc;
}

static int call_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct th_call *call = th_task_op(L);
    th_error err = {0};
    if (call->endpoint->method != TH_GET && !call->interrupted &&
        (call->x.maybe || call->x.outcome == TH_OUTCOME_SUCCESS ||
         call->x.outcome == TH_OUTCOME_AMBIGUOUS))
        th_task_set_acted(L);
    if (th_call_record_error(call, &err) != 0)
        return fail_call(L, call, TH_ATTEMPT_UNSENT, &err);
    th_call_keep_rows(L, call, call->trunk);
    if (call->interrupted) {
        if (th_stop_may_wait(&call->stop, false, 0, 0, "", "", &err))
            th_fail(&err, TH_CANCELLED, "this request was not sent");
        return fail_call(L, call, TH_ATTEMPT_UNSENT, &err);
    }
    if (call->x.outcome != TH_OUTCOME_SUCCESS)
        return call_failed(L, call);
    bool more;
    const int base = lua_gettop(L);
    if (th_reply_push(L, call->account->provider, call->endpoint, &call->x.transfer, &more, &err) !=
            0 ||
        th_reply_check(L, call, &err) != 0 || judge(L, call, &err) != 0) {
        bool write = call->endpoint->method != TH_GET;
        lua_settop(L, base);
        if (th_exchange_again(&call->x)) {
            th_error_close(&err);
            call->waker = th_task_waker(L);
            return th_task_park(L, 0, call_done);
        }
        th_reply_quote(L, call->account->provider, &call->x.transfer, &err);
        th_call_quote(call, &err);
        err.status = call->x.transfer.status;
        err.attempts = call->x.attempts;
        err.retryable = !write || call->endpoint->repeatable;
        err.ambiguous = write;
        if (call->endpoint->method == TH_POST)
            err.kind = TH_UNKNOWN_OUTCOME;
        return fail_call(L, call, TH_ATTEMPT_AMBIGUOUS, &err);
    }
    const bool list = lua_gettop(L) > base + 1;
    const char *id =
        list ? (lua_pushnil(L), NULL) : push_created(L, call); // reply id | reply facts nil
    if (id && !call->trunk[0])
        th_call_keep_rows(L, call, id);
    th_call_ended(call, TH_ATTEMPT_OK, call->x.transfer.status, NULL, id);
    lua_pop(L, 1);
    lua_pushinteger(L, call->x.attempts);
    if (call->endpoint == call->account->update && call->nsecrets)
        th_call_push_receipt(L, call);
    else
        lua_pushboolean(L, more);
    if (list)
        lua_rotate(L, -3, -1); // reply attempts more facts
    th_task_release(L);
    return list ? 4 : 3;
}

/* --- building a call -------------------------------------------------------------------------- */

/* The names in options.grant, as th_validate takes them; points into Lua strings that options
 * holds. */
static const char *const *read_grants(lua_State *L, const char *names[], size_t room)
{
    int top = lua_gettop(L);
    size_t n = 0;
    if (!lua_istable(L, ARG_OPTIONS))
        return NULL;
    if (lua_getfield(L, ARG_OPTIONS, "grant") == LUA_TTABLE) {
        for (lua_Integer i = 1; n + 1 < room && lua_rawgeti(L, top + 1, i) == LUA_TSTRING; i++) {
            names[n++] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, top);
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

static int append_query(lua_State *L, struct th_call *call, th_error *err)
{
    if (!lua_istable(L, ARG_OPTIONS))
        return 0;
    lua_getfield(L, ARG_OPTIONS, "query");
    int rc = th_query_build(L, call->endpoint, -1, &call->url, err);
    lua_pop(L, 1);
    return rc;
}

/* The trunk's name in errors and in the ledger: the text of its id, "42" for 42.0 too. */
static int note_trunk(lua_State *L, struct th_call *call)
{
    int isint;
    if (lua_istable(L, ARG_PARAMS))
        lua_getfield(L, ARG_PARAMS, "id");
    else
        lua_pushvalue(L, ARG_PARAMS);
    lua_Integer id = lua_tointegerx(L, -1, &isint);
    if (isint && lua_type(L, -1) == LUA_TNUMBER) {
        th_buf text = {0};
        th_buf_put_integer(&text, id);
        call->trunk = text.data;
    } else {
        call->trunk = strdup(lua_isnil(L, -1) ? "" : luaL_tolstring(L, -1, NULL));
    }
    lua_settop(L, ARG_OPTIONS);
    return call->trunk ? 0 : -1;
}

/* Everything that can be wrong is found here, before anything is sent. Leaves the body at AT_BODY.
 */
static int build(lua_State *L, struct th_call *call, th_error *err)
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
    if ((rc = th_call_take_secrets(L, call, err)) != 0)
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
    th_task_admit(L, "send a request");
    struct th_stop_request stop = {
        .account = account->name, .max_wait = account->max_wait, .told = &account->told_until};
    th_error err = {0};
    th_stop_note(L, &stop);
    if (!th_stop_may_begin(&stop, endpoint->method != TH_GET, &err))
        return th_error_raise(L, &err);
    struct th_call *call =
        malloc(sizeof *call); /* the last one's, which calloc would not look for */
    if (!call)
        return luaL_error(L, "not enough memory");
    memset(call, 0, sizeof *call);
    call->account = account;
    call->endpoint = endpoint;
    call->stop = stop;
    th_task_attach(L, &call_ops, call);
    if (build(L, call, &err) != 0)
        return fail_call(L, call, TH_ATTEMPT_UNSENT, &err);
    bool repeatable = endpoint->method == TH_GET || endpoint->repeatable;
    bool has_body = endpoint->body != NULL;
    call->x.client = account->client;
    call->x.pacer = account->pacer;
    call->x.timers = account->runtime->timers;
    call->x.repeatable = repeatable && read_flag(L, "resend", true);
    call->unproven = !read_flag(L, "settle", true);
    call->x.transfer.method = th_method_name(endpoint->method);
    call->x.transfer.url = call->url.data;
    call->x.transfer.headers = has_body ? account->body_headers : account->headers;
    call->x.transfer.body = has_body ? call->body.data : NULL;
    call->x.transfer.body_len = call->body.len;
    call->x.transfer.pace = none;
    call->x.transfer.keep_headers = endpoint->returns_list;
    call->waker = th_task_waker(L);
    if (th_call_record(L, call, call_recorded, &err) != 0)
        return fail_call(L, call, TH_ATTEMPT_UNSENT, &err);
    if (!th_call_recording(call))
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
    lua_settop(L, 6); /* evidence may be left out: what is pushed below must not take its place */
    const char *trunk = luaL_tolstring(L, 2, NULL);
    const char *field = luaL_checkstring(L, 3);
    luaL_argexpected(L, th_secret_test(L, 4), 4, "secret");
    enum th_secret_state state = values[luaL_checkoption(L, 5, NULL, states)];
    const char *evidence = luaL_optstring(L, 6, "");
    int64_t row = th_secret_row(L, 4, account->name, trunk, field);
    if (row == 0)
        return luaL_error(L, "this secret was not sent as %s of trunk %s", field, trunk);
    th_ledger_note(account->runtime->record.ledger, &(th_ledger_op){.verb = TH_LEDGER_SECRET_STATE,
                                                                    .row = row,
                                                                    .state = state,
                                                                    .evidence = evidence});
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
    th_call_secrets_open(L);
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
