/* How a task ends: returned, failed with its traceback, or cancelled; who learns of it; what is
 * freed. */
#include "task/impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* --- how a task ends -------------------------------------------------------------------------- */

int th_thread_reset(th_sched *sched, lua_State *L)
{
    lua_State *before = th_pulse_enter(&sched->pulse, L);
#if LUA_VERSION_RELEASE_NUM >= 50406
    int status = lua_closethread(L, sched->L);
#elif LUA_VERSION_RELEASE_NUM == 50405
    int status = lua_resetthread(L, sched->L);
#else
    int status = lua_resetthread(L);
#endif
    th_pulse_enter(&sched->pulse, before);
    return status;
}

void th_task_unlink(th_task *task)
{
    if (task->sibling_prev)
        task->sibling_prev->sibling_next = task->sibling_next;
    else if (task->parent)
        task->parent->children = task->sibling_next;
    if (task->sibling_next)
        task->sibling_next->sibling_prev = task->sibling_prev;
    task->parent = task->sibling_next = task->sibling_prev = NULL;
}

void th_task_link(th_task *task, th_task *parent)
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
void th_task_collect(th_task *task)
{
    th_task_op_release(task);
    th_nest_set_hosted(task->sched->L, task->co, false);
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->co_ref);
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->carried_ref);
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->thrown_ref);
    th_task_slot_free(task);
    free(task->nest);
    free(task->name);
    free(task->spawn_trail);
    free(task->traceback);
    free(task->carried);
    free(task);
}

/* Nobody can catch this failure any more: the run ends with it. Later ones are added to the text.
 */
void th_task_set_uncaught(th_task *task)
{
    th_sched *sched = task->sched;
    task->observed = true;
    if (!sched->uncaught) {
        sched->uncaught = true;
        lua_pushvalue(task->co, -1);
        lua_xmove(task->co, sched->L, 1);
        th_slot_set(sched->L, sched->uncaught_ref, -1);
        lua_pop(sched->L, 1);
        sched->uncaught_traceback = strdup(task->traceback ? task->traceback : "");
        return;
    }
    th_buf text = {0};
    const char *message = lua_type(task->co, -1) == LUA_TSTRING ? lua_tostring(task->co, -1) : NULL;
    th_buf_printf(&text, "%s\nanother task failed too: %s\n%s",
                  sched->uncaught_traceback ? sched->uncaught_traceback : "",
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
        th_task_set_uncaught(task);
    th_task_collect(task);
}

void th_task_finish(th_task *task, enum th_task_end end)
{
    th_sched *sched = task->sched;
    th_task_op_release(task);
    task->state = TH_TASK_DONE;
    task->end = end;
    sched->live--;
    while (task->children) {
        th_task *child = task->children, *parent = task->parent;
        th_task_unlink(child);
        th_task_link(child, parent);
        if (child->bound) /* its nursery was not kept in a to-be-closed variable */
            th_task_cancel(child);
    }
    th_task_unlink(task);
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
    static const char title[] = "stack traceback:\n";
    const char *own = lua_tostring(L, -1);
    th_buf text = {0};
    if (same) {
        th_buf_printf(&text, "%s\nwhich was awaited here:\n", task->carried);
        if (strncmp(own, title, sizeof title - 1) == 0)
            own += sizeof title - 1; /* it is one traceback */
    }
    th_buf_puts(&text, own);
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
            th_task_make_ready(task);
            return true;
        }
    }
    return false;
}

/* Tells the owner what nobody can catch: the error on top of the main stack (popped). */
static void tell_lost(th_task *task, const char *what, const char *how)
{
    th_sched *sched = task->sched;
    th_buf text = {0};
    th_buf_printf(&text, "%s%s%s %s", what, task->spawned_at[0] ? " spawned at " : "",
                  task->spawned_at, how);
    sched->owner.lost(sched->owner.ctx, sched->L, text.data ? text.data : what);
    th_buf_close(&text);
    lua_pop(sched->L, 1);
}

/* Somebody waits for the task or nobody does: this error may not reach anybody. */
static void tell_close_error(th_task *task, lua_State *co, const char *what)
{
    lua_pushvalue(co, -1);
    lua_xmove(co, task->sched->L, 1);
    tell_lost(task, what, "has raised an error while its variables were closed");
}

void th_task_fail(th_task *task)
{
    th_sched *sched = task->sched;
    if (!task->failing) {
        lua_pushcfunction(sched->L, traceback_protected);
        lua_pushlightuserdata(sched->L, task);
        if (lua_pcall(sched->L, 1, 0, 0) != LUA_OK)
            lua_pop(sched->L, 1); /* out of memory: the message has to do */
        th_task_op_release(task);
        for (th_task *child = task->children; child; child = child->sibling_next)
            if (child->bound)
                th_task_cancel(child);
        task->failing = true;
    }
    if (wait_for_children(task))
        return;
    sched->running = task;
    sched->resetting = true;
    /* Runs to-be-closed variables, leaves the error on top: theirs, if they have raised one. */
    lua_pushvalue(task->co, -1);
    lua_xmove(task->co, sched->L, 1); // error
    th_thread_reset(sched, task->co);
    lua_pushvalue(task->co, -1);
    lua_xmove(task->co, sched->L, 1); // error last
    bool replaced = !lua_rawequal(sched->L, -1, -2);
    lua_pop(sched->L, 1); // error
    if (replaced)
        tell_lost(task, "a task",
                  "has failed, and failed again while its variables were closed. First");
    else
        lua_pop(sched->L, 1);
    sched->resetting = false;
    sched->running = NULL;
    th_task_finish(task, TH_END_FAILED);
}

void th_task_finish_cancelled(th_task *task)
{
    th_sched *sched = task->sched;
    bool failed = false;
    if (wait_for_children(task))
        return;
    sched->running = task;
    sched->resetting = true;
    for (size_t i = 0; i < task->nnest; i++) {
        th_nest_set_hosted(sched->L, task->nest[i], false);
        if (th_thread_reset(sched, task->nest[i]) != LUA_OK)
            tell_close_error(task, task->nest[i], "a coroutine of a cancelled task");
    }
    task->nnest = 0;
    failed = th_thread_reset(sched, task->co) != LUA_OK;
    if (failed)
        tell_close_error(task, task->co, "a cancelled task");
    sched->resetting = false;
    sched->running = NULL;
    th_task_finish(task, failed ? TH_END_FAILED : TH_END_CANCELLED);
}
