/* Replies whose texts are broken: bytes that are not UTF-8, half a surrogate pair, a control
 * character. One label that somebody has pasted must not keep a whole account from being worked on,
 * and where the broken text is of use, an operator must be able to find it. */
#include <lauxlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "json/json.h"

enum { DEPTH = 32 }; /* that broken texts are looked for in a field */

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* The first of the characters U+FDD0 … U+FDEF, which stand for none, that is not in the text: it
 * marks broken places. False: all are there. */
static bool choose_mark(const char *text, size_t len, char mark[4])
{
    memcpy(mark, "\xef\xb7\x90", 4);
    for (int i = 0; i < 32; i++, mark[2]++)
        if (!memmem(text, len, mark, 3))
            return true;
    return false;
}

/* Replaces the value on top of the stack by the same without marks: a text by another one, a table
 * in place. True when there were any. */
static bool clean(lua_State *L, const char *mark, int depth)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        if (!memmem(text, len, mark, 3))
            return false;
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        for (const char *end = text + len, *at; text < end; text = at + 3) {
            at = memmem(text, (size_t)(end - text), mark, 3);
            luaL_addlstring(&b, text, (size_t)((at ? at : end) - text));
            if (!at)
                break;
            luaL_addlstring(&b, replacement, 3);
        }
        luaL_pushresult(&b);
        lua_remove(L, -2);
        return true;
    }
    bool any = false;
    if (!lua_istable(L, -1) || depth == 0 || !lua_checkstack(L, 12))
        return false;
    lua_pushnil(L);
    while (lua_next(L, -2)) { // table key value
        if (clean(L, mark, depth - 1)) {
            any = true;
            lua_pushvalue(L, -2);
            lua_insert(L, -2); // table key key value
            lua_rawset(L, -4); /* an existing key: safe while iterating */
        } else {
            lua_pop(L, 1);
        }
    }
    return any;
}

/* Whether a field is only there to be shown: the label, and what the description does not know. */
static bool is_only_shown(lua_State *L, const th_provider *provider, const char *name)
{
    th_provider_push(L, provider);
    lua_getfield(L, -1, "label");
    bool label = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), name) == 0;
    lua_pop(L, 2);
    const th_object *trunk = th_provider_object(provider, "trunk");
    return label || (trunk && !th_object_field(trunk, name));
}

/* The trunk on top of the stack: its fields that are only shown are mended, another one is an
 * error. */
static int settle_trunk(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                        const char *mark, th_error *err)
{
    int trunk = lua_gettop(L);
    lua_getfield(L, trunk, "id"); // trunk id
    if (!lua_isinteger(L, -1) && lua_type(L, -1) != LUA_TSTRING) {
        lua_pop(L, 1);
        lua_pushliteral(L, "?");
    }
    const char *id = luaL_tolstring(L, -1, NULL); // trunk id text
    lua_pushnil(L);
    while (lua_next(L, trunk)) { // trunk id text name value
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (!clean(L, mark, DEPTH)) {
            lua_pop(L, 1);
            continue;
        }
        if (!is_only_shown(L, provider, name)) {
            int rc = th_fail(err, TH_MALFORMED,
                             "%s of trunk %s is broken: it holds bytes that are not UTF-8, half "
                             "a surrogate pair, or a control character. Correct it at the platform",
                             name, id);
            lua_settop(L, trunk);
            return rc;
        }
        if (endpoint->returns_list)
            th_log(&th_runtime_of(L)->terminal, TH_LOG_WARN, NULL, 0,
                   "%s of trunk %s holds broken characters, which are shown as %s: correct it at "
                   "the platform",
                   name, id, replacement);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, trunk);
    }
    lua_settop(L, trunk);
    return 0;
}

/* The trunks in the reply on top of the stack, wherever its envelope has them. */
static int settle_trunks(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                         const char *mark, th_error *err)
{
    int top = lua_gettop(L), rc = 0;
    lua_Integer count = 0;
    lua_pushvalue(L, -1); // reply value
    if (endpoint->reply && lua_istable(L, -1) && !th_json_is_array(L, -1)) {
        lua_getfield(L, -1, endpoint->reply);
        if (lua_istable(L, -1))
            lua_replace(L, -2);
        else
            lua_pop(L, 1);
    }
    if (!lua_istable(L, -1)) {
        lua_settop(L, top);
        return 0;
    }
    if (!th_json_is_array(L, -1))
        rc = settle_trunk(L, provider, endpoint, mark, err);
    else
        count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; rc == 0 && i <= count; i++) {
        if (lua_rawgeti(L, top + 1, i) == LUA_TTABLE)
            rc = settle_trunk(L, provider, endpoint, mark, err);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return rc;
}

int th_reply_decode(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                    const th_buf *body, th_error *err)
{
    char mark[4];
    int rc = th_json_decode(L, body->data, body->len, err);
    if (rc == 0 || !choose_mark(body->data, body->len, mark) ||
        th_json_decode_marked(L, body->data, body->len, mark, NULL) != 0)
        return rc;
    th_error_close(err); // value
    rc = settle_trunks(L, provider, endpoint, mark, err);
    if (rc != 0)
        lua_pop(L, 1);
    return rc;
}
