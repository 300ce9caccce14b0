#include <lauxlib.h>

#include "provider/validate_impl.h"
#include "json/json.h"

static void copy_value(lua_State *L, const th_field *field, int idx);

/* Pushes the list at idx as a JSON array. */
static void copy_list(lua_State *L, const th_field *field, int idx)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, idx);
    lua_createtable(L, (int)n, 0); // copy
    th_json_mark_array(L, -1);
    th_field scalar = {.type = field->item_type};
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, i); // copy item
        if (field->of)
            th_body_copy(L, field->of, lua_gettop(L), 4); // copy item new
        else
            copy_value(L, &scalar, lua_gettop(L)); // copy item new
        lua_rawseti(L, -3, i);                     // copy item
        lua_pop(L, 1);                             // copy
    }
}

/* Pushes the value at idx as it goes onto the wire. */
static void copy_value(lua_State *L, const th_field *field, int idx)
{
    int type = lua_type(L, idx);
    if (type == LUA_TTABLE && field->type == TH_LIST)
        copy_list(L, field, idx);
    else if (type == LUA_TTABLE && field->of)
        th_body_copy(L, field->of, idx, 4);
    else if (type == LUA_TNUMBER && field->type == TH_INTEGER && !lua_isinteger(L, idx))
        lua_pushinteger(L, (lua_Integer)lua_tonumber(L, idx));
    else
        lua_pushvalue(L, idx);
}

void th_body_copy(lua_State *L, const th_object *object, int idx, int fields)
{
    luaL_checkstack(L, 8, "a body");
    lua_createtable(L, 0, fields); // copy
    lua_pushnil(L);                // copy key
    while (lua_next(L, idx)) {     // copy key value
        lua_pushvalue(L, -2);      // copy key value key
        size_t len;
        const char *name = lua_tolstring(L, -1, &len);
        const th_field *field = &object->fields[th_object_find(object, name, len)];
        copy_value(L, field, lua_gettop(L) - 1); // copy key value key new
        lua_rawset(L, -5);                       // copy key value
        lua_pop(L, 1);                           // copy key
    }
}
