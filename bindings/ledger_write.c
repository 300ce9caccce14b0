/* trunkhost.ledger, the writing half; ledger.c says what each function does. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "ledger_lua.h"
#include "lua/error.h"
#include "runtime/runtime.h"

/* --- waiting until it is on disk -------------------------------------------------------------- */

struct ledger_wait {
    th_sched *sched;
    th_waker waker;
    bool done, released;
    int64_t row;
    th_error err;
};

static void wait_free(struct ledger_wait *wait)
{
    th_error_close(&wait->err);
    free(wait);
}

static void wait_over(th_ledger_op *op)
{
    struct ledger_wait *wait = op->ctx;
    wait->done = true;
    wait->row = op->row;
    if (op->result != 0)
        th_error_move(&wait->err, &op->err);
    th_error_close(&op->err);
    free(op);
    if (wait->released)
        wait_free(wait);
    else
        th_task_wake(wait->sched, wait->waker);
}

static void wait_cancel(void *ptr)
{
    (void)ptr; /* what was queued is written all the same */
}

static void wait_release(void *ptr)
{
    struct ledger_wait *wait = ptr;
    wait->released = true;
    if (wait->done)
        wait_free(wait);
}

static const struct th_wait_ops wait_ops = {
    .name = "the ledger", .cancel = wait_cancel, .release = wait_release};

/* Queues op (taken over; NULL: there was no memory for it) and parks the task until it is over. */
static int wait_for(lua_State *L, th_ledger *ledger, th_ledger_op *op, lua_KFunction k)
{
    struct ledger_wait *wait = calloc(1, sizeof *wait);
    if (!wait || !op) {
        free(wait);
        free(op);
        return luaL_error(L, "not enough memory");
    }
    wait->sched = th_sched_of(L);
    op->cb = wait_over;
    op->ctx = wait;
    th_task_attach(L, &wait_ops, wait);
    wait->waker = th_task_waker(L);
    th_ledger_submit(ledger, op);
    return th_task_park(L, 0, k);
}

static int sync_and_wait(lua_State *L, th_ledger *ledger, lua_KFunction k)
{
    return wait_for(L, ledger, th_ledger_op_copy(&(th_ledger_op){.verb = TH_LEDGER_SYNC}), k);
}

/* The row that the wait was for; raises when it could not be written. */
static int64_t take_result(lua_State *L, const char *consequence)
{
    struct ledger_wait *wait = th_task_op(L);
    th_error err = {0};
    int64_t row = wait->row;
    if (wait->err.kind)
        th_fail(&err, TH_INVALID, "%s: %s", consequence,
                wait->err.message ? wait->err.message : "not enough memory");
    th_task_release(L);
    if (err.kind) {
        th_error_set_code(&err, "ledger");
        th_error_raise(L, &err);
    }
    return row;
}

/* --- the run ---------------------------------------------------------------------------------- */

static th_ledger *open_ledger(lua_State *L)
{
    th_ledger *ledger = NULL;
    th_error err = {0};
    if (th_record_ledger(&th_runtime_of(L)->record, &ledger, &err) != 0) {
        th_error_set_code(&err, "ledger");
        th_error_raise(L, &err);
    }
    return ledger;
}

/* A text as it is, or a table as JSON without the secrets in it; NULL for nil. It lies in the
 * argument, or in the buffer, which the caller closes. */
static const char *json_argument(lua_State *L, int arg, th_buf *buf)
{
    th_error err = {0};
    if (lua_isnoneornil(L, arg))
        return NULL;
    if (lua_type(L, arg) == LUA_TSTRING)
        return lua_tostring(L, arg);
    luaL_checktype(L, arg, LUA_TTABLE);
    if (th_json_encode(L, arg, TH_JSON_REDACT, buf, &err) != 0) {
        th_buf_close(buf);
        th_error_raise(L, &err);
    }
    return buf->data;
}

static const char unrecorded[] = "nothing was changed, because the run cannot be recorded";

static int begun(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    th_record *record = &th_runtime_of(L)->record;
    take_result(L, unrecorded);
    if (!record->begun) {
        th_error err = {0};
        th_fail(&err, TH_INVALID, "%s: %s", unrecorded,
                record->error.message ? record->error.message : "not enough memory");
        th_error_close(&record->error); /* it is told now */
        th_error_set_code(&err, "ledger");
        return th_error_raise(L, &err);
    }
    lua_pushstring(L, record->run);
    return 1;
}

static int ledger_begin(lua_State *L)
{
    th_record *record = &th_runtime_of(L)->record;
    const char *from = luaL_optstring(L, 1, NULL), *undoes = luaL_optstring(L, 2, NULL);
    th_task_may_wait(L, "begin a run");
    th_task_admit(L, "begin a run");
    if ((from || undoes) && record->begun)
        return luaL_error(L, "the run is recorded already, so it cannot continue or undo another");
    th_buf purpose = {0};
    const char *text = json_argument(L, 3, &purpose);
    if (text) {
        free(record->purpose);
        record->purpose = strdup(text);
    }
    th_buf_close(&purpose);
    if (undoes) {
        free(record->undoes);
        record->undoes = strdup(undoes);
    }
    if (from) {
        free(record->resumed_from);
        record->resumed_from = strdup(from);
    }
    return sync_and_wait(L, open_ledger(L), begun);
}

static int locked(lua_State *L, int status, lua_KContext ctx)
{
    begun(L, status, ctx);
    lua_pushboolean(L, 1);
    return 1;
}

static int ledger_lock(lua_State *L)
{
    const char *account = th_lua_account_name(L, 1);
    th_error err = {0};
    th_task_may_wait(L, "lock an account");
    th_task_admit(L, "lock an account");
    if (th_record_lock(&th_runtime_of(L)->record, account, &err) != 0) {
        if (err.kind != TH_CONFLICT)
            th_error_set_code(&err, "ledger");
        return th_error_raise(L, &err);
    }
    return sync_and_wait(L, open_ledger(L), locked);
}

static int synced(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    static const char late[] = "the ledger could not be brought up to date";
    take_result(L, late);
    const th_error *failure = th_ledger_failure(th_runtime_of(L)->record.ledger);
    if (!failure)
        return 0;
    th_error err = {0};
    th_fail(&err, TH_INVALID, "%s: %s", late, failure->message ? failure->message : "no memory");
    th_error_set_code(&err, "ledger");
    return th_error_raise(L, &err);
}

static int ledger_sync(lua_State *L)
{
    th_record *record = &th_runtime_of(L)->record;
    th_task_may_wait(L, "wait for the ledger");
    if (!record->ledger)
        return 0;
    return sync_and_wait(L, record->ledger, synced);
}

/* --- items ------------------------------------------------------------------------------------ */

static int item_begun(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    int64_t row = take_result(L, "nothing was sent, because the item cannot be recorded");
    th_task_set_item(L, row);
    lua_pushinteger(L, row);
    return 1;
}

static int ledger_item_begin(lua_State *L)
{
    th_buf plan = {0};
    th_ledger_op op = {.verb = TH_LEDGER_ITEM_BEGIN,
                       .run = th_runtime_of(L)->record.run,
                       .account = th_lua_account_name(L, 1),
                       .trunk = th_lua_trunk_name(L, 2),
                       .item_state = TH_ITEM_RUNNING,
                       .patient = true, /* a job begins some ahead, and much else is written */
                       .before = luaL_optstring(L, 4, NULL),
                       .undoes = luaL_optinteger(L, 5, 0),
                       .label = luaL_optstring(L, 6, NULL)};
    th_task_may_wait(L, "begin an item");
    th_task_admit(L, "begin an item");
    th_ledger *ledger = open_ledger(L);
    op.plan = json_argument(L, 3, &plan);
    th_ledger_op *copy = th_ledger_op_copy(&op);
    th_buf_close(&plan);
    return wait_for(L, ledger, copy, item_begun);
}

static int ledger_item_end(lua_State *L)
{
    static const char *const names[] = {"done", "failed", "unknown", "skipped", "planned", NULL};
    static const enum th_item_state states[] = {TH_ITEM_DONE, TH_ITEM_FAILED, TH_ITEM_UNKNOWN,
                                                TH_ITEM_SKIPPED, TH_ITEM_PLANNED};
    th_buf error = {0};
    th_ledger_op op = {.verb = TH_LEDGER_ITEM_END,
                       .item_state = states[luaL_checkoption(L, 1, NULL, names)],
                       .evidence = luaL_optstring(L, 2, NULL),
                       .before = luaL_optstring(L, 5, NULL),
                       .after = luaL_optstring(L, 6, NULL)};
    lua_Integer attempts = luaL_optinteger(L, 3, 0);
    luaL_argcheck(L, attempts >= 0 && attempts <= INT32_MAX, 3, "no number of attempts");
    op.attempts = (unsigned)attempts;
    op.row = th_task_item(L);
    if (op.row == 0)
        return luaL_error(L, "this task has begun no item");
    th_ledger *ledger = open_ledger(L);
    op.error = json_argument(L, 4, &error);
    th_ledger_note(ledger, &op);
    th_buf_close(&error);
    th_task_set_item(L, 0);
    return 0;
}

static int ledger_conclude(lua_State *L)
{
    th_buf conclusion = {0};
    luaL_checkany(L, 1);
    th_ledger *ledger = open_ledger(L);
    th_ledger_op op = {.verb = TH_LEDGER_RUN_CONCLUDE,
                       .run = th_runtime_of(L)->record.run,
                       .conclusion = json_argument(L, 1, &conclusion)};
    th_ledger_note(ledger, &op);
    th_buf_close(&conclusion);
    return 0;
}

static int ledger_item(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        th_task_set_item(L, luaL_checkinteger(L, 1));
    int64_t item = th_task_item(L);
    if (item)
        lua_pushinteger(L, item);
    else
        lua_pushnil(L);
    return 1;
}

/* --- what was found out later ----------------------------------------------------------------- */

static int ledger_settle(lua_State *L)
{
    static const char *const names[] = {"current", "rejected", NULL};
    th_ledger_op op = {.verb = TH_LEDGER_SECRET_STATE,
                       .row = luaL_checkinteger(L, 1),
                       .state = luaL_checkoption(L, 2, NULL, names) == 0 ? TH_CURRENT : TH_REJECTED,
                       .evidence = luaL_checkstring(L, 3)};
    th_ledger_note(open_ledger(L), &op);
    return 0;
}

static int ledger_create_end(lua_State *L)
{
    static const char *const names[] = {"landed", "absent", "unknown", NULL};
    static const enum th_create_state states[] = {TH_CREATE_LANDED, TH_CREATE_ABSENT,
                                                  TH_CREATE_UNKNOWN};
    th_ledger_op op = {.verb = TH_LEDGER_CREATE_END,
                       .row = luaL_checkinteger(L, 1),
                       .create_state = states[luaL_checkoption(L, 2, NULL, names)],
                       .trunk = lua_isnoneornil(L, 3) ? NULL : th_lua_trunk_name(L, 3)};
    th_ledger_note(open_ledger(L), &op);
    return 0;
}

static int ledger_delivered(lua_State *L)
{
    th_ledger_op op = {.verb = TH_LEDGER_SECRET_DELIVERED,
                       .account = th_lua_account_name(L, 1),
                       .trunk = th_lua_trunk_name(L, 2),
                       .field = luaL_checkstring(L, 3)};
    th_ledger_note(open_ledger(L), &op);
    return 0;
}

void th_open_ledger_writes(lua_State *L)
{
    static const luaL_Reg functions[] = {{"begin", ledger_begin},
                                         {"lock", ledger_lock},
                                         {"sync", ledger_sync},
                                         {"item_begin", ledger_item_begin},
                                         {"item_end", ledger_item_end},
                                         {"conclude", ledger_conclude},
                                         {"item", ledger_item},
                                         {"settle", ledger_settle},
                                         {"create_end", ledger_create_end},
                                         {"delivered", ledger_delivered},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
