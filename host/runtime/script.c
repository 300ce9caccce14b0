#include "runtime/script.h"

#include <lauxlib.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "task/task.h"
#include "json/json.h"

struct start {
    const th_script *script;
    th_error *err;
    th_buf arguments; /* a JSON array */
    int rc;
};

/* Pushes the chunk. */
static int load(lua_State *L, const th_script *script, th_error *err)
{
    const char *path = script->path;
    const char *name = lua_pushfstring(L, "=%s", path); // name
    int status = script->code ? luaL_loadbufferx(L, script->code, strlen(script->code), name, "t")
                              : luaL_loadfilex(L, path, "t");
    lua_remove(L, -2); // chunk or error
    if (status == LUA_OK)
        return 0;
    if (!script->code && access(path, R_OK) != 0)
        return th_fail(err, TH_INVALID,
                       "there is no script %s, neither as a file nor among the installed", path);
    return th_fail(err, TH_INVALID, "%s", lua_tostring(L, -1));
}

/* The global `arg`, as lua has it, and the arguments as `...` and for the ledger. */
static void push_arguments(lua_State *L, struct start *start)
{
    const th_script *script = start->script;
    th_error err = {0};
    lua_createtable(L, script->argc, 1);
    for (int i = 0; i < script->argc; i++) {
        lua_pushstring(L, script->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    th_json_mark_array(L, -1);
    if (th_json_encode(L, -1, 0, &start->arguments, &err) != 0)
        th_buf_close(&start->arguments); /* an argument that is no text: the run counts */
    th_error_close(&err);
    lua_pushnil(L);
    lua_setmetatable(L, -2);
    lua_pushstring(L, script->path);
    lua_rawseti(L, -2, 0);
    lua_setglobal(L, "arg");
    luaL_checkstack(L, script->argc, "too many arguments");
    for (int i = 0; i < script->argc; i++)
        lua_pushstring(L, script->argv[i]);
}

/* light userdata: struct start */
static int start_protected(lua_State *L)
{
    struct start *start = lua_touserdata(L, 1);
    const th_script *script = start->script;
    if (script->prompt && luaL_loadbufferx(L, script->prompt, strlen(script->prompt), "=-i", "t"))
        return lua_error(L);
    if (script->name)
        start->rc = load(L, script, start->err); // start prompt? chunk
    else
        lua_pushnil(L);
    if (start->rc != 0)
        return 0;
    push_arguments(L, start); // start prompt? chunk arguments…
    th_task_spawn(L, script->argc + (script->prompt != NULL), "script");
    return 0;
}

int th_script_start(th_script *script, lua_State *L, th_error *err)
{
    struct start start = {.script = script, .err = err};
    lua_pushcfunction(L, start_protected);
    lua_pushlightuserdata(L, &start);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        const char *text = lua_tostring(L, -1);
        start.rc = th_fail(err, TH_INVALID, "%s", text ? text : "cannot load the script");
        lua_pop(L, 1);
    }
    script->arguments = start.arguments.data;
    return start.rc;
}

/* --- what ran --------------------------------------------------------------------------------- */

static int hash_file(const char *path, unsigned char *hash)
{
    crypto_hash_sha256_state state;
    unsigned char block[16 * 1024];
    size_t len;
    int failed;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return -1;
    crypto_hash_sha256_init(&state);
    while ((len = fread(block, 1, sizeof block, file)) > 0)
        crypto_hash_sha256_update(&state, block, len);
    failed = ferror(file);
    fclose(file);
    crypto_hash_sha256_final(&state, hash);
    return failed ? -1 : 0;
}

const char *th_script_hash(th_script *script)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    int rc = 0;
    if (script->hash[0])
        return script->hash;
    if (script->code)
        crypto_hash_sha256(hash, (const unsigned char *)script->code, strlen(script->code));
    else
        rc = script->path ? hash_file(script->path, hash) : -1;
    if (rc == 0)
        sodium_bin2hex(script->hash, sizeof script->hash, hash, sizeof hash);
    return script->hash;
}
