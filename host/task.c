/* The scheduler: ready queue, waits and wake-ups, the tree of tasks, how a task ends. */
#include "task_impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

const char th_host_yield = 0;

/* --- slots: wakers name a task by slot and generation, never by pointer
 * ---------------------------- */

static int slot_take(th_sched *sched, th_task *task)
{
    if (sched->nfree > 0) {
        task->slot = sched->free_slots[--sched->nfree];
    } else {
        if (sched->nslots == sched->slots_cap) {
            uint32_t cap = sched->slots_cap ? sched->slots_cap * 2 : 64;
            th_task **slots = realloc(sched->slots, cap * sizeof *slots);
            if (!slots)
                return -1;
            sched->slots = slots;
            uint32_t *spare = realloc(sched->free_slots, cap * sizeof *spare);
            if (!spare)
                return -1;
            sched->free_slots = spare;
            sched->slots_cap = cap;
        }
        task->slot = sched->nslots++;
    }
    sched->slots[task->slot] = task;
    return 0;
}

static void slot_free(th_task *task)
{
    th_sched *sched = task->sched;
    sched->slots[task->slot] = NULL;
    sched->free_slots[sched->nfree++] = task->slot;
}

/* --- ready queue
 * ----------------------------------------------------------------------------------- */

static void make_ready(th_task *task)
{
    th_sched *sched = task->sched;
    task->state = TH_TASK_READY;
    task->queue_next = NULL;
    if (sched->ready_last)
        sched->ready_last->queue_next = task;
    else
        sched->ready_first = task;
    sched->ready_last = task;
    if (sched->on_ready)
        sched->on_ready(sched->on_ready_ctx);
}

void th_sched_on_ready(th_sched *sched, void (*on_ready)(void *ctx), void *ctx)
{
    sched->on_ready = on_ready;
    sched->on_ready_ctx = ctx;
}

static void park_ended(th_task *task)
{
    if (!task->ops || !task->ops->internal)
        task->sched->external_waits--;
    make_ready(task);
}

void th_task_wake(th_sched *sched, th_waker waker)
{
    if (waker.slot >= sched->nslots)
        return;
    th_task *task = sched->slots[waker.slot];
    if (!task || task->generation != waker.generation)
        return;
    if (task->state == TH_TASK_PARKED)
        park_ended(task);
    else if (task->state == TH_TASK_RUNNING)
        task->woken_early = true;
}

th_waker th_task_waker(lua_State *L)
{
    th_task *task = th_task_current(L);
    return (th_waker){.slot = task->slot, .generation = task->generation};
}

/* --- operations
 * ------------------------------------------------------------------------------------ */

static void op_release(th_task *task)
{
    if (task->op) {
        const struct th_wait_ops *ops = task->ops;
        void *op = task->op;
        task->op = NULL;
        task->ops = NULL;
        ops->release(op);
    }
}

void th_task_attach(lua_State *L, const struct th_wait_ops *ops, void *op)
{
    th_task *task = th_task_current(L);
    op_release(task);
    task->ops = ops;
    task->op = op;
}

/* --- errors that come from outside
 * ---------------------------------------------------------------------- */

static void carry(th_task *task, lua_State *L, int idx, const char *traceback)
{
    lua_pushvalue(L, idx);
    luaL_unref(L, LUA_REGISTRYINDEX, task->carried_ref);
    task->carried_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    free(task->carried);
    task->carried = strdup(traceback ? traceback : "");
}

void th_task_carry(lua_State *L, int idx, const char *traceback)
{
    carry(th_task_current(L), L, idx, traceback);
}

static void forget_thrown(th_task *task)
{
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->thrown_ref);
    task->thrown_ref = LUA_NOREF;
    task->thrown_here = false;
}

void th_task_raise_thrown(lua_State *L)
{
    th_task *task = th_task_current(L);
    if (task->thrown_ref == LUA_NOREF)
        return;
    task->thrown_here = false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, task->thrown_ref);
    lua_error(L);
}

void th_task_throw(th_task *task, lua_State *L, int idx, const char *traceback, unsigned scope)
{
    if (task->state == TH_TASK_DONE || task->cancel_requested || task->failing)
        return;
    if (task->thrown_ref != LUA_NOREF) {
        if (task->thrown_scope < scope)
            return;
        luaL_unref(L, LUA_REGISTRYINDEX, task->thrown_ref);
    }
    lua_pushvalue(L, idx);
    task->thrown_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    task->thrown_scope = scope;
    carry(task, L, idx, traceback);
    if (task->state != TH_TASK_PARKED)
        return;
    if (task->op && task->ops->hurry) {
        task->ops->hurry(task->op);
        return;
    }
    task->thrown_here = true;
    if (task->op)
        task->ops->cancel(task->op);
    park_ended(task);
}

void th_task_unthrow(th_task *task, unsigned scope)
{
    if (task->thrown_ref != LUA_NOREF && task->thrown_scope == scope)
        forget_thrown(task);
}

/* --- waiting
 * ---------------------------------------------------------------------------------------- */

void *th_task_op(lua_State *L)
{
    return th_task_current(L)->op;
}

void th_task_release(lua_State *L)
{
    op_release(th_task_current(L));
}

/* The task goes on: with what it waited for, or with the error that has ended the wait. */
static int park_over(lua_State *L, int status, lua_KContext ctx)
{
    th_task *task = th_task_current(L);
    if (task->thrown_here) {
        op_release(task);
        th_task_raise_thrown(L);
    }
    return task->woken(L, status, ctx);
}

int th_task_park(lua_State *L, lua_KContext ctx, lua_KFunction k)
{
    th_task_current(L)->woken = k;
    lua_pushlightuserdata(L, (void *)(uintptr_t)&th_host_yield);
    return lua_yieldk(L, 1, ctx, park_over);
}

/* Pushes the name under which the function on top of the stack is known ("table.sort"), or nil. */
static void push_library_name(lua_State *L)
{
    int function = lua_gettop(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); // function loaded
    lua_pushnil(L);
    while (lua_next(L, function + 1)) { // function loaded module table
        if (lua_istable(L, -1) && lua_type(L, -2) == LUA_TSTRING) {
            lua_pushnil(L);
            while (lua_next(L, -2)) { // function loaded module table name value
                if (lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, function)) {
                    lua_pushfstring(L, "%s.%s", lua_tostring(L, -4), lua_tostring(L, -2));
                    return;
                }
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
    lua_pushnil(L);
}

/* What the wait would have to cross, for the message: the innermost C function below this one. */
static void push_obstacle(lua_State *L)
{
    lua_Debug ar;
    int top = lua_gettop(L);
    luaL_checkstack(L, 12, NULL);
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "nSf", &ar); // function
        if (ar.namewhat && strcmp(ar.namewhat, "metamethod") == 0) {
            lua_pushfstring(L, "the metamethod '__%s'", ar.name);
            return;
        }
        if (strcmp(ar.what, "C") == 0) {
            push_library_name(L);
            const char *name = lua_tostring(L, -1);
            if (name && strncmp(name, "_G.", 3) == 0)
                name += 3;
            if (!name || strcmp(name, "pcall") != 0) {
                lua_pushfstring(L, "'%s'", name ? name : ar.name ? ar.name : "a C function");
                return;
            }
        }
        lua_settop(L, top);
    }
    lua_pushliteral(L, "a C function");
}

void th_task_may_wait_still(lua_State *L, const char *what)
{
    th_sched *sched = th_sched_of(L);
    th_task *task = sched->running;
    if (!task && sched->in_callback)
        luaL_error(
            L,
            "cannot %s inside a callback of trunkhost.uv: it runs outside of any task. Start "
            "one there with trunkhost.spawn, or wait for the callback with trunkhost.await",
            what);
    if (!task)
        luaL_error(L, "cannot %s here: only a running script can wait", what);
    if (sched->resetting)
        luaL_error(L, "cannot %s while a task that has ended closes its variables", what);
    if (sched->blocked || !lua_isyieldable(L)) {
        push_obstacle(L);
        luaL_error(
            L,
            "cannot %s inside %s: it cannot be suspended. Places that cannot wait are callbacks "
            "of table.sort and string.gsub, require, __tostring and __gc; fetch the value "
            "before and use it there",
            what, lua_tostring(L, -1));
    }
    if (task->cancel_requested) {
        /* The task ends here, before anything new is started. */
        lua_pushlightuserdata(L, (void *)(uintptr_t)&th_host_yield);
        lua_yield(L, 1);
    }
}

void th_task_may_wait(lua_State *L, const char *what)
{
    th_task_may_wait_still(L, what);
    th_task_raise_thrown(L);
}

/* --- script coroutines between the task and its wait
 * ------------------------------------------------ */

/* A script coroutine that is suspended by a host wait must not be resumed or closed by anybody else
 * until that wait is over; the registry remembers which ones are. */
static const char hosted_key = 0;

static void set_hosted(lua_State *L, lua_State *co, bool hosted)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &hosted_key); // set
    lua_pushthread(co);
    lua_xmove(co, L, 1); // set co
    if (hosted)
        lua_pushboolean(L, 1);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

int th_nest_push(lua_State *L, th_task *task, lua_State *co)
{
    if (task->nnest == task->nest_cap) {
        size_t cap = task->nest_cap ? task->nest_cap * 2 : 4;
        lua_State **nest = realloc(task->nest, cap * sizeof *nest);
        if (!nest)
            return -1;
        task->nest = nest;
        task->nest_cap = cap;
    }
    set_hosted(L, co, true);
    task->nest[task->nnest++] = co;
    return 0;
}

void th_nest_pop(lua_State *L, th_task *task)
{
    set_hosted(L, task->nest[--task->nnest], false);
}

bool th_nest_hosts(lua_State *L, lua_State *co)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &hosted_key);
    lua_pushthread(co);
    lua_xmove(co, L, 1);
    bool hosted = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return hosted;
}

/* --- how a task ends
 * -------------------------------------------------------------------------------- */

static int reset_thread(lua_State *co, lua_State *from)
{
#if LUA_VERSION_RELEASE_NUM >= 50406
    return lua_closethread(co, from);
#elif LUA_VERSION_RELEASE_NUM == 50405
    return lua_resetthread(co, from);
#else
    (void)from;
    return lua_resetthread(co);
#endif
}

static void unlink_from_parent(th_task *task)
{
    if (task->sibling_prev)
        task->sibling_prev->sibling_next = task->sibling_next;
    else if (task->parent)
        task->parent->children = task->sibling_next;
    if (task->sibling_next)
        task->sibling_next->sibling_prev = task->sibling_prev;
    task->parent = task->sibling_next = task->sibling_prev = NULL;
}

static void link_to_parent(th_task *task, th_task *parent)
{
    task->parent = parent;
    task->sibling_prev = NULL;
    task->sibling_next = parent ? parent->children : NULL;
    if (task->sibling_next)
        task->sibling_next->sibling_prev = task;
    if (parent)
        parent->children = task;
}

/* Frees a task that has ended and that nobody can name any more. */
static void collect(th_task *task)
{
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->co_ref);
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->carried_ref);
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->thrown_ref);
    slot_free(task);
    free(task->nest);
    free(task->name);
    free(task->spawn_trail);
    free(task->traceback);
    free(task->carried);
    free(task);
}

/* Nobody can catch this failure any more: the run ends with it. Later ones are added to the text.
 */
static void set_uncaught(th_task *task)
{
    th_sched *sched = task->sched;
    task->observed = true;
    if (!sched->uncaught_traceback) {
        lua_pushvalue(task->co, -1);
        lua_xmove(task->co, sched->L, 1);
        sched->uncaught_ref = luaL_ref(sched->L, LUA_REGISTRYINDEX);
        sched->uncaught_traceback = strdup(task->traceback ? task->traceback : "");
        return;
    }
    th_buf text = {0};
    const char *message = lua_tostring(task->co, -1);
    th_buf_printf(&text, "%s\nanother task failed too: %s\n%s", sched->uncaught_traceback,
                  message ? message : "(an error object)", task->traceback ? task->traceback : "");
    if (text.data) {
        free(sched->uncaught_traceback);
        sched->uncaught_traceback = text.data;
    }
}

void th_task_handle_gone(th_task *task)
{
    task->handle = NULL;
    if (task->state != TH_TASK_DONE)
        return;
    if (task->end == TH_END_FAILED && !task->observed)
        set_uncaught(task);
    collect(task);
}

static void finish(th_task *task, enum th_task_end end)
{
    th_sched *sched = task->sched;
    op_release(task);
    task->state = TH_TASK_DONE;
    task->end = end;
    sched->live--;
    while (task->children) {
        th_task *child = task->children, *parent = task->parent;
        unlink_from_parent(child);
        link_to_parent(child, parent);
        if (child->bound) /* its nursery was not kept in a to-be-closed variable */
            th_task_cancel(child);
    }
    unlink_from_parent(task);
    if (task->watches)
        task->observed = true;
    while (task->watches) {
        struct th_watch *watch = task->watches;
        task->watches = watch->next;
        watch->ended(watch);
    }
    if (!task->handle) {
        th_task_handle_gone(task);
    } else if (end == TH_END_FAILED && !task->observed) {
        /* Whether somebody can still await it decides if the run ends now: ask the collector, which
         * calls th_task_handle_gone when the handle is garbage. Failures are rare. */
        lua_gc(sched->L, LUA_GCCOLLECT);
    }
}

void th_task_watch(th_task *task, struct th_watch *watch)
{
    watch->task = task;
    watch->next = task->watches;
    task->watches = watch;
}

void th_task_unwatch(struct th_watch *watch)
{
    if (!watch->task || watch->task->state == TH_TASK_DONE)
        return;
    for (struct th_watch **at = &watch->task->watches; *at; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            break;
        }
    }
    watch->task = NULL;
}

/* Builds "stack traceback: …", where the task was spawned, and the trace of the awaited task whose
 * error this is. Runs protected: it allocates. */
static int traceback_protected(lua_State *L)
{
    th_task *task = lua_touserdata(L, 1);
    bool same = false;
    if (task->carried) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, task->carried_ref);
        lua_pushvalue(task->co, -1);
        lua_xmove(task->co, L, 1);
        same = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    luaL_traceback(L, task->co, NULL, 0);
    th_buf text = {0};
    if (same)
        th_buf_printf(&text, "%s\nwhich was awaited here:\n", task->carried);
    th_buf_puts(&text, lua_tostring(L, -1));
    if (task->spawned_at[0])
        th_buf_printf(&text, "\nspawned at %s", task->spawned_at);
    if (task->spawn_trail)
        th_buf_puts(&text, task->spawn_trail);
    free(task->traceback);
    task->traceback = text.data;
    return 0;
}

/* What the children use, their parent may close: while cancelled ones have not ended, it takes
 * another turn. They do not wait for anything any more, so that is soon. */
static bool wait_for_children(th_task *task)
{
    for (const th_task *child = task->children; child; child = child->sibling_next) {
        if (child->cancel_requested || child->failing) {
            make_ready(task);
            return true;
        }
    }
    return false;
}

static void fail(th_task *task)
{
    th_sched *sched = task->sched;
    if (!task->failing) {
        lua_pushcfunction(sched->L, traceback_protected);
        lua_pushlightuserdata(sched->L, task);
        if (lua_pcall(sched->L, 1, 0, 0) != LUA_OK)
            lua_pop(sched->L, 1); /* out of memory: the message has to do */
        op_release(task);
        for (th_task *child = task->children; child; child = child->sibling_next)
            if (child->bound)
                th_task_cancel(child);
        task->failing = true;
    }
    if (wait_for_children(task))
        return;
    sched->running = task;
    sched->resetting = true;
    reset_thread(task->co, sched->L); /* runs to-be-closed variables, leaves the error on top */
    sched->resetting = false;
    sched->running = NULL;
    finish(task, TH_END_FAILED);
}

static void finish_cancelled(th_task *task)
{
    th_sched *sched = task->sched;
    bool failed = false;
    if (wait_for_children(task))
        return;
    sched->running = task;
    sched->resetting = true;
    for (size_t i = 0; i < task->nnest; i++) {
        set_hosted(sched->L, task->nest[i], false);
        reset_thread(task->nest[i], sched->L);
    }
    task->nnest = 0;
    failed = reset_thread(task->co, sched->L) != LUA_OK;
    sched->resetting = false;
    sched->running = NULL;
    finish(task, failed ? TH_END_FAILED : TH_END_CANCELLED);
}

/* --- running
 * ---------------------------------------------------------------------------------------- */

static void resume(th_task *task)
{
    th_sched *sched = task->sched;
    if (task->failing) {
        fail(task);
        return;
    }
    if (task->cancel_requested) {
        finish_cancelled(task);
        return;
    }
    int nargs = task->nargs, nres = 0;
    task->nargs = 0;
    task->state = TH_TASK_RUNNING;
    task->woken_early = false;
    task->generation = ++sched->generations;
    sched->running = task;
    int status = lua_resume(task->co, sched->L, nargs, &nres);
    sched->running = NULL;
    if (status == LUA_OK) {
        finish(task, TH_END_RETURNED);
    } else if (status != LUA_YIELD) {
        fail(task);
    } else {
        lua_pop(task->co, nres);
        if (task->cancel_requested) {
            if (task->op)
                task->ops->cancel(task->op);
            finish_cancelled(task);
        } else if (task->woken_early) {
            make_ready(task);
        } else {
            task->state = TH_TASK_PARKED;
            if (!task->ops || !task->ops->internal)
                sched->external_waits++;
        }
    }
}

bool th_sched_run(th_sched *sched)
{
    th_task *task = sched->ready_first;
    sched->ready_first = sched->ready_last = NULL;
    while (task) {
        th_task *next = task->queue_next;
        resume(task);
        task = next;
    }
    return sched->ready_first != NULL;
}

void th_task_cancel(th_task *task)
{
    if (task->state == TH_TASK_DONE || task->cancel_requested || task->failing)
        return;
    task->cancel_requested = true;
    for (th_task *child = task->children; child; child = child->sibling_next)
        th_task_cancel(child);
    if (task->state == TH_TASK_PARKED) {
        if (task->op)
            task->ops->cancel(task->op);
        park_ended(task);
    }
}

void th_task_bind(th_task *task, th_task *parent)
{
    if (task->parent != parent) {
        unlink_from_parent(task);
        link_to_parent(task, parent);
    }
    task->bound = true;
    if (parent->cancel_requested || parent->failing)
        th_task_cancel(task);
}

/* --- spawning
 * --------------------------------------------------------------------------------------- */

static void note_spawn_place(lua_State *L, th_task *task, const th_task *parent)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && ar.source[0] == '@') {
            /* Places inside the library's own Lua half do not help its user. */
            snprintf(task->spawned_at, sizeof task->spawned_at, "%s:%d", ar.short_src,
                     ar.currentline);
            break;
        }
    }
    if (parent && (parent->spawned_at[0] || parent->spawn_trail)) {
        th_buf trail = {0};
        if (parent->spawned_at[0])
            th_buf_printf(&trail, "\nby a task spawned at %s", parent->spawned_at);
        /* Deep chains say the same again and again: keep the nearest ones. */
        if (parent->spawn_trail && strlen(parent->spawn_trail) < 400)
            th_buf_puts(&trail, parent->spawn_trail);
        task->spawn_trail = trail.data;
    }
}

th_task *th_task_spawn(lua_State *L, int nargs, const char *name)
{
    th_sched *sched = th_sched_of(L);
    th_task *task = calloc(1, sizeof *task);
    if (!task)
        luaL_error(L, "not enough memory");
    task->sched = sched;
    task->carried_ref = LUA_NOREF;
    task->thrown_ref = LUA_NOREF;
    task->nargs = nargs;
    if (name)
        task->name = strdup(name);
    if (slot_take(sched, task) != 0) {
        free(task->name);
        free(task);
        luaL_error(L, "not enough memory");
    }
    th_task *parent = sched->running;
    link_to_parent(task, parent);
    task->admitted = parent && parent->admitted;
    task->item = parent ? parent->item : 0;
    sched->live++;
    note_spawn_place(L, task, parent);
    task->co_ref = LUA_NOREF;
    task->co = lua_newthread(L);
    task->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    if (!lua_checkstack(task->co, nargs + 1))
        luaL_error(L, "too many arguments");
    lua_xmove(L, task->co, nargs + 1);
    task->generation = task->serial = ++sched->generations;
    make_ready(task);
    return task;
}

/* --- the scheduler itself
 * --------------------------------------------------------------------------- */

th_sched *th_sched_create(lua_State *L, th_timers *timers)
{
    th_sched *sched = calloc(1, sizeof *sched);
    if (!sched)
        return NULL;
    sched->L = L;
    sched->timers = timers;
    sched->uncaught_ref = LUA_NOREF;
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &hosted_key);
    return sched;
}

void th_sched_cancel_all(th_sched *sched)
{
    for (uint32_t i = 0; i < sched->nslots; i++)
        if (sched->slots[i])
            th_task_cancel(sched->slots[i]);
}

void th_sched_interrupt(th_sched *sched)
{
    for (uint32_t i = 0; i < sched->nslots; i++) {
        th_task *task = sched->slots[i];
        if (task && task->state == TH_TASK_PARKED && !task->admitted && task->ops &&
            task->ops->interrupt && task->ops->interrupt(task->op))
            park_ended(task);
    }
}

void th_sched_destroy(th_sched *sched)
{
    if (!sched)
        return;
    th_sched_cancel_all(sched);
    while (th_sched_run(sched))
        continue;
    for (uint32_t i = 0; i < sched->nslots; i++)
        if (sched->slots[i]) {
            if (sched->slots[i]->handle)
                *sched->slots[i]->handle = NULL; /* its userdata lives until lua_close */
            collect(sched->slots[i]);
        }
    luaL_unref(sched->L, LUA_REGISTRYINDEX, sched->uncaught_ref);
    free(sched->uncaught_traceback);
    free(sched->slots);
    free(sched->free_slots);
    free(sched);
}

void th_sched_settle(th_sched *sched)
{
    for (uint32_t i = 0; i < sched->nslots; i++) {
        th_task *task = sched->slots[i];
        if (task && task->state == TH_TASK_DONE && task->end == TH_END_FAILED && !task->observed)
            set_uncaught(task);
    }
}

void th_sched_callback(th_sched *sched, bool inside)
{
    sched->in_callback = inside;
}

void th_sched_fail(th_sched *sched, lua_State *L, const char *traceback)
{
    if (sched->uncaught_traceback) {
        lua_pop(L, 1);
        return;
    }
    sched->uncaught_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    sched->uncaught_traceback = strdup(traceback);
    if (sched->on_ready)
        sched->on_ready(sched->on_ready_ctx);
}

bool th_sched_has_uncaught(const th_sched *sched)
{
    return sched->uncaught_traceback != NULL;
}

const char *th_sched_uncaught(th_sched *sched, lua_State *L)
{
    if (!sched->uncaught_traceback)
        return NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, sched->uncaught_ref);
    return sched->uncaught_traceback;
}

size_t th_sched_live(const th_sched *sched)
{
    return sched->live;
}

bool th_sched_ready(const th_sched *sched)
{
    return sched->ready_first != NULL;
}

bool th_sched_deadlocked(const th_sched *sched)
{
    return sched->live > 0 && !sched->ready_first && sched->external_waits == 0;
}

void th_sched_describe(const th_sched *sched, th_buf *out)
{
    for (uint32_t i = 0; i < sched->nslots; i++) {
        const th_task *task = sched->slots[i];
        if (!task || task->state == TH_TASK_DONE)
            continue;
        th_buf_printf(out, "task %u%s%s%s%s%s", task->slot, task->name ? " (" : "",
                      task->name ? task->name : "", task->name ? ")" : "",
                      task->spawned_at[0] ? " spawned at " : "", task->spawned_at);
        if (task->state == TH_TASK_PARKED && task->ops) {
            th_buf_printf(out, " waits for %s", task->ops->name);
            if (task->ops->describe) {
                th_buf_puts(out, ": ");
                task->ops->describe(task->op, out);
            }
        } else {
            th_buf_puts(out, " is ready");
        }
        th_buf_putc(out, '\n');
    }
}

th_task *th_task_current(lua_State *L)
{
    return th_sched_of(L)->running;
}

bool th_task_done(const th_task *task)
{
    return task->state == TH_TASK_DONE;
}

void th_task_set_admitted(lua_State *L, bool admitted)
{
    th_task_current(L)->admitted = admitted;
}

bool th_task_admitted(lua_State *L)
{
    th_task *task = th_task_current(L);
    return task && task->admitted;
}

void th_task_set_item(lua_State *L, int64_t item)
{
    th_task_current(L)->item = item;
}

int64_t th_task_item(lua_State *L)
{
    const th_task *task = th_task_current(L);
    return task ? task->item : 0;
}
