/* What goes into a child line by line, and what must not come back out of it in clear. */
#include <lauxlib.h>
#include <string.h>

#include "../host/json.h"
#include "error_lua.h"
#include "process.h"
#include "secret.h"

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
    while (lua_istable(L, idx) && lua_next(L, idx)) { // secrets key value
        if (th_secret_test(L, -1))
            lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
        else
            lua_pop(L, 1);
    }
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

static void star_out(th_buf *text, const char *bytes, size_t len)
{
    char *at = text->data;
    while (len > 0 && at && (at = memmem(at, text->len - (size_t)(at - text->data), bytes, len))) {
        memset(at, '*', len);
        at += len;
    }
}

/* The secret on top of the stack. Returns the length of its longest form. */
static size_t star_out_secret(lua_State *L, th_buf *text)
{
    size_t len, longest;
    const char *bytes = th_secret_bytes(th_secret_test(L, -1), &len);
    th_buf quoted = {.sensitive = true};
    th_error err = {0};

    longest = len;
    star_out(text, bytes, len);
    if (th_json_encode(L, -1, TH_JSON_SECRETS, &quoted, &err) == 0 && quoted.len > len + 2) {
        star_out(text, quoted.data + 1, quoted.len - 2);
        longest = quoted.len - 2;
    }
    th_buf_close(&quoted);
    th_error_close(&err);
    return longest;
}

void th_scrub_output(lua_State *L, int idx, th_buf *text, bool full)
{
    size_t longest = 0;
    int top = lua_gettop(L);

    if (th_feed_test(L, idx))
        lua_getiuservalue(L, idx, 1);
    else
        lua_pushvalue(L, idx);
    if (text->len > 0 && lua_istable(L, -1)) {
        lua_pushnil(L);
        while (lua_next(L, top + 1)) {
            size_t len = th_secret_test(L, -1) ? star_out_secret(L, text) : 0;
            longest = len > longest ? len : longest;
            lua_pop(L, 1);
        }
    }
    if (full)
        text->len -= longest < text->len ? longest : text->len;
    lua_settop(L, top);
}
