/* What a decoded value is made of. Reading is in read*.c, writing in encode.c. */
#include "json/json.h"

#include "json/read.h"
#include "json/state.h"

bool th_json_is_null(lua_State *L, int idx)
{
    return lua_islightuserdata(L, idx) && lua_touserdata(L, idx) == NULL;
}

void th_json_mark_array(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    th_json_push_array_metatable(L); // metatable
    lua_setmetatable(L, idx);
}

bool th_json_is_array(lua_State *L, int idx)
{
    if (!lua_istable(L, idx))
        return false;
    idx = lua_absindex(L, idx);
    if (lua_getmetatable(L, idx)) { // metatable
        th_json_push_array_metatable(L);
        bool marked = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
        if (marked)
            return true;
    }
    lua_Unsigned n = lua_rawlen(L, idx), count = 0;
    if (n == 0)
        return false;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) { // key value
        if (!lua_isinteger(L, -2) || (lua_Unsigned)lua_tointeger(L, -2) - 1 >= n) {
            lua_pop(L, 2);
            return false;
        }
        count++;
    }
    return count == n;
}

bool th_json_says_yes(lua_State *L, int idx)
{
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN:
        return lua_toboolean(L, idx);
    case LUA_TSTRING:
        return lua_rawlen(L, idx) > 0;
    case LUA_TNUMBER:
        return lua_tonumber(L, idx) != 0;
    case LUA_TTABLE:
        lua_pushvalue(L, idx);
        lua_pushnil(L);
        if (!lua_next(L, -2)) {
            lua_pop(L, 1);
            return false;
        }
        lua_pop(L, 3);
        return true;
    default:
        return false;
    }
}

/* Line and column of a byte, both from 1; the column counts characters. */
static void find_place(const char *text, const char *at, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (; text < at; text++) {
        if (*text == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)*text & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

int th_json_decode_marked(lua_State *L, const char *text, size_t len, const char *mark,
                          th_error *err)
{
    th_json_reader r = {.L = L, .begin = text, .p = text, .end = text + len, .mark = mark};
    const int top = lua_gettop(L);
    if (!lua_checkstack(L, 4))
        return th_fail(err, TH_MALFORMED, "this JSON cannot be read: the Lua stack is full");
    th_json_push_array_metatable(L); // metatable
    if (th_json_read(&r, top + 1)) {
        lua_replace(L, top + 1); // value
        return 0;
    }
    lua_settop(L, top);
    size_t line, column;
    find_place(text, r.at, &line, &column);
    return th_fail(err, TH_MALFORMED, "this is not valid JSON: %s at line %zu, column %zu",
                   r.reason, line, column);
}

int th_json_decode(lua_State *L, const char *text, size_t len, th_error *err)
{
    return th_json_decode_marked(L, text, len, NULL, err);
}
