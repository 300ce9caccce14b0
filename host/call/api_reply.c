/* What a reply says: the value in its envelope, or the platform's words of refusal. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "call/api_impl.h"
#include "call/page_words.h"
#include "wire/reply_headers.h"
#include "json/json.h"

/* Whether an empty reply is one that the endpoint may give. */
static bool may_be_empty(const th_endpoint *endpoint)
{
    return endpoint->returns_nothing ||
           (endpoint->method != TH_GET && !endpoint->returns && !endpoint->returns_message);
}

int th_reply_push(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                  const th_transfer *transfer, bool *more, th_error *err)
{
    *more = false;
    const th_buf *body = &transfer->reply;
    if (body->len == 0) {
        if (!may_be_empty(endpoint))
            return th_fail(err, TH_MALFORMED, "'%s': the reply is empty", endpoint->name);
        lua_pushboolean(L, 1);
        return 0;
    }
    th_error parse = {0};
    if (th_reply_decode(L, provider, endpoint, body, &parse) != 0) {
        const bool page = th_page_is_markup(body->data, body->len);
        if (endpoint->returns_nothing && !page) { /* whatever it is, nobody looks at it */
            th_error_close(&parse);
            lua_pushboolean(L, 1);
            return 0;
        }
        if (page)
            th_fail(err, TH_MALFORMED,
                    "'%s': the reply is a page of HTML and not JSON (a proxy on the way?)",
                    endpoint->name);
        else
            th_fail(err, TH_MALFORMED, "'%s': the reply is not the JSON that the API promises%s%s",
                    endpoint->name,
                    transfer->json ? ": " : " (its content type is not JSON either): ",
                    parse.message ? parse.message : "");
        th_error_close(&parse);
        return -TH_MALFORMED;
    }
    const int top = lua_gettop(L) - 1;
    if ((endpoint->returns_list || endpoint->method != TH_GET) &&
        th_reply_refusal(L, provider, endpoint, err) != 0) {
        lua_settop(L, top);
        return -TH_MALFORMED;
    }
    if (endpoint->returns_nothing) {
        lua_settop(L, top);
        lua_pushboolean(L, 1);
        return 0;
    }
    if (endpoint->returns_list) {
        *more = th_list_facts(L, -1, endpoint, transfer);
        lua_insert(L, -2); // facts value
    }
    if (endpoint->reply && lua_istable(L, -1)) {
        bool bare = endpoint->reply_optional && th_json_is_array(L, -1);
        if (!bare) {
            lua_getfield(L, -1, endpoint->reply); // value member
            if (!lua_isnil(L, -1))
                lua_remove(L, -2);
            else if (endpoint->reply_optional)
                lua_pop(L, 1);
            /* Otherwise nil stays on top and is refused below. */
        }
    }
    bool fits = lua_istable(L, -1) && (!endpoint->returns_list || th_json_is_array(L, -1));
    if (!fits) {
        lua_settop(L, top);
        return th_fail(err, TH_MALFORMED, "'%s': the reply holds no %s%s%s", endpoint->name,
                       endpoint->returns_list ? "list" : "object", endpoint->reply ? " in " : "",
                       endpoint->reply ? endpoint->reply : "");
    }
    if (endpoint->returns_list)
        lua_insert(L, -2); // value facts
    return 0;
}

/* The first text in a value: a string, a number, or a list of strings or { msg = … } objects.
 * Appends. */
static bool append_text(lua_State *L, int idx, th_buf *out)
{
    idx = lua_absindex(L, idx);
    if (lua_type(L, idx) == LUA_TSTRING || lua_type(L, idx) == LUA_TNUMBER) {
        lua_pushvalue(L, idx);
        th_buf_puts(out, lua_tostring(L, -1));
        lua_pop(L, 1);
        return true;
    }
    if (!lua_istable(L, idx) || !lua_checkstack(L, 4))
        return false;
    bool any = false;
    for (lua_Integer i = 1; lua_rawgeti(L, idx, i) != LUA_TNIL; i++) {
        if (any)
            th_buf_puts(out, "; ");
        if (lua_istable(L, -1)) {
            lua_getfield(L, -1, "msg");
            any |= lua_isstring(L, -1) && append_text(L, -1, out);
            lua_pop(L, 1);
        } else {
            any |= append_text(L, -1, out);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return any;
}

static void explain_faults(lua_State *L, th_error *err)
{
    if (!lua_istable(L, -1))
        return;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        th_buf text = {0};
        if (lua_type(L, -2) == LUA_TSTRING && append_text(L, -1, &text))
            th_error_fault(err, lua_tostring(L, -2), "%s", text.data);
        th_buf_close(&text);
        lua_pop(L, 1);
    }
}

/* The decoded refusal is on top of the stack. */
static void explain_decoded(lua_State *L, const th_provider *provider, th_error *err)
{
    const th_error_paths *paths = th_provider_error_paths(provider);
    th_buf text = {0};
    for (const char *const *at = paths->message; at && *at && !text.len; at++) {
        lua_getfield(L, -1, *at);
        /* Some put a bare number here: the next member may hold words. */
        if (lua_type(L, -1) != LUA_TNUMBER || !at[1])
            append_text(L, -1, &text);
        lua_pop(L, 1);
    }
    if (paths->faults) {
        lua_getfield(L, -1, paths->faults);
        explain_faults(L, err);
        lua_pop(L, 1);
    }
    if (paths->code) {
        lua_getfield(L, -1, paths->code);
        if (lua_isstring(L, -1))
            th_error_set_code(err, luaL_tolstring(L, -1, NULL)), lua_pop(L, 1);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < err->nfaults; i++)
        if (!text.data || !strstr(text.data, err->faults[i].rule))
            th_buf_printf(&text, "%s%s: %s", text.len ? "; " : "", err->faults[i].field,
                          err->faults[i].rule);
    if (text.len)
        th_fail(err, err->kind, "%s", text.data);
    th_buf_close(&text);
}

void th_reply_explain(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                      const th_transfer *transfer, th_error *err)
{
    if (transfer->fate != TH_FATE_REPLIED)
        return;
    enum th_kind kind = th_endpoint_kind(endpoint, transfer->status);
    if (kind != TH_OK)
        err->kind = kind;
    if (transfer->reply.len == 0)
        return;
    th_error parse = {0};
    if (th_json_decode(L, transfer->reply.data, transfer->reply.len, &parse) == 0) {
        if (lua_istable(L, -1))
            explain_decoded(L, provider, err);
        lua_pop(L, 1);
    } else {
        char *plain = err->message;
        th_buf words = {0};
        bool any = th_page_words(transfer->reply.data, transfer->reply.len, &words);
        err->message = NULL;
        th_fail(err, err->kind, "%s, with a page that is not JSON (a proxy on the way?)%s%s",
                plain ? plain : "refused", any ? ": " : "", any ? words.data : "");
        th_buf_close(&words);
        free(plain);
    }
    th_error_close(&parse);
}

void th_reply_quote(lua_State *L, const th_provider *provider, const th_transfer *transfer,
                    th_error *err)
{
    const th_buf *body = &transfer->reply;
    th_error words = {0}, parse = {0};
    th_buf page = {0};
    if (body->len == 0)
        return;
    if (th_json_decode(L, body->data, body->len, &parse) == 0) {
        if (lua_istable(L, -1))
            explain_decoded(L, provider, &words);
        lua_pop(L, 1);
    } else if (!strchr("{[", body->data[strspn(body->data, " \t\r\n")]) &&
               th_page_words(body->data, body->len, &page)) {
        th_fail(&words, TH_MALFORMED, "%s", page.data);
    }
    if (words.message) {
        char *plain = err->message;
        err->message = NULL;
        th_fail(err, err->kind, "%s; the platform says: %s", plain ? plain : "", words.message);
        if (words.code)
            th_error_set_code(err, words.code);
        free(plain);
    }
    th_buf_close(&page);
    th_error_close(&words);
    th_error_close(&parse);
}

struct retry_after {
    const th_provider *provider;
    th_transfer *transfer;
};

/* light userdata: struct retry_after */
static int retry_after_protected(lua_State *L)
{
    struct retry_after *ask = lua_touserdata(L, 1);
    const char *member = th_provider_error_paths(ask->provider)->retry_after;
    th_error err = {0};
    if (member && ask->transfer->reply.len &&
        th_json_decode(L, ask->transfer->reply.data, ask->transfer->reply.len, &err) == 0 &&
        lua_istable(L, -1)) {
        lua_pushstring(L, member);
        lua_rawget(L, -2);
        int type = lua_type(L, -1);
        th_reply_headers_wait(
            &ask->transfer->pace, member, type == LUA_TNUMBER ? lua_tonumber(L, -1) : -1,
            type == LUA_TSTRING ? lua_tostring(L, -1) : NULL, ask->transfer->head_at);
    }
    th_error_close(&err);
    return 0;
}

void th_reply_retry_after(lua_State *L, const th_provider *provider, th_transfer *transfer)
{
    struct retry_after ask = {provider, transfer};
    lua_pushcfunction(L, retry_after_protected);
    lua_pushlightuserdata(L, &ask);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* out of memory: the pacer's own back-off has to do */
}
