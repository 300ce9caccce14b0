/* What goes into a child line by line, and what must not come back out of it in clear. */
#include <lauxlib.h>
#include <string.h>

#include "../host/json/json.h"
#include "base/redact.h"
#include "base/secret.h"
#include "lua/error.h"
#include "process.h"

#define FEED_TYPE "trunkhost.feed"

th_feed *th_feed_test(lua_State *L, int idx)
{
    return luaL_testudata(L, idx, FEED_TYPE);
}

static int feed_new(lua_State *L)
{
    th_feed *feed = lua_newuserdatauv(L, sizeof *feed, 1); // feed
    *feed = (th_feed){.waiting.sensitive = true};
    luaL_setmetatable(L, FEED_TYPE);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* Keeps the secrets of the table at idx, for th_scrub_output. */
static void keep_secrets(lua_State *L, int idx)
{
    lua_getiuservalue(L, 1, 1); // secrets
    lua_pushnil(L);
    while (lua_istable(L, idx) && lua_next(L, idx)) // secrets key value
        if (th_secret_test(L, -1))
            lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
        else
            lua_pop(L, 1);
    lua_settop(L, 2);
}

static int feed_write(lua_State *L)
{
    th_feed *feed = luaL_checkudata(L, 1, FEED_TYPE);
    th_buf line = {.sensitive = true};
    th_error err = {0};

    luaL_checkany(L, 2);
    lua_settop(L, 2);
    luaL_argcheck(L, !feed->closed, 1, "nothing can be written after close()");
    keep_secrets(L, 2);
    int rc = th_json_encode(L, 2, TH_JSON_SECRETS, &line, &err);
    if (rc == 0 && (th_buf_putc(&line, '\n') != 0 ||
                    (!feed->child && th_buf_append(&feed->waiting, line.data, line.len) != 0)))
        rc = th_fail(&err, TH_INVALID, "not enough memory");
    if (rc == 0 && feed->child)
        th_child_write(feed->child, &line);
    th_buf_close(&line);
    return rc == 0 ? 0 : th_error_raise(L, &err);
}

static int feed_close(lua_State *L)
{
    th_feed *feed = luaL_checkudata(L, 1, FEED_TYPE);
    if (!feed->closed && feed->child)
        th_child_close_input(feed->child);
    feed->closed = true;
    return 0;
}

static int feed_gc(lua_State *L)
{
    th_feed *feed = luaL_checkudata(L, 1, FEED_TYPE);
    th_buf_close(&feed->waiting); /* its child is gone: the task that waits for it holds the feed */
    return 0;
}

void th_feed_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"write", feed_write}, {"close", feed_close}, {"__gc", feed_gc}, {NULL, NULL}};
    luaL_newmetatable(L, FEED_TYPE); // metatable
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_pushcfunction(L, feed_new);
    lua_setfield(L, -2, "feed");
}

/* --- what it prints --------------------------------------------------------------------------- */

enum {
    OWN_MOST = 32,     /* secrets of which parts are looked for, too */
    LONGEST_FORM = 12, /* bytes that one of a secret's may be written as */
};

void th_scrub_output(lua_State *L, int idx, th_buf *text, bool full)
{
    const th_secret *own[OWN_MOST];
    size_t n = 0, longest = 0;
    int top = lua_gettop(L);

    if (th_feed_test(L, idx))
        lua_getiuservalue(L, idx, 1);
    else
        lua_pushvalue(L, idx);
    for (lua_pushnil(L); text->len > 0 && lua_istable(L, top + 1) && lua_next(L, top + 1);
         lua_pop(L, 1)) {
        const th_secret *secret = th_secret_test(L, -1);
        size_t len = 0;
        if (!secret)
            continue;
        th_secret_bytes(secret, &len);
        longest = len > longest ? len : longest;
        if (n < OWN_MOST)
            own[n++] = secret;
    }
    lua_settop(L, top);
    th_redact_words(text->data, text->len, &(struct th_secret_list){own, n});
    longest *= LONGEST_FORM;
    if (full)
        text->len -= longest < text->len ? longest : text->len;
}
