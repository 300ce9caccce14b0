#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "base/secret.h"
#include "call/http_impl.h"
#include "call/page_words.h"
#include "json/json.h"

enum {
    QUOTE_MAX = 300, /* bytes of a server's text in one message */
    DEPTH = 6,       /* that words are looked for in a reply */
    SECRETS_DEPTH = 64,
    OWN_MOST = 32,     /* secrets of which parts are looked for */
    LOOKED_AT = 16384, /* bytes in which they are, before the text is cut */
};

/* --- the server's own words ------------------------------------------------------------------- */

static bool words_of(lua_State *L, int depth, th_buf *out);

static bool words_of_list(lua_State *L, int depth, th_buf *out)
{
    bool any = false;
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        size_t before = out->len;
        if (any)
            th_buf_puts(out, "; ");
        if (words_of(L, depth - 1, out)) {
            any = true;
        } else {
            out->len = before; /* no separator without a word behind it */
            if (out->data)
                out->data[before] = '\0';
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return any;
}

/* Appends what the value on top of the stack says: a text, a number, a list of such, or an object
 * whose members have the names that APIs use. */
static bool words_of(lua_State *L, int depth, th_buf *out)
{
    static const char *const names[] = {"message", "error_description", "detail", "error", "title",
                                        "msg",     "description",       "reason", "errors"};
    if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
        lua_pushvalue(L, -1);
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        th_buf_append(out, text, len);
        lua_pop(L, 1);
        return len > 0;
    }
    if (!lua_istable(L, -1) || depth == 0 || !lua_checkstack(L, 4))
        return false;
    if (th_json_is_array(L, -1))
        return words_of_list(L, depth, out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, -2);
        bool any = words_of(L, depth - 1, out);
        lua_pop(L, 1);
        if (any)
            return true;
    }
    return false;
}

static void read_json(lua_State *L, struct th_http_call *call, th_error *err)
{
    const th_transfer *t = &call->x.transfer;
    th_error parse = {0};
    if (th_json_decode(L, t->reply.data, t->reply.len, &parse) == 0) {
        words_of(L, DEPTH, &call->words);
        if (lua_istable(L, -1)) {
            lua_pushliteral(L, "code");
            lua_rawget(L, -2);
            if (lua_type(L, -1) == LUA_TSTRING || lua_isinteger(L, -1))
                th_error_set_code(err, lua_tostring(L, -1));
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    th_error_close(&parse);
}

/* Fills call->words, "" when the reply says nothing that a person can read in one line. */
static void read_words(lua_State *L, struct th_http_call *call, th_error *err)
{
    const th_buf *reply = &call->x.transfer.reply;
    th_buf_clear(&call->words);
    if (reply->len == 0)
        return;
    const char *text = reply->data;
    size_t blank = strspn(text, " \t\r\n");
    if (call->x.transfer.json || strchr("{[", text[blank])) {
        read_json(L, call, err);
    } else if (th_page_is_markup(text, reply->len)) {
        th_buf_puts(&call->words, "with a page of HTML or XML (a proxy on the way?)");
        th_buf title = {0};
        if (th_page_words(text, reply->len, &title))
            th_buf_printf(&call->words, ": %s", title.data);
        th_buf_close(&title);
    } else {
        th_page_words(text, reply->len, &call->words);
    }
}

/* Where a redirect leads, without a query: it may hold a token. Appended to words. */
static void read_location(struct th_http_call *call)
{
    static const char name[] = "\nlocation:";
    th_buf lines = {0};
    const char *headers = call->x.transfer.reply_headers.data;
    th_buf_printf(&lines, "\n%s", headers ? headers : "");
    const char *at = lines.data ? strcasestr(lines.data, name) : NULL;
    th_buf_clear(&call->words);
    th_buf_puts(&call->words, "a redirect");
    if (at) {
        at += sizeof name - 1;
        at += strspn(at, " \t");
        th_buf_printf(&call->words, " to %.*s", (int)strcspn(at, "?#\n"), at);
    }
    th_buf_puts(&call->words, ", and redirects are not followed");
    th_buf_close(&lines);
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* The secrets of the request, for looking for parts of them. */
struct own {
    const th_secret *secrets[OWN_MOST];
    size_t n;
};

/* Adds every secret that is in the value on top of the stack. */
static void collect(lua_State *L, int depth, struct own *own)
{
    const th_secret *secret = th_secret_test(L, -1);
    if (secret) {
        if (own->n < OWN_MOST)
            own->secrets[own->n++] = secret;
    } else if (lua_istable(L, -1) && depth > 0 && lua_checkstack(L, 6)) {
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            collect(L, depth - 1, own);
            lua_pop(L, 1);
        }
    }
}

/* text may be NULL */
static void mask(lua_State *L, const struct th_http_call *call, char *text)
{
    static const char *const members[] = {"headers", "json", "secrets"};
    struct own own = {0};
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; len > 0 && i < sizeof members / sizeof members[0]; i++) {
        lua_getfield(L, HTTP_REQUEST, members[i]);
        collect(L, SECRETS_DEPTH, &own);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < call->nplain && own.n < OWN_MOST; i++)
        own.secrets[own.n++] = call->plain[i];
    if (len > LOOKED_AT)
        text[len = LOOKED_AT] = '\0';
    th_redact_words(text, len, &(struct th_secret_list){own.secrets, own.n});
}

void th_http_mask(lua_State *L, const struct th_http_call *call, th_error *err)
{
    mask(L, call, err->message);
    mask(L, call, err->code);
}

/* Only after masking: a cut could leave a part of a secret that is not known as one. */
static void cut(th_error *err)
{
    char *text = err->message;
    if (!text || strlen(text) <= QUOTE_MAX)
        return;
    size_t len = QUOTE_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    err->message = NULL;
    th_fail(err, err->kind, "%.*s…", (int)len, text);
    free(text);
}

/* --- the error -------------------------------------------------------------------------------- */

/* "POST https://…: " before the message, and what an ambiguous write means. */
static void frame(const struct th_http_call *call, th_error *err)
{
    char *cause = err->message;
    bool unknown = err->ambiguous && !call->x.repeatable;
    err->message = NULL;
    if (unknown)
        th_fail(err, TH_UNKNOWN_OUTCOME,
                "%s %s: it is not known whether this happened (%s). Look there before sending it "
                "again",
                call->method, call->shown, cause ? cause : "no reply");
    else
        th_fail(err, err->kind, "%s %s: %s", call->method, call->shown, cause ? cause : "failed");
    free(cause);
}

void th_http_explain(lua_State *L, struct th_http_call *call, th_error *err)
{
    const th_transfer *t = &call->x.transfer;
    th_exchange_error(&call->x, err);
    if (t->stream_failed) {
        if (!call->download || th_download_error(call->download, err) == 0)
            th_fail(err, TH_REFUSED, "the file that is sent has become shorter or cannot be read");
        err->status = t->status;
        err->attempts = call->x.attempts;
        err->retryable = false;
        err->ambiguous = true;
    } else if (t->fate == TH_FATE_REPLIED && !call->x.start_error.kind) {
        if (t->status >= 300 && t->status < 400)
            read_location(call);
        else
            read_words(L, call, err);
        mask(L, call, call->words.data); /* before th_fail replaces what no message may contain */
        th_fail(err, err->kind, "HTTP status %d%s%s", t->status, call->words.len ? ": " : "",
                call->words.data ? call->words.data : "");
        cut(err);
    } else if (t->too_large && t->status) {
        bool headers = !t->head_complete && t->code != CURLE_FILESIZE_EXCEEDED;
        th_fail(err, err->kind, "%s",
                headers ? "the headers of the reply are too large"
                        : "the reply is larger than max_bytes allows");
    }
    err->ambiguous &= !call->read;
    err->retryable |= call->read && call->x.outcome == TH_OUTCOME_AMBIGUOUS && !t->stream_failed;
    frame(call, err);
}

void th_http_unusable(const struct th_http_call *call, th_error *err)
{
    err->status = call->x.transfer.status;
    err->attempts = call->x.attempts;
    err->ambiguous = !call->read;
    err->retryable = call->x.repeatable && err->kind == TH_MALFORMED;
    frame(call, err);
}
