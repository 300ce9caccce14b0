/* Tasks: spawning, resuming, and the item that each works on. */
#include "task/impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/place.h"

/* --- running ---------------------------------------------------------------------------------- */

static void note_memory(th_task *task)
{
    th_sched *sched = task->sched;
    if (!sched->memory_place[0])
        th_place_of_script(task->co, sched->memory_place, sizeof sched->memory_place);
    sched->owner.no_memory(sched->owner.ctx);
}

static void resume(th_task *task)
{
    th_sched *sched = task->sched;
    if (task->failing) {
        th_task_fail(task);
        return;
    }
    if (task->cancel_requested) {
        th_task_finish_cancelled(task);
        return;
    }
    int nargs = task->nargs, nres = 0;
    task->nargs = 0;
    task->state = TH_TASK_RUNNING;
    task->woken_early = false;
    task->generation = ++sched->generations;
    sched->running = task;
    th_pulse_enter(&sched->pulse, task->co);
    int status = lua_resume(task->co, sched->L, nargs, &nres);
    th_pulse_enter(&sched->pulse, NULL);
    sched->interrupted = false;
    sched->running = NULL;
    if (status == LUA_OK) {
        th_task_finish(task, TH_END_RETURNED);
    } else if (status != LUA_YIELD) {
        if (status == LUA_ERRMEM)
            note_memory(task);
        th_task_fail(task);
    } else {
        lua_pop(task->co, nres);
        if (task->cancel_requested) {
            if (task->op)
                task->ops->cancel(task->op);
            th_task_finish_cancelled(task);
        } else if (task->woken_early) {
            th_task_make_ready(task);
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
    th_pulse_turn(&sched->pulse);
    sched->ready_first = sched->ready_last = NULL;
    while (task) {
        th_task *next = task->queue_next;
        resume(task);
        task = next;
    }
    return sched->ready_first != NULL;
}

void th_task_bind(th_task *task, th_task *parent)
{
    if (task->parent != parent) {
        th_task_unlink(task);
        th_task_link(task, parent);
    }
    task->bound = true;
    if (parent->cancel_requested || parent->failing)
        th_task_cancel(task);
}

/* --- spawning --------------------------------------------------------------------------------- */

static void note_spawn_place(lua_State *L, th_task *task, const th_task *parent)
{
    th_place_of_script(L, task->spawned_at, sizeof task->spawned_at);
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
    if (sched->ended)
        luaL_error(L, "cannot spawn a task: the run has ended");
    /* What Lua may refuse comes before what C would have to take back. */
    lua_State *co = lua_newthread(L);
    if (!lua_checkstack(co, nargs + 1))
        luaL_error(L, "too many arguments");
    th_nest_set_hosted(L, co, true); /* only the scheduler resumes it */
    int co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    th_task *task = calloc(1, sizeof *task);
    if (!task || th_task_slot_take(sched, task) != 0) {
        free(task);
        luaL_unref(L, LUA_REGISTRYINDEX, co_ref);
        luaL_error(L, "not enough memory");
    }
    task->sched = sched;
    task->co = co;
    task->co_ref = co_ref;
    task->carried_ref = LUA_NOREF;
    task->thrown_ref = LUA_NOREF;
    task->nargs = nargs;
    if (name)
        task->name = strdup(name);
    th_task *parent = sched->running;
    th_task_link(task, parent);
    task->admitted = parent && parent->admitted;
    task->item = parent ? parent->item : 0;
    task->acted = parent && parent->acted;
    task->timed = parent && parent->timed;
    task->cancel_requested = sched->ending || (parent && parent->cancel_requested);
    sched->live++;
    note_spawn_place(L, task, parent);
    lua_xmove(L, task->co, nargs + 1);
    task->generation = task->serial = ++sched->generations;
    th_task_make_ready(task);
    return task;
}

bool th_task_done(const th_task *task)
{
    return task->state == TH_TASK_DONE;
}

void th_task_set_item(lua_State *L, int64_t item)
{
    th_task *task = th_task_current(L);
    task->acted = task->acted && task->item == item;
    task->item = item;
}

void th_task_set_acted(lua_State *L)
{
    th_task *task = th_task_current(L);
    for (int64_t item = task->item; item != 0 && task && task->item == item; task = task->parent)
        task->acted = true;
}

bool th_task_acted(lua_State *L)
{
    return th_task_current(L)->acted;
}

int64_t th_task_item(lua_State *L)
{
    const th_task *task = th_task_current(L);
    return task ? task->item : 0;
}
