#include "call/http_client.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>

#include "call/stop_request.h"
#include "lua/error.h"
#include "wire/url.h"

#define CLIENT_TYPE "trunkhost.http_client"

enum { CONCURRENCY_DEFAULT = 16, CONCURRENCY_SHARED = 64 };

/* Requests that wait because the platform says so ask again whether they may. */
static void client_stopping(th_guest *guest)
{
    th_pacer_ask(((th_http_client *)((char *)guest - offsetof(th_http_client, guest)))->pacer);
}

static void paused(void *owner, uint64_t until, const th_window *window)
{
    th_http_client *client = owner;
    th_stop_tell_pause(&client->runtime->stop, "a client of http", &client->told_pause, until,
                       window);
}

int th_http_client_create(th_runtime *runtime, const th_http_client_options *options,
                          th_http_client **out, th_error *err)
{
    bool plain = options->connection.transfer.plain_anywhere;
    int rc =
        plain ? th_url_check_plain(options->base_url, err) : th_url_check(options->base_url, err);
    if (rc != 0)
        return rc;
    th_http_client *client = calloc(1, sizeof *client);
    if (!client)
        return th_fail(err, TH_INVALID, "not enough memory");
    client->references = 1;
    client->runtime = runtime;
    const th_connection_options *own = &options->connection;
    unsigned concurrency = own->concurrency ? own->concurrency : CONCURRENCY_DEFAULT;
    th_client_options transfer = own->transfer;
    transfer.concurrency = concurrency;
    rc = th_pacer_create(runtime->timers, own->windows, own->nwindows, concurrency, &client->pacer,
                         err);
    if (rc == 0) {
        th_pacer_on_pause(client->pacer, paused, client);
        rc = th_client_create(&runtime->loop, &transfer, &client->client, err);
    }
    if (rc != 0) {
        th_http_client_unref(client);
        return rc;
    }
    client->guest.stopping = client_stopping;
    th_guest_add(&runtime->guests, &client->guest);
    *out = client;
    return 0;
}

th_http_client *th_http_client_ref(th_http_client *client)
{
    client->references++;
    return client;
}

void th_http_client_unref(th_http_client *client)
{
    if (!client || --client->references > 0)
        return;
    th_guest_remove(&client->guest);
    th_client_destroy(client->client);
    th_pacer_destroy(client->pacer);
    free(client);
}

/* --- the one for requests that have none ------------------------------------------------------ */

static int shared_gc(lua_State *L)
{
    th_client_destroy(*(th_client **)lua_touserdata(L, 1));
    return 0;
}

th_client *th_http_client_shared(lua_State *L, th_runtime *runtime)
{
    static const char key = 0;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TNIL) {
        th_error err = {0};
        th_client_options options = {.concurrency = CONCURRENCY_SHARED};
        th_client **made = lua_newuserdatauv(L, sizeof *made, 0); // nil shared
        *made = NULL;
        lua_createtable(L, 0, 1);
        lua_pushcfunction(L, shared_gc);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
        if (th_client_create(&runtime->loop, &options, made, &err) != 0)
            th_error_raise(L, &err);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
        lua_remove(L, -2); // shared
    }
    th_client *shared = *(th_client **)lua_touserdata(L, -1);
    lua_pop(L, 1);
    return shared;
}

/* --- as a userdata ---------------------------------------------------------------------------- */

static int client_close(lua_State *L)
{
    th_http_client **ud = luaL_checkudata(L, 1, CLIENT_TYPE);
    th_http_client_unref(*ud);
    *ud = NULL;
    return 0;
}

th_http_client **th_http_client_push(lua_State *L)
{
    th_http_client **ud = lua_newuserdatauv(L, sizeof *ud, 0);
    *ud = NULL;
    luaL_setmetatable(L, CLIENT_TYPE);
    return ud;
}

th_http_client *th_http_client_check(lua_State *L, int arg)
{
    if (th_runtime_of(L)->ended)
        luaL_error(L, "the run has ended");
    th_http_client *client = *(th_http_client **)luaL_checkudata(L, arg, CLIENT_TYPE);
    if (!client)
        luaL_error(L, "this HTTP client is closed");
    return client;
}

void th_http_client_open(lua_State *L)
{
    luaL_newmetatable(L, CLIENT_TYPE); // meta
    lua_pushcfunction(L, client_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, client_close);
    lua_setfield(L, -2, "__close");
    lua_createtable(L, 0, 2); // meta methods
    lua_pushcfunction(L, client_close);
    lua_setfield(L, -2, "close");
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index");
    lua_remove(L, -2); // methods
}
