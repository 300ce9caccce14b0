/* trunkhost.core: addresses in parts, as libcurl reads them. */
#include "wire/url.h"

#include <lauxlib.h>
#include <string.h>

#include "library.h"
#include "lua/error.h"

// url → parts; runs protected, because pushing may raise while libcurl's memory is held
static int push_parts(lua_State *L)
{
    const th_url *url = lua_touserdata(L, 1);
    const struct {
        const char *name, *value;
    } parts[] = {{"scheme", url->https ? "https" : "http"},
                 {"origin", url->origin},
                 {"host", url->host},
                 {"port", url->port},
                 {"path", url->path},
                 {"query", url->query},
                 {"fragment", url->fragment}};
    lua_createtable(L, 0, 9); // url parts
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        lua_pushstring(L, parts[i].value);
        lua_setfield(L, -2, parts[i].name);
    }
    lua_pushboolean(L, url->user);
    lua_setfield(L, -2, "user");
    lua_pushboolean(L, url->loopback);
    lua_setfield(L, -2, "loopback");
    return 1;
}

/* url(text, what) → { scheme, origin, host, port?, path, query?, fragment?, user, loopback }; raises
 * `invalid`, which calls the address by `what` and quotes nothing of it */
static int core_url(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len), *what = luaL_checkstring(L, 2);
    th_url url;
    th_error err = {0};
    int rc = strlen(text) == len ? th_url_parse(text, what, &url, &err)
                                 : th_fail(&err, TH_INVALID, "%s contains a NUL byte", what);
    if (rc != 0)
        return th_error_raise(L, &err);
    lua_pushcfunction(L, push_parts);
    lua_pushlightuserdata(L, &url);
    rc = lua_pcall(L, 1, 1, 0); // parts | message
    th_url_close(&url);
    return rc == LUA_OK ? 1 : lua_error(L);
}

void th_open_urls(lua_State *L)
{
    lua_pushcfunction(L, core_url);
    lua_setfield(L, -2, "url"); // core
}
