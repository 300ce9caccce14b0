/* Which tasks there are and which are ready: slots, wake-ups, the ready queue, cancelling. */
#include "task/impl.h"

#include <stdlib.h>

/* --- the scheduler of a state ----------------------------------------------------------------- */

th_sched *th_sched_of(lua_State *L)
{
    return *(th_sched **)lua_getextraspace(L);
}

void *th_sched_owner(const th_sched *sched)
{
    return sched->owner.ctx;
}

/* --- slots: wakers name a task by slot and generation, never by pointer ----------------------- */

int th_task_slot_take(th_sched *sched, th_task *task)
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

void th_task_slot_free(th_task *task)
{
    th_sched *sched = task->sched;
    sched->slots[task->slot] = NULL;
    sched->free_slots[sched->nfree++] = task->slot;
}

/* --- ready queue ------------------------------------------------------------------------------ */

void th_task_make_ready(th_task *task)
{
    th_sched *sched = task->sched;
    task->state = TH_TASK_READY;
    task->queue_next = NULL;
    if (sched->ready_last)
        sched->ready_last->queue_next = task;
    else
        sched->ready_first = task;
    sched->ready_last = task;
    sched->owner.ready(sched->owner.ctx);
}

void th_task_park_ended(th_task *task)
{
    if (!task->ops || !task->ops->internal)
        task->sched->external_waits--;
    th_task_make_ready(task);
}

void th_task_wake(th_sched *sched, th_waker waker)
{
    if (waker.slot >= sched->nslots)
        return;
    th_task *task = sched->slots[waker.slot];
    if (!task || task->generation != waker.generation)
        return;
    if (task->state == TH_TASK_PARKED)
        th_task_park_ended(task);
    else if (task->state == TH_TASK_RUNNING)
        task->woken_early = true;
}

th_waker th_task_waker(lua_State *L)
{
    th_task *task = th_task_current(L);
    return (th_waker){.slot = task->slot, .generation = task->generation};
}

th_task *th_task_current(lua_State *L)
{
    return th_sched_of(L)->running;
}

/* --- cancelling ------------------------------------------------------------------------------- */

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
        th_task_park_ended(task);
    }
}

bool th_task_cancelling(const th_sched *sched)
{
    return sched->running && sched->running->cancel_requested;
}

bool th_task_break_off(th_sched *sched, lua_State *L)
{
    if (!th_task_cancelling(sched) || sched->resetting || sched->blocked || !lua_isyieldable(L))
        return false;
    sched->interrupted = true;
    lua_yield(L, 0);
    return true;
}
