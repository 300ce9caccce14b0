#include "http.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "error_lua.h"
#include "exchange.h"
#include "json.h"
#include "runtime.h"

enum { CONCURRENCY = 64 }; /* sizes the connection cache */

struct http_call {
    th_runtime *runtime;
    th_waker waker;
    struct curl_slist *headers;
    th_buf body;
    char *method, *url;
    bool interrupted, head;
    th_exchange x;
};

static void http_release(void *ptr)
{
    struct http_call *call = ptr;
    th_exchange_close(&call->x);
    curl_slist_free_all(call->headers);
    th_buf_close(&call->body);
    free(call->method);
    free(call->url);
    free(call);
}

static void http_cancel(void *ptr)
{
    struct http_call *call = ptr;
    call->interrupted = true;
    th_exchange_close(&call->x);
}

static bool http_interrupt(void *ptr)
{
    struct http_call *call = ptr;
    if (!th_exchange_unsent(&call->x))
        return false;
    http_cancel(ptr);
    return true;
}

static void http_describe(const void *ptr, th_buf *out)
{
    th_exchange_describe(&((const struct http_call *)ptr)->x, out);
}

static const struct th_wait_ops http_ops = {.name = "a request",
                                            .cancel = http_cancel,
                                            .release = http_release,
                                            .interrupt = http_interrupt,
                                            .describe = http_describe};

static void http_ended(th_exchange *x)
{
    struct http_call *call = x->ctx;
    th_task_wake(call->runtime->sched, call->waker);
}

/* "Name: value\r\n" lines → a table with lower-case names; repeated ones are joined as HTTP says.
 */
static void push_headers(lua_State *L, const th_buf *lines)
{
    lua_newtable(L);
    const char *at = lines->data, *end = lines->data + lines->len;
    while (at && at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        if (!eol)
            eol = end;
        const char *stop = eol;
        while (stop > at && isspace((unsigned char)stop[-1]))
            stop--;
        const char *colon = memchr(at, ':', (size_t)(stop - at));
        if (colon) {
            luaL_Buffer b;
            luaL_buffinit(L, &b);
            for (const char *c = at; c < colon; c++)
                luaL_addchar(&b, (char)tolower((unsigned char)*c));
            luaL_pushresult(&b); // headers name
            const char *value = colon + 1;
            while (value < stop && isspace((unsigned char)*value))
                value++;
            lua_pushvalue(L, -1);
            if (lua_rawget(L, -3) == LUA_TSTRING)
                lua_pushliteral(L, ", ");
            else
                lua_pop(L, 1), lua_pushliteral(L, ""), lua_pushliteral(L, "");
            lua_pushlstring(L, value, (size_t)(stop - value));
            lua_concat(L, 3);
            lua_rawset(L, -3);
        }
        at = eol < end ? eol + 1 : end;
    }
}

static int http_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct http_call *call = th_task_op(L);
    th_error err = {0};
    if (call->interrupted) {
        th_fail(&err, TH_CANCELLED, "the run is stopping; this request was not sent");
    } else if (call->x.transfer.fate != TH_FATE_REPLIED) {
        th_exchange_error(&call->x, &err);
        if (call->x.outcome == TH_OUTCOME_AMBIGUOUS && !call->x.repeatable)
            err.kind = TH_UNKNOWN_OUTCOME;
    } else {
        const th_transfer *t = &call->x.transfer;
        lua_createtable(L, 0, 4);
        lua_pushinteger(L, t->status);
        lua_setfield(L, -2, "status");
        push_headers(L, &t->reply_headers);
        lua_setfield(L, -2, "headers");
        lua_pushlstring(L, t->reply.data ? t->reply.data : "", t->reply.len);
        lua_setfield(L, -2, "body");
        th_error parse = {0};
        if (t->json && t->reply.len && th_json_decode(L, t->reply.data, t->reply.len, &parse) == 0)
            lua_setfield(L, -2, "json");
        th_error_close(&parse);
        th_task_release(L);
        return 1;
    }
    th_task_release(L);
    return th_error_raise(L, &err);
}

static void add_header(lua_State *L, struct http_call *call, const char *name, const char *value)
{
    if (strpbrk(name, ":\r\n ") || strpbrk(value, "\r\n"))
        luaL_error(L, "header '%s' contains a character that a header cannot have", name);
    th_buf line = {.sensitive = true};
    th_buf_printf(&line, "%s: %s", name, value);
    struct curl_slist *longer = line.data ? curl_slist_append(call->headers, line.data) : NULL;
    th_buf_close(&line);
    if (!longer)
        luaL_error(L, "not enough memory");
    call->headers = longer;
}

/* The secrets that scripts may put here (a bearer token for a webhook) stay out of Lua strings. */
static void read_headers(lua_State *L, struct http_call *call)
{
    if (lua_getfield(L, 1, "headers") == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
                luaL_error(L, "headers must be a table of name = text");
            add_header(L, call, lua_tostring(L, -2), lua_tostring(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static void read_body(lua_State *L, struct http_call *call)
{
    if (lua_getfield(L, 1, "json") != LUA_TNIL) {
        th_error err = {0};
        call->body.sensitive = true;
        if (th_json_encode(L, -1, TH_JSON_SECRETS, &call->body, &err) != 0)
            th_error_raise(L, &err);
        add_header(L, call, "Content-Type", "application/json");
    } else if (lua_getfield(L, 1, "body") != LUA_TNIL) {
        size_t len;
        const char *text = luaL_checklstring(L, -1, &len);
        if (th_buf_append(&call->body, text, len) != 0)
            luaL_error(L, "not enough memory");
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
        return;
    }
    lua_pop(L, 1);
    call->x.transfer.body = call->body.data ? call->body.data : "";
    call->x.transfer.body_len = call->body.len;
}

static th_client *web_client(lua_State *L, th_runtime *runtime)
{
    if (!runtime->web) {
        th_error err = {0};
        th_client_options options = {.concurrency = CONCURRENCY};
        if (th_client_create(&runtime->loop, &options, &runtime->web, &err) != 0)
            th_error_raise(L, &err);
    }
    return runtime->web;
}

int th_http_request(lua_State *L)
{
    static const char *const repeatable[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    th_runtime *runtime = th_runtime_of(L);
    th_task_may_wait(L, "send a request");
    th_runtime_admit(L, "send a request");
    th_client *client = web_client(L, runtime);
    struct http_call *call = calloc(1, sizeof *call);
    if (!call)
        return luaL_error(L, "not enough memory");
    call->runtime = runtime;
    th_task_attach(L, &http_ops, call);

    lua_getfield(L, 1, "method");
    call->method = strdup(luaL_optstring(L, -1, "GET"));
    lua_getfield(L, 1, "url");
    const char *url = lua_tostring(L, -1);
    if (!url)
        return luaL_error(L, "http.request needs a url");
    call->url = strdup(url);
    if (!call->method || !call->url)
        return luaL_error(L, "not enough memory");
    for (char *c = call->method; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    th_error err = {0};
    bool read = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0 ||
                strcmp(call->method, "OPTIONS") == 0;
    if (runtime->options.dry_run && !read)
        th_fail(&err, TH_INVALID, "dry run: %s %s was not sent", call->method, url);
    if (err.kind || th_url_check(url, &err) != 0)
        return th_error_raise(L, &err);
    read_headers(L, call);
    read_body(L, call);
    for (const char *const *at = repeatable; *at; at++)
        call->x.repeatable |= strcmp(*at, call->method) == 0;
    if (lua_getfield(L, 1, "resend") != LUA_TNIL)
        call->x.repeatable = lua_toboolean(L, -1);
    if (lua_getfield(L, 1, "timeout") != LUA_TNIL)
        call->x.transfer.timeout_ms = (long)(luaL_checknumber(L, -1) * 1000);
    lua_settop(L, 1);
    call->x.client = client;
    call->x.timers = runtime->timers;
    call->x.transfer.method = call->method;
    call->x.transfer.url = call->url;
    call->x.transfer.headers = call->headers;
    call->x.transfer.keep_headers = true;
    call->x.done = http_ended;
    call->x.ctx = call;
    call->waker = th_task_waker(L);
    th_exchange_start(&call->x);
    return th_task_park(L, 0, http_done);
}
