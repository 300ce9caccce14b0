/* Where an account's token comes from: the environment, a private file, or a command such as
 * `pass`. In every case it goes straight into locked memory. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "error_lua.h"
#include "library.h"
#include "private_file.h"
#include "secret.h"

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

static int run_command(char *const argv[], th_buf *text, th_error *err)
{
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return th_fail(err, TH_INVALID, "cannot run %s: %s", argv[0], strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    /* We ignore SIGPIPE; a command that prints into a closed pipe must die of it as usual. */
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        return th_fail(err, TH_INVALID, "cannot run %s for the token: %s", argv[0], strerror(rc));
    }
    int status = 0;
    bool complete = th_private_read_all(ends[0], TH_SECRET_MAX + 2, text) == 0;
    close(ends[0]);
    if (!complete)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!complete)
        return th_fail(err, TH_INVALID, "%s printed too much for a token", argv[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return th_fail(err, TH_INVALID, "%s, which should print the token, failed (status %d)",
                       argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

/* token_from_command { "pass", "show", … }: no shell; its first line is the token */
static int from_command(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int n = (int)luaL_len(L, 1);
    luaL_argcheck(L, n > 0, 1, "the command is empty");
    const char **argv = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *argv, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);
        argv[i] = luaL_checkstring(L, -1); /* the table keeps it alive */
        lua_pop(L, 1);
    }
    argv[n] = NULL;
    th_error err = {0};
    th_secret *secret = NULL;
    th_buf text = {.sensitive = true};
    int rc = run_command((char *const *)(uintptr_t)argv, &text, &err);
    if (rc == 0) {
        const char *eol = text.data ? memchr(text.data, '\n', text.len) : NULL;
        if (eol)
            text.len = (size_t)(eol - text.data);
        rc = from_buffer(&text, argv[0], &secret, &err);
    }
    th_buf_close(&text);
    return finish(L, rc, secret, &err);
}

void th_open_tokens(lua_State *L)
{
    static const luaL_Reg functions[] = {{"token_from_env", from_env},
                                         {"token_from_file", from_file},
                                         {"token_from_command", from_command},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
