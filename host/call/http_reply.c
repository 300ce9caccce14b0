#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "call/http_impl.h"
#include "json/json.h"

bool th_http_expected(lua_State *L, int status)
{
    if (status >= 200 && status < 300)
        return true;
    bool expected = false;
    int type = lua_getfield(L, HTTP_REQUEST, "expect");
    if (type == LUA_TBOOLEAN) {
        expected = lua_toboolean(L, -1);
    } else if (type == LUA_TTABLE) {
        lua_rawgeti(L, -1, status);
        expected = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return expected;
}

static void push_lower(lua_State *L, const char *text, const char *end)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (; text < end; text++)
        luaL_addchar(&b, (char)tolower((unsigned char)*text));
    luaL_pushresult(&b);
}

/* headers repeated name value → headers repeated */
static void add_header(lua_State *L)
{
    int headers = lua_gettop(L) - 3;
    lua_pushvalue(L, -2);
    if (lua_rawget(L, headers) != LUA_TSTRING) { // headers repeated name value nil
        lua_pop(L, 1);
        lua_rawset(L, headers);
        return;
    }
    lua_pushvalue(L, -3);
    if (lua_rawget(L, headers + 1) != LUA_TTABLE) { // … name value before nil
        lua_pop(L, 1);
        lua_createtable(L, 2, 0);
        lua_pushvalue(L, -2);
        lua_rawseti(L, -2, 1); // … name value before list
        lua_pushvalue(L, -4);
        lua_pushvalue(L, -2);
        lua_rawset(L, headers + 1);
    }
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1); // headers repeated name value before
    lua_pushliteral(L, ", ");
    lua_pushvalue(L, -3);
    lua_concat(L, 3); // headers repeated name value joined
    lua_remove(L, -2);
    lua_rawset(L, headers);
}

/* "Name: value\n" lines → headers (lower-case names, repeated ones joined as HTTP says), repeated
 */
static void push_headers(lua_State *L, const th_buf *lines)
{
    lua_newtable(L);
    lua_newtable(L); // headers repeated
    const char *at = lines->data, *end = lines->data + lines->len;
    while (at && at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        const char *next = eol ? eol + 1 : end, *stop = eol ? eol : end;
        while (stop > at && isspace((unsigned char)stop[-1]))
            stop--;
        const char *colon = memchr(at, ':', (size_t)(stop - at));
        if (colon) {
            const char *value = colon + 1;
            while (value < stop && isspace((unsigned char)*value))
                value++;
            push_lower(L, at, colon);
            lua_pushlstring(L, value, (size_t)(stop - value));
            add_header(L);
        }
        at = next;
    }
}

/* reply → reply with json where it is to be decoded. */
static int add_json(lua_State *L, const th_transfer *t, th_error *err)
{
    int decode = lua_getfield(L, HTTP_REQUEST, "decode");
    bool asked = decode == LUA_TBOOLEAN && lua_toboolean(L, -1);
    bool never = decode == LUA_TBOOLEAN && !asked;
    lua_getfield(L, HTTP_REQUEST, "lenient");
    bool lenient = lua_toboolean(L, -1) && !asked;
    lua_pop(L, 2);
    if (never || (!asked && (!t->json || t->reply.len == 0)))
        return 0;
    th_error parse = {0};
    int rc = th_json_decode(L, t->reply.data ? t->reply.data : "", t->reply.len, &parse);
    if (rc == 0) {
        lua_setfield(L, -2, "json");
    } else if (lenient) {
        rc = 0;
    } else {
        rc = th_fail(err, TH_MALFORMED, "the reply %s: %s",
                     t->json ? "says that it is JSON and is not" : "is not JSON",
                     parse.message ? parse.message : "");
    }
    th_error_close(&parse);
    return rc;
}

int th_http_push_reply(lua_State *L, const struct th_http_call *call, th_error *err)
{
    const th_transfer *t = &call->x.transfer;
    lua_createtable(L, 0, 6); // reply
    lua_pushinteger(L, t->status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, call->x.attempts);
    lua_setfield(L, -2, "attempts");
    push_headers(L, &t->reply_headers); // reply headers repeated
    lua_setfield(L, -3, "repeated");
    lua_setfield(L, -2, "headers");
    if (call->download && call->x.outcome == TH_OUTCOME_SUCCESS) {
        lua_pushinteger(L, (lua_Integer)t->taken);
        lua_setfield(L, -2, "bytes");
        return 0;
    }
    lua_pushlstring(L, t->reply.data ? t->reply.data : "", t->reply.len);
    lua_setfield(L, -2, "body");
    if (strcmp(t->method, "HEAD") == 0)
        return 0;
    int rc = add_json(L, t, err);
    if (rc != 0)
        lua_pop(L, 1);
    return rc;
}
