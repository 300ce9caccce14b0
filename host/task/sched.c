/* The scheduler as a whole: all tasks cancelled, described; the error that ends a run. */
#include "task/impl.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* --- the scheduler itself --------------------------------------------------------------------- */

th_sched *th_sched_create(lua_State *L, th_timers *timers, const struct th_sched_owner *owner)
{
    th_sched *sched = calloc(1, sizeof *sched);
    if (!sched)
        return NULL;
    sched->L = L;
    sched->timers = timers;
    sched->owner = *owner;
    sched->uncaught_ref = LUA_NOREF;
    *(th_sched **)lua_getextraspace(L) = sched; /* coroutines get a copy */
    return sched;
}

void th_sched_open(lua_State *L)
{
    th_nest_open(L);
    th_sched_of(L)->uncaught_ref = th_slot_create(L);
}

th_pulse *th_sched_pulse(th_sched *sched)
{
    return &sched->pulse;
}

void th_sched_cancel_all(th_sched *sched)
{
    sched->ending = true;
    for (uint32_t i = 0; i < sched->nslots; i++)
        if (sched->slots[i])
            th_task_cancel(sched->slots[i]);
}

void th_sched_end(th_sched *sched)
{
    if (!sched || sched->ended)
        return;
    sched->draining = true;
    /* A task's to-be-closed variables may spawn others, which end at their first turn. */
    for (int round = 0; round < 1000 && sched->live > 0; round++) {
        th_sched_cancel_all(sched);
        while (th_sched_run(sched))
            continue;
    }
    sched->ended = true;
    for (uint32_t i = 0; i < sched->nslots; i++)
        if (sched->slots[i]) {
            if (sched->slots[i]->handle)
                *sched->slots[i]->handle = NULL; /* its userdata lives until lua_close */
            th_task_collect(sched->slots[i]);
        }
    luaL_unref(sched->L, LUA_REGISTRYINDEX, sched->uncaught_ref);
    sched->uncaught_ref = LUA_NOREF;
    sched->ready_first = sched->ready_last = NULL;
}

void th_sched_free(th_sched *sched)
{
    if (!sched)
        return;
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
            th_task_set_uncaught(task);
    }
}

void th_sched_callback(th_sched *sched, bool inside)
{
    sched->in_callback = inside;
    if (inside)
        sched->before_callback = th_pulse_enter(&sched->pulse, sched->L);
    else
        th_pulse_enter(&sched->pulse, sched->before_callback);
}

void th_sched_fail(th_sched *sched, lua_State *L, const char *traceback)
{
    if (sched->uncaught) {
        lua_pop(L, 1);
        return;
    }
    sched->uncaught = true;
    th_slot_set(L, sched->uncaught_ref, -1);
    lua_pop(L, 1);
    sched->uncaught_traceback = strdup(traceback);
    sched->owner.ready(sched->owner.ctx);
}

bool th_sched_has_uncaught(const th_sched *sched)
{
    return sched->uncaught;
}

const char *th_sched_uncaught(th_sched *sched, lua_State *L)
{
    if (!sched->uncaught)
        return NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, sched->uncaught_ref);
    return sched->uncaught_traceback ? sched->uncaught_traceback : "(no memory for a traceback)";
}

const char *th_sched_memory_place(const th_sched *sched)
{
    return sched->memory_place;
}

void th_sched_forget_uncaught(th_sched *sched)
{
    luaL_unref(sched->L, LUA_REGISTRYINDEX, sched->uncaught_ref);
    free(sched->uncaught_traceback);
    sched->uncaught_ref = LUA_NOREF;
    sched->uncaught_traceback = NULL;
    sched->uncaught = false;
}

size_t th_sched_live(const th_sched *sched)
{
    return sched->live;
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

void th_task_describe_running(const th_sched *sched, th_buf *out)
{
    const th_task *task = sched->running;
    if (task && task->parent)
        th_buf_printf(out, " (task %u%s%s)", task->slot, task->spawned_at[0] ? ", spawned at " : "",
                      task->spawned_at);
}
