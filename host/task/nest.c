/* The coroutines of the script between a task and its wait. */
#include "task/impl.h"

#include <stdlib.h>

/* A script coroutine that is suspended by a host wait must not be resumed or closed by anybody else
 * until that wait is over; the registry remembers which ones are. */
static const char hosted_key = 0;

void th_nest_open(lua_State *L)
{
    lua_newtable(L); // hosted
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k"); /* a task's registry reference is the one anchor of its coroutine */
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &hosted_key);
}

void th_nest_set_hosted(lua_State *L, lua_State *co, bool hosted)
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
    th_nest_set_hosted(L, co, true);
    task->nest[task->nnest++] = co;
    return 0;
}

void th_nest_pop(lua_State *L, th_task *task)
{
    th_nest_set_hosted(L, task->nest[--task->nnest], false);
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
