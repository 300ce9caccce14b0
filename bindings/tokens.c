/* Where an account's token comes from: the environment or a private file. It goes straight into locked
 * memory. (process.c: from a command such as `pass`.) */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/secret.h"
#include "library.h"
#include "lua/error.h"
#include "private_file.h"

/* Raises unless rc is 0; otherwise pushes the secret and gives up our reference. */
static int finish(lua_State *L, int rc, th_secret *secret, th_error *err)
{
    if (rc != 0) {
        th_error_set_code(err, "configuration");
        return th_error_raise(L, err);
    }
    th_secret_give(L, secret);
    return 1;
}

static int from_buffer(th_buf *text, const char *source, th_secret **out, th_error *err)
{
    while (text->data && text->len > 0 &&
           (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == '\r'))
        text->len--;
    int rc = text->len == 0 ? th_fail(err, TH_INVALID, "the token from %s is empty", source)
                            : th_secret_copy(text->data, text->len, out, err);
    th_buf_close(text);
    return rc;
}

/* token_from_env(name) */
static int from_env(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *value = getenv(name);
    th_error err = {0};
    th_secret *secret = NULL;
    int rc = value && *value
                 ? th_secret_copy(value, strlen(value), &secret, &err)
                 : th_fail(&err, TH_INVALID, "the environment variable %s is not set", name);
    return finish(L, rc, secret, &err);
}

/* token_from_file(path) */
static int from_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    th_error err = {0};
    th_secret *secret = NULL;
    th_buf text = {.sensitive = true};
    int rc = th_private_file_read(path, "token file", TH_SECRET_MAX + 2, &text, &err);
    if (rc == 0)
        rc = from_buffer(&text, path, &secret, &err);
    th_buf_close(&text);
    return finish(L, rc, secret, &err);
}

void th_open_tokens(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"token_from_env", from_env}, {"token_from_file", from_file}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
