#include "provider/read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/suggest.h"
#include "json/json.h"

void *th_reader_alloc(th_reader *r, size_t size)
{
    void *memory = th_arena_alloc(r->arena, size);
    if (!memory)
        luaL_error(r->L, "not enough memory");
    return memory;
}

char *th_reader_copy(th_reader *r, const char *text, size_t len)
{
    char *copy = th_reader_alloc(r, len + 1);
    memcpy(copy, text, len);
    return copy;
}

bool th_reader_is_name(const char *name, bool dots)
{
    if (name[0] < 'a' || name[0] > 'z')
        return false;
    size_t len = strspn(name, dots ? "abcdefghijklmnopqrstuvwxyz0123456789_."
                                   : "abcdefghijklmnopqrstuvwxyz0123456789_");
    return name[len] == '\0' && len <= 64;
}

static bool is_identifier(const char *name)
{
    return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_")] == '\0';
}

static void __attribute__((format(printf, 2, 3))) extend(th_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof r->path - r->path_len;
    int n = vsnprintf(r->path + r->path_len, room, format, args);
    va_end(args);
    if (n > 0)
        r->path_len += (size_t)n < room ? (size_t)n : room - 1;
}

size_t th_reader_enter(th_reader *r, const char *member)
{
    size_t mark = r->path_len;
    if (!is_identifier(member))
        extend(r, "[\"%s\"]", member);
    else
        extend(r, "%s%s", mark > 0 ? "." : "", member);
    return mark;
}

size_t th_reader_enter_item(th_reader *r, size_t index)
{
    size_t mark = r->path_len;
    extend(r, "[%zu]", index);
    return mark;
}

void th_reader_leave(th_reader *r, size_t mark)
{
    r->path_len = mark;
    r->path[mark] = '\0';
}

void th_reader_fault(th_reader *r, const char *member, const char *format, ...)
{
    size_t mark = r->path_len;
    if (member)
        th_reader_enter(r, member);
    char rule[512];
    va_list args;
    va_start(args, format);
    vsnprintf(rule, sizeof rule, format, args);
    va_end(args);
    th_error_fault(r->err, r->path_len > 0 ? r->path : "(description)", "%s", rule);
    r->faults++;
    th_reader_leave(r, mark);
}

void th_reader_unknown(th_reader *r, const char *member, const char *name, const char *what,
                       const char *const *known)
{
    const char *near = th_suggest(name, known);
    if (near)
        th_reader_fault(r, member, "is not a known %s (did you mean \"%s\"?)", what, near);
    else
        th_reader_fault(r, member, "is not a known %s", what);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Collects the string keys; item keys 1 … items are left out, any other key is a fault. */
static const char **collect(th_reader *r, int idx, size_t items, size_t *count)
{
    lua_State *L = r->L;
    size_t n = 0;
    luaL_checkstack(L, 4, NULL);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) // key value
        n++;
    const char **keys = th_reader_alloc(r, (n + 1) * sizeof *keys);
    n = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) { // key value
        if (lua_type(L, -2) == LUA_TSTRING) {
            size_t len;
            const char *key = lua_tolstring(L, -2, &len);
            keys[n++] = th_reader_copy(r, key, len);
        } else if (!lua_isinteger(L, -2)) {
            th_reader_fault(r, NULL, "has a key that is a %s; keys are names",
                            luaL_typename(L, -2));
        } else if ((lua_Unsigned)lua_tointeger(L, -2) - 1u >= items) {
            th_reader_fault(r, NULL, "has an item [%lld] that does not belong here",
                            (long long)lua_tointeger(L, -2));
        }
    }
    qsort(keys, n, sizeof *keys, by_text);
    *count = n;
    return keys;
}

const char *const *th_reader_keys(th_reader *r, int idx, size_t *count)
{
    return collect(r, idx, 0, count);
}

void th_reader_known(th_reader *r, int idx, const char *const *known, size_t items)
{
    size_t n;
    const char **keys = collect(r, idx, items, &n);
    for (size_t i = 0; i < n; i++) {
        const char *const *k = known;
        while (*k && strcmp(*k, keys[i]) != 0)
            k++;
        if (!*k)
            th_reader_unknown(r, keys[i], keys[i], "member", known);
    }
}

static const char *article(int type)
{
    switch (type) {
    case LUA_TSTRING:
        return "text";
    case LUA_TNUMBER:
        return "a number";
    case LUA_TBOOLEAN:
        return "true or false";
    default:
        return "a table";
    }
}

/* Pushes the member, whatever it is; nothing when it is nil. */
static bool push_any(th_reader *r, int idx, const char *member, bool needed)
{
    lua_State *L = r->L;
    luaL_checkstack(L, 4, NULL);
    lua_pushstring(L, member); // key
    lua_rawget(L, idx);        // value
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1); //
    if (needed)
        th_reader_fault(r, member, "is missing");
    return false;
}

bool th_reader_push(th_reader *r, int idx, const char *member, int type, bool needed)
{
    if (!push_any(r, idx, member, needed))
        return false;
    if (lua_type(r->L, -1) == type) // value
        return true;
    th_reader_fault(r, member, "must be %s, not a %s", article(type), luaL_typename(r->L, -1));
    lua_pop(r->L, 1); //
    return false;
}

const char *th_reader_string(th_reader *r, int idx, const char *member, bool needed)
{
    if (!th_reader_push(r, idx, member, LUA_TSTRING, needed))
        return NULL;
    size_t len;
    const char *text = lua_tolstring(r->L, -1, &len); // text
    const char *copy = NULL;
    if (len == 0)
        th_reader_fault(r, member, "must not be empty");
    else if (memchr(text, '\0', len))
        th_reader_fault(r, member, "contains a zero byte");
    else
        copy = th_reader_copy(r, text, len);
    lua_pop(r->L, 1); //
    return copy;
}

bool th_reader_boolean(th_reader *r, int idx, const char *member)
{
    if (!th_reader_push(r, idx, member, LUA_TBOOLEAN, false))
        return false;
    bool value = lua_toboolean(r->L, -1);
    lua_pop(r->L, 1);
    return value;
}

bool th_reader_number(th_reader *r, int idx, const char *member, double *out)
{
    if (!th_reader_push(r, idx, member, LUA_TNUMBER, false))
        return false;
    *out = lua_tonumber(r->L, -1);
    lua_pop(r->L, 1);
    if (*out - *out == 0)
        return true;
    th_reader_fault(r, member, "must be a finite number");
    return false;
}

int th_reader_choice(th_reader *r, int idx, const char *member, const char *const *choices,
                     bool needed)
{
    const char *text = th_reader_string(r, idx, member, needed);
    if (!text)
        return -1;
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], text) == 0)
            return i;
    char list[256] = "";
    size_t len = 0;
    for (int i = 0; choices[i] && len < sizeof list; i++)
        len +=
            (size_t)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "", choices[i]);
    const char *near = th_suggest(text, choices);
    th_reader_fault(r, member, "must be one of: %s%s%s%s", list, near ? " (did you mean \"" : "",
                    near ? near : "", near ? "\"?)" : "");
    return -1;
}

size_t th_reader_length(th_reader *r, int idx)
{
    size_t n = lua_rawlen(r->L, idx), strings;
    collect(r, idx, n, &strings);
    if (strings > 0)
        th_reader_fault(r, NULL, "must be a list, without named members");
    return n;
}

const char *const *th_reader_strings(th_reader *r, int idx, const char *member, bool needed,
                                     size_t *count)
{
    *count = 0;
    if (!th_reader_push(r, idx, member, LUA_TTABLE, needed))
        return NULL;
    lua_State *L = r->L;
    int list = lua_gettop(L); // list
    size_t mark = th_reader_enter(r, member);
    size_t n = th_reader_length(r, list), kept = 0;
    const char **texts = th_reader_alloc(r, (n + 1) * sizeof *texts);
    if (n == 0)
        th_reader_fault(r, NULL, "must not be empty");
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, list, (lua_Integer)i); // list item
        size_t inner = th_reader_enter_item(r, i);
        size_t len = 0;
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
        if (!text || len == 0) {
            th_reader_fault(r, NULL, "must be text that is not empty");
        } else {
            for (size_t k = 0; k < kept; k++) {
                if (strcmp(texts[k], text) == 0) {
                    th_reader_fault(r, NULL, "is there twice");
                    break;
                }
            }
            texts[kept++] = th_reader_copy(r, text, len);
        }
        th_reader_leave(r, inner);
        lua_pop(L, 1); // list
    }
    th_reader_leave(r, mark);
    lua_pop(L, 1); //
    *count = kept;
    return texts;
}

bool th_reader_scalar(th_reader *r, int idx, th_scalar *out)
{
    lua_State *L = r->L;
    switch (lua_type(L, idx)) {
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, idx, &out->len);
        out->text = th_reader_copy(r, text, out->len);
        out->kind = TH_SCALAR_STRING;
        return true;
    }
    case LUA_TNUMBER:
        out->number = lua_tonumber(L, idx);
        out->kind = TH_SCALAR_NUMBER;
        return true;
    case LUA_TBOOLEAN:
        out->boolean = lua_toboolean(L, idx);
        out->kind = TH_SCALAR_BOOLEAN;
        return true;
    default:
        if (!th_json_is_null(L, idx))
            return false;
        out->kind = TH_SCALAR_NULL;
        return true;
    }
}
