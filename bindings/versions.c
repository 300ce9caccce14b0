/* What this program was built of, and what the system grants it. */
#include <curl/curl.h>
#include <lauxlib.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "library.h"
#include "lua/error.h"
#include "wire/authorities.h"
#include "wire/proxy.h"

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

/* versions() → { trunkhost =, lua =, libcurl =, tls =, http2 = boolean, libuv =, sqlite =,
 * libsodium = } */
static int versions(lua_State *L)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    lua_createtable(L, 0, 8);
    set_text(L, "trunkhost", TH_VERSION);
    set_text(L, "lua", LUA_RELEASE);
    set_text(L, "libcurl", curl->version);
    set_text(L, "tls", curl->ssl_version);
    lua_pushboolean(L, (curl->features & CURL_VERSION_HTTP2) != 0);
    lua_setfield(L, -2, "http2");
    set_text(L, "libuv", uv_version_string());
    set_text(L, "sqlite", sqlite3_libversion());
    set_text(L, "libsodium", sodium_version_string());
    return 1;
}

static void set_limit(lua_State *L, const char *name, int resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        lua_pushinteger(L, (lua_Integer)limit.rlim_cur);
        lua_setfield(L, -2, name);
    }
}

/* limits() → { open_files =, locked_memory = bytes }; a member is missing where there is no limit
 */
static int limits(lua_State *L)
{
    lua_createtable(L, 0, 2);
    set_limit(L, "open_files", RLIMIT_NOFILE);
    set_limit(L, "locked_memory", RLIMIT_MEMLOCK);
    return 1;
}

/* proxy() → "host:port" or nil, the variable that names it; or nil, nil, why it cannot be read */
static int proxy(lua_State *L)
{
    th_error err = {0};
    const char *name = NULL;
    char *shown = NULL;
    int rc = th_proxy_shown(&shown, &err);
    th_proxy_address(&name);
    if (rc != 0) {
        th_error_push(L, &err);
        lua_pushnil(L);
        lua_pushnil(L);
        lua_rotate(L, -3, 2); // nil nil error
        return 3;
    }
    lua_pushstring(L, shown); /* NULL: nil */
    free(shown);
    lua_pushstring(L, name);
    return 2;
}

/* authorities(path?) → the file of certificate authorities, or nil; the variable that names it, or
 * nil. Raises when it is of no use. */
static int authorities(lua_State *L)
{
    th_error err = {0};
    const char *variable = NULL, *path = luaL_optstring(L, 1, NULL);
    const char *source = "ca_file";
    if (!path) {
        path = th_authorities_default(&variable);
        source = variable ? variable : "the system's";
    }
    if (path && th_authorities_check(path, source, &err) != 0)
        return th_error_raise(L, &err);
    lua_pushstring(L, path);
    lua_pushstring(L, variable);
    return 2;
}

void th_open_versions(lua_State *L)
{
    static const luaL_Reg functions[] = {{"versions", versions},
                                         {"limits", limits},
                                         {"proxy", proxy},
                                         {"authorities", authorities},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0); // core
}
