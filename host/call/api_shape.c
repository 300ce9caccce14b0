/* Whether a reply with a status of success is what the API promises: the object that was asked for, and no
 * refusal. */
#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "call/api_impl.h"
#include "provider/impl.h"
#include "provider/validate_impl.h"
#include "json/json.h"

static bool is_own_field(const th_endpoint *endpoint, const char *name)
{
    return endpoint->returns && th_object_field(endpoint->returns, name);
}

/* The member of the object on top that says no, or NULL. */
static const char *refusing_member(lua_State *L, const th_provider *provider,
                                   const th_endpoint *endpoint)
{
    const char *errors[] = {"error", "errors", th_provider_error_paths(provider)->faults};
    static const char *const verdicts[] = {"success", "ok"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof errors / sizeof *errors && !found; i++) {
        if (!errors[i] || is_own_field(endpoint, errors[i]))
            continue;
        lua_getfield(L, -1, errors[i]);
        if (th_json_says_yes(L, -1))
            found = errors[i];
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts && !found; i++) {
        if (is_own_field(endpoint, verdicts[i]))
            continue;
        lua_getfield(L, -1, verdicts[i]);
        if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
            found = verdicts[i];
        lua_pop(L, 1);
    }
    return found;
}

int th_reply_refusal(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                     th_error *err)
{
    if (!lua_istable(L, -1) || th_json_is_array(L, -1))
        return 0;
    const char *member = refusing_member(L, provider, endpoint);
    if (!member)
        return 0;
    return th_fail(err, TH_MALFORMED, "'%s': the reply says that there was an error (in '%s')",
                   endpoint->name, member);
}

/* What is wrong with the id on top as that of the object that is returned, or NULL. */
static const char *id_fault(lua_State *L, const th_provider *provider, const th_endpoint *endpoint)
{
    const th_field *field = th_object_field(endpoint->returns, "id");
    bool trunk = strcmp(th_object_name(endpoint->returns), "trunk") == 0;
    enum th_type type = trunk ? th_provider_id_type(provider) : field->type;
    bool uuid = type == TH_UUID || (!trunk && field->format == TH_FORMAT_UUID);
    bool text = lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0;
    if (lua_isnil(L, -1))
        return "has no id";
    if (type == TH_INTEGER)
        return lua_isinteger(L, -1) ? NULL : "has an id that is no integer";
    if (uuid)
        return text && !th_format_fault(TH_FORMAT_UUID, lua_tostring(L, -1))
                   ? NULL
                   : "has an id that is no UUID";
    return text || lua_isinteger(L, -1) ? NULL : "has an id that is no text";
}

/* Pushes the id that the request named, or nil: the last parameter of a path that ends with it, and
 * of get and update always the trunk's. */
static void push_wanted(lua_State *L, const th_endpoint *endpoint)
{
    const struct th_segment *last =
        endpoint->nsegments ? &endpoint->segments[endpoint->nsegments - 1] : NULL;
    bool one = strcmp(endpoint->name, "get") == 0 || strcmp(endpoint->name, "update") == 0;
    const char *param = one ? "id" : last ? last->param : NULL;
    if (endpoint->method == TH_POST || !param)
        lua_pushnil(L);
    else if (lua_istable(L, ARG_PARAMS))
        lua_getfield(L, ARG_PARAMS, param);
    else
        lua_pushvalue(L, ARG_PARAMS);
}

/* Whether two values name the same thing: 42, 42.0 and "42"; UUIDs in any case. */
static bool same_id(lua_State *L, int wanted, int found)
{
    int whole = 0;
    lua_Integer number = lua_type(L, wanted) == LUA_TNUMBER ? lua_tointegerx(L, wanted, &whole) : 0;
    if (whole)
        lua_pushinteger(L, number);
    else
        lua_pushvalue(L, wanted);
    const char *a = luaL_tolstring(L, -1, NULL), *b = luaL_tolstring(L, found, NULL);
    bool uuid = !th_format_fault(TH_FORMAT_UUID, a);
    bool same = (uuid ? strcasecmp(a, b) : strcmp(a, b)) == 0;
    lua_pop(L, 3);
    return same;
}

/* Whether the object on top shows nothing of what comes back of such an object: an id alone may stand
 * in any answer, as in that of a queue. */
static bool shows_nothing(lua_State *L, const th_object *object)
{
    bool expected = false, shown = false;
    for (const char *const *name = th_object_field_names(object); *name && !shown; name++) {
        if (strcmp(*name, "id") == 0 || !th_object_field(object, *name)->read)
            continue;
        expected = true;
        shown = lua_getfield(L, -1, *name) != LUA_TNIL;
        lua_pop(L, 1);
    }
    return expected && !shown;
}

/* The object on top against what was asked for. */
static int check_object(lua_State *L, const struct th_call *call, th_error *err)
{
    const th_endpoint *endpoint = call->endpoint;
    const char *what = th_object_name(endpoint->returns);
    if (!lua_istable(L, -1) || th_json_is_array(L, -1))
        return th_fail(err, TH_MALFORMED, "'%s': the reply is no %s", endpoint->name, what);
    if (strcmp(what, "trunk") != 0 && !th_object_field(endpoint->returns, "id"))
        return 0;
    if (shows_nothing(L, endpoint->returns))
        return th_fail(err, TH_MALFORMED, "'%s': the reply is no %s: it shows none of its fields",
                       endpoint->name, what);
    int id = lua_gettop(L) + 1, rc = 0;
    lua_getfield(L, -1, "id"); // object id
    const char *fault = id_fault(L, call->account->provider, endpoint);
    push_wanted(L, endpoint); // object id wanted
    if (fault)
        rc = th_fail(err, TH_MALFORMED, "'%s': the reply is no %s: it %s", endpoint->name, what,
                     fault);
    else if (!lua_isnil(L, -1) && !same_id(L, id + 1, id))
        rc = th_fail(err, TH_MALFORMED, "'%s': the reply is another %s, with the id %s",
                     endpoint->name, what, luaL_tolstring(L, id, NULL));
    lua_settop(L, id - 1);
    return rc;
}

static bool holds_message(lua_State *L)
{
    if (!lua_istable(L, -1))
        return false;
    bool text = lua_getfield(L, -1, "message") == LUA_TSTRING;
    lua_pop(L, 1);
    return text;
}

int th_reply_check(lua_State *L, const struct th_call *call, th_error *err)
{
    const th_endpoint *endpoint = call->endpoint;
    if (endpoint->method != TH_GET && call->x.transfer.status == 202 && !endpoint->accepted_is_done)
        return th_fail(err, TH_MALFORMED,
                       "'%s': HTTP status 202 (Accepted) leaves open whether it will happen",
                       endpoint->name);
    if (endpoint->returns)
        return check_object(L, call, err);
    if (endpoint->returns_message && !holds_message(L))
        return th_fail(err, TH_MALFORMED, "'%s': the reply holds no message", endpoint->name);
    return 0;
}
