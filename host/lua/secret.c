/* A secret as a Lua value: opaque everywhere but in its method reveal(). */
#include <lauxlib.h>

#include "base/secret.h"

/* Its address is the key of the metatable in the registry; nothing is ever written to it. */
static const char metatable_key = 0;

/* The userdata: a reference of its own, NULL once it was closed. */
typedef struct box {
    th_secret *secret;
} box;

static box *test(lua_State *L, int idx)
{
    box *b = lua_touserdata(L, idx);
    if (!b || !lua_getmetatable(L, idx)) // metatable
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key); // metatable ours
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? b : NULL;
}

static th_secret *check(lua_State *L, int idx)
{
    box *b = test(L, idx);
    luaL_argexpected(L, b, idx, "secret");
    luaL_argcheck(L, b->secret, idx, "this secret is closed");
    return b->secret;
}

static int secret_release(lua_State *L)
{
    box *b = test(L, 1);
    if (b) {
        th_secret_unref(b->secret);
        b->secret = NULL;
    }
    return 0;
}

static int secret_tostring(lua_State *L)
{
    lua_pushliteral(L, "[secret]");
    return 1;
}

static int secret_eq(lua_State *L)
{
    const th_secret *a = th_secret_test(L, 1), *b = th_secret_test(L, 2);
    lua_pushboolean(L, a && b && th_secret_equal(a, b));
    return 1;
}

static int secret_concat(lua_State *L)
{
    return luaL_error(L, "a secret cannot be joined to text, which would be logged or stored in "
                         "clear: call its method reveal() where the text must hold it");
}

static int secret_len(lua_State *L)
{
    return luaL_error(L, "the operator # does not apply to a secret: call its method length()");
}

static int secret_reveal(lua_State *L)
{
    size_t len;
    th_secret *secret = check(L, 1);
    const char *bytes = th_secret_bytes(secret, &len);
    lua_pushlstring(L, bytes, len);
    th_secret_mark_revealed(secret);
    return 1;
}

static int secret_length(lua_State *L)
{
    size_t len;
    th_secret_bytes(check(L, 1), &len);
    lua_pushinteger(L, (lua_Integer)len);
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__tostring", secret_tostring},
    {"__gc", secret_release},
    {"__close", secret_release},
    {"__eq", secret_eq},
    {"__concat", secret_concat},
    {"__len", secret_len},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"reveal", secret_reveal},
    {"length", secret_length},
    {NULL, NULL},
};

static void push_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key) == LUA_TTABLE) // metatable
        return;
    lua_pop(L, 1);
    luaL_newlib(L, metamethods);    // metatable
    luaL_newlib(L, methods);        // metatable methods
    lua_setfield(L, -2, "__index"); // metatable
    lua_pushliteral(L, "[secret]");
    lua_setfield(L, -2, "__name"); // error messages and tracebacks show this
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key); // metatable
}

void th_secret_push(lua_State *L, th_secret *secret)
{
    box *b = lua_newuserdatauv(L, sizeof *b, 0); // box
    b->secret = NULL;
    push_metatable(L);       // box metatable
    lua_setmetatable(L, -2); // box
    /* Only now: everything above may raise, and nobody would release the reference. */
    b->secret = th_secret_ref(secret);
}

/* light userdata: secret */
static int push_protected(lua_State *L)
{
    th_secret_push(L, lua_touserdata(L, 1));
    return 1;
}

void th_secret_give(lua_State *L, th_secret *secret)
{
    lua_pushcfunction(L, push_protected);
    lua_pushlightuserdata(L, secret);
    int status = lua_pcall(L, 1, 1, 0);
    th_secret_unref(secret);
    if (status != LUA_OK)
        lua_error(L);
}

th_secret *th_secret_test(lua_State *L, int idx)
{
    box *b = test(L, idx);
    return b ? b->secret : NULL;
}
