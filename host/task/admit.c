/* A stop, by a signal or at a deadline: who may still finish, and who begins nothing new. */
#include "lua/error.h"
#include "task/impl.h"

static void interrupt(th_sched *sched, bool timed)
{
    for (uint32_t i = 0; i < sched->nslots; i++) {
        th_task *task = sched->slots[i];
        if (!task || task->state != TH_TASK_PARKED || !task->ops || !task->ops->interrupt ||
            (timed && !task->timed))
            continue;
        bool fresh = task->item != 0 && !task->acted && task->ops->request;
        if ((!task->admitted || fresh) && task->ops->interrupt(task->op))
            th_task_park_ended(task);
    }
}

void th_sched_drain(th_sched *sched)
{
    sched->draining = true;
    interrupt(sched, false);
}

void th_sched_set_deadline(th_sched *sched, const char *text)
{
    sched->deadline = text;
    if (text)
        interrupt(sched, true);
}

bool th_sched_turned_away(const th_sched *sched)
{
    return sched->turned_away;
}

void th_sched_turn_away(th_sched *sched)
{
    sched->turned_away = true;
}

bool th_task_stopping(lua_State *L)
{
    const th_sched *sched = th_sched_of(L);
    return sched->draining || (sched->deadline && th_task_timed(L));
}

void th_task_admit(lua_State *L, const char *what)
{
    th_sched *sched = th_sched_of(L);
    th_error err = {0};
    if (!th_task_stopping(L) || th_task_admitted(L))
        return;
    if (sched->draining) {
        sched->turned_away = true;
        th_fail(&err, TH_CANCELLED, "the run is stopping: cannot %s any more", what);
    } else {
        th_fail(&err, TH_CANCELLED, "the deadline (%s) has come: cannot %s any more",
                sched->deadline, what);
    }
    th_error_raise(L, &err);
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

void th_task_set_timed(lua_State *L, bool timed)
{
    th_task_current(L)->timed = timed;
}

bool th_task_timed(lua_State *L)
{
    const th_task *task = th_task_current(L);
    return task && task->timed;
}
