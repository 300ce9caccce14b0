#include "provider_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/secret.h"
#include "library.h"
#include "test.h"
#include "json/json.h"

static int make_secret(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    th_secret *secret = NULL;
    if (th_secret_copy(text, len, &secret, NULL) != 0)
        return luaL_error(L, "no secret");
    th_secret_push(L, secret);
    th_secret_unref(secret);
    return 1;
}

static int make_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    th_json_mark_array(L, 1);
    return 1;
}

/* As the program finds them: compiled in. */
static int find_module(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    for (const struct th_lua_module *m = th_lua_modules; m->name; m++) {
        if (strcmp(m->name, name) != 0)
            continue;
        if (luaL_loadbuffer(L, m->source, m->length, m->name) != LUA_OK)
            return lua_error(L);
        return 1;
    }
    return 0;
}

static void prepare(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers"); // package searchers
    lua_pushcfunction(L, find_module);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 2); //
    th_json_push_null(L);
    lua_setglobal(L, "null");
    lua_pushcfunction(L, make_secret);
    lua_setglobal(L, "secret");
    lua_pushcfunction(L, make_array);
    lua_setglobal(L, "array");
}

lua_State *provider_state(void)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    prepare(L);
    return L;
}

static void *failing_alloc(void *ud, void *block, size_t old, size_t size)
{
    long *left = ud;
    (void)old;
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (*left == 0)
        return NULL;
    if (*left > 0)
        --*left;
    return realloc(block, size);
}

lua_State *provider_state_failing(long *left)
{
    *left = -1;
    lua_State *L = lua_newstate(failing_alloc, left);
    assert_non_null(L);
    prepare(L);
    return L;
}

static void must(lua_State *L, int rc)
{
    if (rc != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
}

th_provider *provider_shipped(lua_State *L, const char *name)
{
    lua_getglobal(L, "require");
    lua_pushfstring(L, "trunkhost.providers.%s", name);
    must(L, lua_pcall(L, 1, 1, 0)); // description
    th_provider *provider = NULL;
    th_error err = {0};
    if (th_provider_parse(L, -1, &provider, &err) != 0)
        fail_msg("%s", err.message);
    return provider;
}

void provider_eval(lua_State *L, const char *expression)
{
    lua_pushfstring(L, "return %s", expression);
    const char *chunk = lua_tostring(L, -1);
    must(L, luaL_loadbuffer(L, chunk, strlen(chunk), "=test"));
    must(L, lua_pcall(L, 0, 1, 0)); // chunk value
    lua_remove(L, -2);              // value
}

void provider_expect_fault(const th_error *err, const char *field, const char *rule)
{
    for (size_t i = 0; i < err->nfaults; i++)
        if (strcmp(err->faults[i].field, field) == 0 && strstr(err->faults[i].rule, rule))
            return;
    fail_msg("no fault at %s that says '%s'; there is: %s", field, rule,
             err->message ? err->message : "nothing");
}
