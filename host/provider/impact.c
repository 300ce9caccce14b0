#include <string.h>

#include "provider/impl.h"
#include "json/json.h"

enum { MAX_DEPTH = 16 };

static bool nothing(lua_State *L, int idx)
{
    return lua_isnil(L, idx) || th_json_is_null(L, idx);
}

static bool same(lua_State *L, int a, int b, unsigned depth);

/* Every member of the table at a is the same in the table at b. */
static bool contained(lua_State *L, int a, int b, unsigned depth)
{
    lua_pushnil(L);          // key
    while (lua_next(L, a)) { // key value
        lua_pushvalue(L, -2);
        lua_rawget(L, b); // key value other
        int top = lua_gettop(L);
        if (!same(L, top - 1, top, depth)) {
            lua_pop(L, 3);
            return false;
        }
        lua_pop(L, 2); // key
    }
    return true;
}

/* The table at b has a member that the one at a does not have. */
static bool has_more(lua_State *L, int b, int a)
{
    lua_pushnil(L);          // key
    while (lua_next(L, b)) { // key value
        lua_pushvalue(L, -2);
        lua_rawget(L, a); // key value other
        if (nothing(L, -1) && !nothing(L, -2)) {
            lua_pop(L, 3);
            return true;
        }
        lua_pop(L, 2); // key
    }
    return false;
}

static bool same(lua_State *L, int a, int b, unsigned depth)
{
    if (nothing(L, a) || nothing(L, b))
        return nothing(L, a) && nothing(L, b);
    if (lua_rawequal(L, a, b))
        return true;
    if (!lua_istable(L, a) || !lua_istable(L, b))
        return false;
    /* Too deep counts as different: a leg too many is reported rather than one too few. */
    return depth < MAX_DEPTH && lua_checkstack(L, 8) && contained(L, a, b, depth + 1) &&
           !has_more(L, b, a);
}

unsigned th_impact(lua_State *L, const th_provider *provider, int trunk_idx, int fields_idx)
{
    const th_object *object = th_provider_object(provider, "trunk");
    int trunk = lua_absindex(L, trunk_idx), fields = lua_absindex(L, fields_idx);
    bool known = lua_istable(L, trunk);
    unsigned legs = 0;
    if (!object || !lua_istable(L, fields) || !lua_checkstack(L, 8))
        return 0;
    lua_pushnil(L);               // key
    while (lua_next(L, fields)) { // key value
        size_t len;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        int found = name ? th_object_find(object, name, len) : -1;
        const th_field *field = found < 0 ? NULL : &object->fields[found];
        if (field && (field->recreates & ~legs)) {
            bool differs = true;
            if (known && field->read) {
                lua_pushvalue(L, -2);
                lua_rawget(L, trunk); // key value present
                int top = lua_gettop(L);
                differs = !same(L, top - 1, top, 0);
                lua_pop(L, 1); // key value
            }
            if (differs)
                legs |= field->recreates;
        }
        lua_pop(L, 1); // key
    }
    return legs;
}
