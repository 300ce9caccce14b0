/* Errors for people: what an uncaught value says, and what led to it. */
#include "json/error_show.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"
#include "json/json.h"

enum { CAUSES = 8 }; /* a chain that is longer says the same again and again */

static void add(th_buf *out, lua_State *L, int idx)
{
    size_t len;
    const char *text = luaL_tolstring(L, idx, &len);
    for (size_t i = 0; i < len; i++)
        th_buf_putc(out, (unsigned char)text[i] < 0x20 && text[i] != '\n' ? ' ' : text[i]);
    lua_pop(L, 1);
}

/* A table that says nothing about itself: as JSON, and where it holds what JSON does not know, its
 * fields one by one. */
static void show_table(lua_State *L, int idx, th_buf *out)
{
    th_error err = {0};
    size_t before = out->len;
    int rc = th_json_encode(L, idx, TH_JSON_REDACT, out, &err);
    th_error_close(&err);
    if (rc == 0)
        return;
    out->len = before; /* a part of it may be there */
    th_buf_puts(out, "{");
    lua_pushnil(L);
    for (const char *comma = " "; lua_next(L, idx); comma = ", ") {
        th_buf_puts(out, comma);
        add(out, L, -2);
        th_buf_puts(out, " = ");
        add(out, L, -1);
        lua_pop(L, 1);
    }
    th_buf_puts(out, " }");
}

void th_error_show(lua_State *L, int idx, th_buf *out)
{
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, 12, NULL);
    int type = lua_type(L, idx);
    if (type == LUA_TNIL) {
        th_buf_puts(out, "error without a message (nil)");
    } else if (type == LUA_TTABLE && luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL) {
        th_buf_puts(out, "error: ");
        show_table(L, idx, out);
    } else {
        if (type == LUA_TTABLE)
            lua_pop(L, 1); /* of luaL_getmetafield */
        add(out, L, idx);
    }
}

static void show_traceback(lua_State *L, const char *shown, th_buf *out)
{
    lua_getfield(L, -1, "traceback");
    const char *text = lua_tostring(L, -1);
    if (text && !(shown && strncmp(shown, text, strlen(text)) == 0))
        th_buf_printf(out, "raised at: %s\n", text);
    lua_pop(L, 1);
}

void th_error_show_origin(lua_State *L, int idx, const char *shown, th_buf *out)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, CAUSES * 2 + 8, NULL);
    lua_pushvalue(L, idx);
    for (int i = 0; i < CAUSES && th_error_kind_at(L, -1); i++) {
        show_traceback(L, shown, out);
        lua_pushliteral(L, "cause");
        if (lua_rawget(L, -2) == LUA_TNIL)
            break;
        th_buf_puts(out, "caused by: ");
        th_error_show(L, -1, out);
        th_buf_putc(out, '\n');
    }
    lua_settop(L, top);
}
