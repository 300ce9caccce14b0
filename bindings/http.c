/* trunkhost.http: from checked options to a client, and what is made of its credentials. */
#include "call/http.h"

#include <lauxlib.h>
#include <sodium.h>
#include <string.h>

#include "base/secret.h"
#include "call/headers.h"
#include "call/http_client.h"
#include "library.h"
#include "lua/error.h"

/* http_client { base_url, rate?, concurrency?, ca_file?, timeout?, http?, plain? } → userdata. The
 * values have been checked (bindings/trunkhost/http/options.lua). */
static int http_client(lua_State *L)
{
    th_window windows[TH_WINDOWS_MAX];
    th_http_client_options options = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "base_url"); // 2
    options.base_url = luaL_checkstring(L, 2);
    th_read_connection(L, 1, windows, &options.connection);
    lua_getfield(L, 1, "plain"); // 3
    options.connection.transfer.plain_anywhere = lua_toboolean(L, 3);
    th_http_client **client = th_http_client_push(L); // 4
    th_error err = {0};
    if (th_http_client_create(th_runtime_of(L), &options, client, &err) != 0)
        return th_error_raise(L, &err);
    return 1;
}

/* client:pace(): as account:pace() */
static int client_pace(lua_State *L)
{
    th_pace_push(L, th_http_client_check(L, 1)->pacer);
    return 1;
}

/* Pushes the buffer's text as a secret, and closes the buffer. */
static int push_secret(lua_State *L, int rc, th_buf *text)
{
    th_secret *secret = NULL;
    th_error err = {0};
    rc = rc ? th_fail(&err, TH_INVALID, "not enough memory")
            : th_secret_copy(text->data, text->len, &secret, &err);
    th_buf_close(text);
    if (rc != 0)
        return th_error_raise(L, &err);
    th_secret_give(L, secret);
    return 1;
}

static const th_secret *check_secret(lua_State *L, int arg)
{
    const th_secret *secret = th_secret_test(L, arg);
    luaL_argexpected(L, secret, arg, "secret");
    return secret;
}

/* http_bearer(secret) → the header's value, a secret */
static int http_bearer(lua_State *L)
{
    const th_secret *secret = check_secret(L, 1);
    th_error err = {0};
    if (th_token_check(secret, "http.client", &err) != 0)
        return th_error_raise(L, &err);
    size_t len;
    const char *token = th_secret_bytes(secret, &len);
    th_buf text = {.sensitive = true};
    int rc = th_buf_puts(&text, "Bearer ") || th_buf_append(&text, token, len);
    return push_secret(L, rc, &text);
}

/* http_basic(user, secret) → the header's value, a secret */
static int http_basic(lua_State *L)
{
    enum { VARIANT = sodium_base64_VARIANT_ORIGINAL };
    size_t user_len, len;
    const char *user = luaL_checklstring(L, 1, &user_len);
    const char *password = th_secret_bytes(check_secret(L, 2), &len);
    luaL_argcheck(L, !memchr(user, ':', user_len), 1, "a user name cannot contain a colon");
    th_buf pair = {.sensitive = true}, text = {.sensitive = true};
    int rc = th_buf_append(&pair, user, user_len) || th_buf_putc(&pair, ':') ||
             th_buf_append(&pair, password, len) || th_buf_puts(&text, "Basic ");
    size_t room = sodium_base64_ENCODED_LEN(pair.len, VARIANT);
    if (rc == 0 && (rc = th_buf_reserve(&text, room)) == 0) {
        sodium_bin2base64(text.data + text.len, room, (const unsigned char *)pair.data, pair.len,
                          VARIANT);
        text.len += room - 1; /* without the NUL */
    }
    th_buf_close(&pair);
    return push_secret(L, rc, &text);
}

void th_open_http(lua_State *L)
{
    static const luaL_Reg functions[] = {{"http_client", http_client},
                                         {"http_send", th_http_send},
                                         {"http_bearer", http_bearer},
                                         {"http_basic", http_basic},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0); // core
    th_http_client_open(L);         // core methods
    lua_pushcfunction(L, client_pace);
    lua_setfield(L, -2, "pace");
    lua_pop(L, 1);
}
