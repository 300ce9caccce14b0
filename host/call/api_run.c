/* One API call from its record in the ledger to its result. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "lua/error.h"

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

const struct th_wait_ops th_call_ops = {.name = "a request",
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

int th_call_fail(lua_State *L, struct th_call *call, enum th_attempt_state end, th_error *err)
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
    return th_call_fail(L, call, end, &err);
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
        return th_call_fail(L, call, TH_ATTEMPT_UNSENT, &err);
    th_call_keep_rows(L, call, call->trunk);
    if (call->interrupted) {
        if (th_stop_may_wait(&call->stop, false, 0, 0, "", "", &err))
            th_fail(&err, TH_CANCELLED, "this request was not sent");
        return th_call_fail(L, call, TH_ATTEMPT_UNSENT, &err);
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
        return th_call_fail(L, call, TH_ATTEMPT_AMBIGUOUS, &err);
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

int th_call_begin(lua_State *L, struct th_call *call)
{
    th_error err = {0};
    call->waker = th_task_waker(L);
    if (th_call_record(L, call, call_recorded, &err) != 0)
        return th_call_fail(L, call, TH_ATTEMPT_UNSENT, &err);
    if (!th_call_recording(call))
        call_send(call);
    return th_task_park(L, 0, call_done);
}
