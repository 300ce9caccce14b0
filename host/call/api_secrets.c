/* The secrets of a call: found in its body, followed to their rows in the ledger, kept out of
 * words. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "base/secret_known.h"
#include "call/api_impl.h"
#include "json/json.h"

enum {
    QUOTE_MAX = 300,   /* bytes of a platform's text in one message */
    LOOKED_AT = 16384, /* … in which secrets are looked for before it is cut */
};

/* Registry: a table with weak keys, secret userdata → { "account\0trunk\0field" → row }. Sending
 * the same secret to the same field again needs no new row. */
static const char rows_key = 0;

void th_call_secrets_open(lua_State *L)
{
    lua_newtable(L); // rows
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rows_key);
}

static void push_row_name(lua_State *L, const char *account, const char *trunk, const char *field)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    luaL_addlstring(&b, account, strlen(account) + 1);
    luaL_addlstring(&b, trunk, strlen(trunk) + 1);
    luaL_addstring(&b, field);
    luaL_pushresult(&b);
}

int64_t th_secret_row(lua_State *L, int idx, const char *account, const char *trunk,
                      const char *field)
{
    int top = lua_gettop(L);
    int64_t row = 0;
    idx = lua_absindex(L, idx);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rows_key);
    lua_pushvalue(L, idx);
    if (lua_rawget(L, -2) == LUA_TTABLE) {
        push_row_name(L, account, trunk, field);
        lua_rawget(L, -2);
        row = lua_tointeger(L, -1);
    }
    lua_settop(L, top);
    return row;
}

static void keep_row(lua_State *L, int idx, const char *account, const char *trunk,
                     const char *field, int64_t row)
{
    int top = lua_gettop(L);
    idx = lua_absindex(L, idx);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rows_key); // rows
    lua_pushvalue(L, idx);
    if (lua_rawget(L, -2) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, idx);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4); // rows names
    }
    push_row_name(L, account, trunk, field);
    lua_pushinteger(L, row);
    lua_rawset(L, -3);
    lua_settop(L, top);
}

int th_call_take_secrets(lua_State *L, struct th_call *call, th_error *err)
{
    lua_pushnil(L);
    while (lua_next(L, AT_BODY)) { // key value
        const th_field *field = th_object_field(call->endpoint->body, lua_tostring(L, -2));
        if (field && field->secret && !th_json_is_null(L, -1)) {
            if (call->nsecrets == TH_CALL_SECRETS) {
                lua_pop(L, 2);
                return th_fail(err, TH_INVALID, "more than %d secrets in one request",
                               (int)TH_CALL_SECRETS);
            }
            if (!call->secrets &&
                !(call->secrets = calloc(TH_CALL_SECRETS, sizeof *call->secrets))) {
                lua_pop(L, 2);
                return th_fail(err, TH_INVALID, "not enough memory");
            }
            struct th_secret_use *use = &call->secrets[call->nsecrets];
            th_secret *secret = th_secret_test(L, -1);
            use->field = field->name;
            if (secret) {
                use->secret = th_secret_ref(secret);
                call->nsecrets++;
            } else {
                size_t len;
                const char *text = lua_tolstring(L, -1, &len);
                int rc = th_secret_copy(text, len, &use->secret, err);
                if (rc != 0) {
                    lua_pop(L, 2);
                    return rc;
                }
                call->nsecrets++;
                lua_pushvalue(L, -2);
                th_secret_push(L, use->secret);
                lua_rawset(L, AT_BODY); /* an existing key: safe while iterating */
            }
        }
        lua_pop(L, 1);
    }
    return 0;
}

void th_call_find_rows(lua_State *L, struct th_call *call)
{
    for (unsigned i = 0; call->trunk[0] && i < call->nsecrets; i++) {
        struct th_secret_use *use = &call->secrets[i];
        lua_getfield(L, AT_BODY, use->field);
        use->row = th_secret_row(L, -1, call->account->name, call->trunk, use->field);
        lua_pop(L, 1);
    }
}

/* A create that has not answered has no trunk yet, and the next one with the same secret is another
 * trunk's. */
void th_call_keep_rows(lua_State *L, const struct th_call *call, const char *trunk)
{
    for (unsigned i = 0; trunk[0] && i < call->nsecrets; i++) {
        const struct th_secret_use *use = &call->secrets[i];
        if (use->known || use->row == 0)
            continue;
        lua_getfield(L, AT_BODY, use->field);
        keep_row(L, -1, call->account->name, trunk, use->field, use->row);
        lua_pop(L, 1);
    }
}

void th_call_push_receipt(lua_State *L, const struct th_call *call)
{
    lua_createtable(L, 0, (int)call->nsecrets);
    for (unsigned i = 0; i < call->nsecrets; i++) {
        lua_pushinteger(L, call->secrets[i].row);
        lua_setfield(L, -2, call->secrets[i].field);
    }
}

/* A text without end is not looked through: what is shown of it is cut anyway. */
static void scrub(char *text, const struct th_secret_list *own)
{
    size_t len = text ? strlen(text) : 0;
    if (len > LOOKED_AT)
        text[len = LOOKED_AT] = '\0';
    th_redact_words(text, len, own);
}

/* A token that is an ordinary word ("sandbox") would take that word from the platform's answers. */
static const th_secret *known_token(const struct th_call *call)
{
    const th_secret *token = call->account ? call->account->token : NULL;
    return token && token->known ? token : NULL;
}

void th_call_scrub(const struct th_call *call, th_error *err)
{
    const th_secret *secrets[TH_CALL_SECRETS + 1] = {known_token(call)};
    const struct th_secret_list own = {secrets, call->nsecrets + 1};
    for (unsigned i = 0; i < call->nsecrets; i++)
        secrets[i + 1] = call->secrets[i].secret;
    scrub(err->message, &own);
    scrub(err->code, &own);
    for (size_t i = 0; i < err->nfaults; i++)
        scrub(err->faults[i].rule, &own);
}

void th_call_quote(const struct th_call *call, th_error *err)
{
    th_call_scrub(call, err);
    if (!err->message || strlen(err->message) <= QUOTE_MAX)
        return;
    char *whole = err->message;
    size_t cut = QUOTE_MAX;
    while (cut > 0 && ((unsigned char)whole[cut] & 0xc0) == 0x80)
        cut--;
    err->message = NULL;
    th_fail(err, err->kind, "%.*s…", (int)cut, whole);
    free(whole);
}

void th_call_drop_secrets(struct th_call *call)
{
    for (unsigned i = 0; i < call->nsecrets; i++)
        th_secret_unref(call->secrets[i].secret);
    call->nsecrets = 0;
    free(call->secrets);
    call->secrets = NULL;
}
