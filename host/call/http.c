#include "call/http.h"

#include <lauxlib.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/secret_known.h"
#include "call/headers.h"
#include "call/http_impl.h"
#include "lua/error.h"
#include "wire/url.h"
#include "json/json.h"

/* --- one call as something to wait for -------------------------------------------------------- */

static void http_release(void *ptr)
{
    struct th_http_call *call = ptr;
    th_exchange_close(&call->x);
    th_download_destroy(call->download);
    th_upload_close(&call->upload);
    th_http_client_unref(call->client);
    th_headers_free(call->headers);
    for (size_t i = 0; i < call->nplain; i++)
        th_secret_unref(call->plain[i]);
    th_buf_close(&call->body);
    th_buf_close(&call->words);
    th_error_close(&call->keep_error);
    free(call->method);
    free(call->url);
    free(call->shown);
    free(call);
}

/* A file that is being put on disk belongs to a thread, and is let go of. */
static void http_cancel(void *ptr)
{
    struct th_http_call *call = ptr;
    call->interrupted = true;
    th_exchange_close(&call->x);
    th_download_destroy(call->download);
    call->download = NULL;
}

/* Asking can stop at any time. */
static bool http_interrupt(void *ptr)
{
    struct th_http_call *call = ptr;
    if (!call->read && !th_exchange_unsent(&call->x))
        return false;
    http_cancel(ptr);
    return true;
}

static void http_describe(const void *ptr, th_buf *out)
{
    const struct th_http_call *call = ptr;
    if (call->download && th_download_keeping(call->download))
        th_buf_printf(out, "the disk, for the reply to %s %s", call->method, call->shown);
    else
        th_exchange_describe(&call->x, out);
}

static const struct th_wait_ops http_ops = {.name = "a request",
                                            .cancel = http_cancel,
                                            .release = http_release,
                                            .interrupt = http_interrupt,
                                            .request = true,
                                            .describe = http_describe};

static bool http_waits(th_exchange *x, uint64_t until)
{
    struct th_http_call *call = x->ctx;
    const char *why = "429", *word = x->transfer.pace.word;
    uint64_t held;
    bool begun = call->stop.begun || (x->maybe && !call->read);
    if (until && x->pacer)
        th_pacer_held(x->pacer, &held, &why, &word);
    return th_stop_may_wait(&call->stop, begun, x->limited_since, until, why, word,
                            &x->start_error);
}

static void http_kept(void *ctx)
{
    struct th_http_call *call = ctx;
    th_task_wake(call->runtime->sched, call->waker);
}

static void http_ended(th_exchange *x)
{
    struct th_http_call *call = x->ctx;
    if (call->download && x->outcome == TH_OUTCOME_SUCCESS &&
        th_download_keep(call->download, &call->runtime->loop, x->transfer.taken, http_kept, call,
                         &call->keep_error) == 0)
        return;
    th_task_wake(call->runtime->sched, call->waker);
}

static int http_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct th_http_call *call = th_task_op(L);
    const th_transfer *t = &call->x.transfer;
    th_error err = {0};
    if (!call->read && !call->interrupted && !th_exchange_unsent(&call->x))
        th_task_set_acted(L);
    if (call->interrupted) {
        th_fail(&err, TH_CANCELLED, "the run is stopping: %s %s was broken off", call->method,
                call->shown);
    } else if (t->fate != TH_FATE_REPLIED || !th_http_expected(L, t->status)) {
        th_http_explain(L, call, &err);
    } else if (call->download && call->x.outcome == TH_OUTCOME_SUCCESS &&
               (th_download_error(call->download, &err) != 0 || call->keep_error.kind)) {
        if (call->keep_error.kind)
            th_error_move(&err, &call->keep_error);
        th_http_unusable(call, &err);
    } else if (th_http_push_reply(L, call, &err) == 0) {
        th_task_release(L);
        return 1;
    } else {
        th_http_unusable(call, &err);
    }
    th_http_mask(L, call, &err);
    th_task_release(L);
    return th_error_raise(L, &err);
}

/* --- building one ----------------------------------------------------------------------------- */

static int no_memory(lua_State *L)
{
    return luaL_error(L, "not enough memory");
}

/* A script may write a token as plain text. Where the header's name says that it is one, it becomes
 * a secret for as long as the request lasts: with a scheme before it ("Bearer …"), what comes after. */
static void note_plain(struct th_http_call *call, const char *name, const char *value)
{
    static const char *const names[] = {"auth", "token", "key", "secret", "password", "cookie"};
    bool telling = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        telling |= strcasestr(name, names[i]) != NULL;
    const char *blank = strrchr(value, ' ');
    const char *secret = blank && !strchr(value, ';') ? blank + 1 : value;
    th_error err = {0};
    if (strcasecmp(name, "Idempotency-Key") == 0)
        telling = false; /* what the owner of the API asks for when something went wrong */
    if (telling && strlen(secret) >= TH_SECRET_KNOWN_LEAST &&
        call->nplain < sizeof call->plain / sizeof call->plain[0] &&
        th_secret_copy(secret, strlen(secret), &call->plain[call->nplain], &err) == 0)
        call->nplain++;
    th_error_close(&err);
}

/* The secrets that scripts put here (a bearer token for a webhook) stay out of Lua strings. */
static void add_header(lua_State *L, struct th_http_call *call, int name_idx, int value_idx)
{
    const char *name = luaL_checkstring(L, name_idx);
    const th_secret *secret = th_secret_test(L, value_idx);
    size_t len;
    const char *value =
        secret ? th_secret_bytes(secret, &len) : luaL_checklstring(L, value_idx, &len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < ' ' && value[i] != '\t')
            luaL_error(L, "the header '%s' contains a line break or another control character",
                       name);
    th_buf line = {.sensitive = true};
    /* libcurl's way of saying that a header is there and empty. */
    int rc = th_buf_printf(&line, len ? "%s: " : "%s;", name) || th_buf_append(&line, value, len);
    struct curl_slist *longer = rc == 0 ? curl_slist_append(call->headers, line.data) : NULL;
    th_buf_close(&line);
    if (!longer)
        no_memory(L);
    call->headers = longer;
    if (!secret)
        note_plain(call, name, value);
}

static void read_headers(lua_State *L, struct th_http_call *call)
{
    lua_getfield(L, HTTP_REQUEST, "headers"); // list
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i < n; i += 2) {
        lua_rawgeti(L, -1, i);
        lua_rawgeti(L, -2, i + 1); // list name value
        add_header(L, call, -2, -1);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static struct th_http_call *call_of(const th_transfer *transfer)
{
    const th_exchange *x = transfer->ctx;
    return x->ctx;
}

static size_t give(th_transfer *transfer, uint64_t offset, char *buffer, size_t room)
{
    return th_upload_read(&call_of(transfer)->upload, offset, buffer, room);
}

static int read_upload(lua_State *L, struct th_http_call *call, th_error *err)
{
    th_transfer *t = &call->x.transfer;
    int rc = th_upload_open(&call->upload, lua_tostring(L, -1), err);
    if (rc != 0)
        return rc;
    t->body = "";
    t->body_len = (size_t)call->upload.size;
    t->give = call->upload.size ? give : NULL;
    return 0;
}

static int read_body(lua_State *L, struct th_http_call *call, th_error *err)
{
    int top = lua_gettop(L), rc = 0;
    call->body.sensitive = true;
    if (lua_getfield(L, HTTP_REQUEST, "from") != LUA_TNIL) {
        rc = read_upload(L, call, err);
        lua_settop(L, top);
        return rc;
    }
    if (lua_getfield(L, HTTP_REQUEST, "json") != LUA_TNIL) {
        rc = th_json_encode(L, -1, TH_JSON_SECRETS, &call->body, err);
    } else if (lua_getfield(L, HTTP_REQUEST, "body") != LUA_TNIL) {
        size_t len;
        const char *text = luaL_checklstring(L, -1, &len);
        if (th_buf_append(&call->body, text, len) != 0)
            no_memory(L);
    } else {
        lua_settop(L, top);
        return 0;
    }
    lua_settop(L, top);
    call->x.transfer.body = call->body.data ? call->body.data : "";
    call->x.transfer.body_len = call->body.len;
    return rc;
}

static bool take(th_transfer *transfer, uint64_t offset, const char *data, size_t len)
{
    return th_download_write(call_of(transfer)->download, offset, data, len);
}

static int read_target(lua_State *L, struct th_http_call *call, th_error *err)
{
    int rc = 0;
    if (lua_getfield(L, HTTP_REQUEST, "to") != LUA_TNIL) {
        rc = th_download_create(lua_tostring(L, -1), &call->download, err);
        call->x.transfer.take = take;
    }
    lua_pop(L, 1);
    return rc;
}

/* The bits of the kinds in the list `once`. */
static unsigned read_once(lua_State *L)
{
    unsigned bits = 0;
    if (lua_getfield(L, HTTP_REQUEST, "once") == LUA_TTABLE) {
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
            for (unsigned kind = TH_INVALID; kind <= TH_UNKNOWN_OUTCOME; kind++)
                if (strcmp(th_kind_name(kind), lua_tostring(L, -1)) == 0)
                    bits |= 1u << kind;
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return bits;
}

static lua_Number read_number(lua_State *L, const char *name)
{
    lua_getfield(L, HTTP_REQUEST, name);
    lua_Number number = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return number;
}

static bool read_flag(lua_State *L, const char *name)
{
    lua_getfield(L, HTTP_REQUEST, name);
    bool flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static char *read_text(lua_State *L, const char *name)
{
    lua_getfield(L, HTTP_REQUEST, name);
    char *text = strdup(luaL_checkstring(L, -1));
    if (!text)
        no_memory(L);
    lua_pop(L, 1);
    return text;
}

/* Everything that can be wrong is found here, before anything is sent. */
static int build(lua_State *L, struct th_http_call *call, th_error *err)
{
    th_exchange *x = &call->x;
    call->method = read_text(L, "method");
    call->url = read_text(L, "url");
    call->shown = read_text(L, "shown");
    bool get = strcmp(call->method, "GET") == 0;
    call->read = get || strcmp(call->method, "HEAD") == 0 || strcmp(call->method, "OPTIONS") == 0;
    if (call->runtime->options.dry_run && !get)
        return th_fail(err, TH_INVALID, "dry run: %s %s was not sent", call->method, call->shown);
    int rc = call->client ? 0 : th_url_check(call->url, err);
    if (rc == 0)
        rc = read_body(L, call, err);
    if (rc == 0)
        rc = read_target(L, call, err);
    if (rc != 0)
        return rc;
    read_headers(L, call);
    x->repeatable = call->read || read_flag(L, "repeatable");
    x->most = (unsigned)read_number(L, "times");
    x->tries = x->most;
    x->once = read_once(L);
    x->transfer.timeout_ms = (long)(read_number(L, "timeout") * 1000);
    x->transfer.only_stalls = read_flag(L, "stalls");
    x->transfer.max_reply = (uint64_t)read_number(L, "max_bytes");
    return 0;
}

int th_http_send(lua_State *L)
{
    static const struct th_pace_reply none = {0, -1, -1, -1, -1};
    luaL_checktype(L, HTTP_REQUEST, LUA_TTABLE);
    lua_settop(L, HTTP_REQUEST);
    th_runtime *runtime = th_runtime_of(L);
    th_http_client *client =
        lua_isnil(L, HTTP_CLIENT) ? NULL : th_http_client_check(L, HTTP_CLIENT);
    th_task_may_wait(L, "send a request");
    th_task_admit(L, "send a request");
    struct th_stop_request stop = {0};
    th_error err = {0};
    th_stop_note(L, &stop);
    th_client *engine = client ? client->client : th_http_client_shared(L, runtime);
    struct th_http_call *call = calloc(1, sizeof *call);
    if (!call)
        return no_memory(L);
    call->runtime = runtime;
    call->upload.fd = -1;
    if (client)
        call->client = th_http_client_ref(client);
    th_task_attach(L, &http_ops, call);
    call->stop = stop;
    call->stop.told = client ? &client->told_until : &call->told_until;
    if (build(L, call, &err) != 0) {
        th_http_mask(L, call, &err);
        th_task_release(L);
        return th_error_raise(L, &err);
    }
    if (!th_stop_may_begin(&stop, !call->read, &err)) {
        th_task_release(L);
        return th_error_raise(L, &err);
    }
    call->x.client = engine;
    call->x.pacer = client ? client->pacer : NULL;
    call->x.timers = runtime->timers;
    call->x.shown = call->shown;
    call->x.transfer.method = call->method;
    call->x.transfer.url = call->url;
    call->x.transfer.headers = call->headers;
    call->x.transfer.keep_headers = true;
    call->x.transfer.pace = none;
    call->x.waits = http_waits;
    call->x.done = http_ended;
    call->x.ctx = call;
    call->waker = th_task_waker(L);
    th_exchange_start(&call->x);
    return th_task_park(L, 0, http_done);
}
