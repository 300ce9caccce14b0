#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "provider/validate_impl.h"
#include "json/json.h"

enum { QUOTED = 60 }; /* bytes of a wrong value that a fault shows */

/* Characters of the text, or -1 when it is not UTF-8. */
static long count_characters(const char *text, size_t len)
{
    if (th_utf8_span(text, len) != len)
        return -1;
    long n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

static bool has_controls(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return true;
    return false;
}

static const char *plural(double n)
{
    return n == 1 ? "" : "s";
}

static void check_choices(th_check *c, const th_place *place, const th_field *field,
                          const char *text)
{
    char list[512];
    size_t len = 0;
    for (const char *const *choice = field->choices; *choice; choice++) {
        if (strcmp(*choice, text) == 0)
            return;
        if (len < sizeof list)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s\"%s\"", len > 0 ? ", " : "",
                                    *choice);
    }
    const char *near = th_suggest(text, field->choices);
    th_check_fault(c, place, "must be one of %s%s%s%s", list, near ? " (did you mean \"" : "",
                   near ? near : "", near ? "\"?)" : "");
}

/* Only lengths: nothing of a secret may get into a message, not even how long it is. */
static void check_secret(th_check *c, const th_place *place, const th_field *field,
                         const char *text, size_t len)
{
    long characters = count_characters(text, len);
    if (len == 0)
        th_check_danger(c, place, "is empty");
    else if (characters < 0)
        th_check_fault(c, place, "is not valid UTF-8");
    else if (has_controls(text, len))
        th_check_fault(c, place, "contains a control character (a line end from a file?)");
    else if (field->has_max && (double)characters > field->max)
        th_check_fault(c, place, "accepts at most %g characters", field->max);
    else if (field->has_min && (double)characters < field->min) {
        char what[96];
        snprintf(what, sizeof what, "needs at least %g character%s", field->min,
                 plural(field->min));
        th_check_danger(c, place, what);
    }
}

static void check_format(th_check *c, const th_place *place, enum th_format format, bool admits,
                         const char *text, size_t len)
{
    if (memchr(text, '\0', len)) {
        th_check_fault(c, place, "contains a zero byte");
        return;
    }
    const char *why = th_format_fault(format, text);
    if (why) {
        th_check_fault(c, place, "%s: \"%.*s\"", why, QUOTED, text);
        return;
    }
    why = admits ? th_admits_everyone(text) : NULL;
    if (why)
        th_check_danger(c, place, why);
}

static void check_text(th_check *c, const th_place *place, const th_field *field, const char *text,
                       size_t len, bool update)
{
    if (field->clears && update && strcmp(field->clears, text) == 0 && strlen(text) == len) {
        th_check_danger(c, place, "would be cleared on the platform");
        return; /* what clears a field need not fit its rules */
    }
    if (field->off && strcmp(field->off, text) == 0 &&
        th_check_danger(c, place, "would switch authentication off"))
        return;
    long characters = count_characters(text, len);
    if (characters < 0)
        th_check_fault(c, place, "is not valid UTF-8");
    else if (field->has_min && (double)characters < field->min)
        th_check_fault(c, place, "needs at least %g character%s", field->min, plural(field->min));
    else if (field->has_max && (double)characters > field->max)
        th_check_fault(c, place, "accepts at most %g characters and has %ld", field->max,
                       characters);
    else if (field->choices)
        check_choices(c, place, field, text);
    else if (field->format != TH_FORMAT_NONE || field->admits)
        check_format(c, place, field->format, field->admits, text, len);
}

static void check_number(th_check *c, const th_place *place, const th_field *field, int idx)
{
    double number = lua_tonumber(c->L, idx);
    /* A float counts as whole up to 2^53; beyond, its last digits are invented. */
    bool whole =
        lua_isinteger(c->L, idx) || (number == floor(number) && fabs(number) <= 9007199254740992.0);
    if (field->type == TH_INTEGER && !whole)
        th_check_fault(c, place, "must be a whole number");
    else if (!isfinite(number))
        th_check_fault(c, place, "must be a finite number");
    else if (field->has_min && number < field->min)
        th_check_fault(c, place, "must be at least %.15g", field->min);
    else if (field->has_max && number > field->max)
        th_check_fault(c, place, "must be at most %.15g", field->max);
}

static const char *const expected[] = {
    [TH_STRING] = "a string",   [TH_INTEGER] = "a whole number", [TH_NUMBER] = "a number",
    [TH_BOOLEAN] = "a boolean", [TH_OBJECT] = "an object",       [TH_LIST] = "a list",
    [TH_UUID] = "a UUID",
};

static void wrong_type(th_check *c, const th_place *place, enum th_type type, int idx)
{
    lua_State *L = c->L;
    if (th_secret_test(L, idx))
        th_check_fault(c, place,
                       "does not take a secret; reveal it first if it is meant to be sent");
    else if (th_json_is_null(L, idx))
        th_check_fault(c, place, "must be %s, not null", expected[type]);
    else
        th_check_fault(c, place, "must be %s, not a %s", expected[type],
                       lua_typename(L, lua_type(L, idx)));
}

/* The number of items, or -1 when the table is not a list. */
static lua_Integer list_length(lua_State *L, int idx)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, idx), keys = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) { // key value
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n) {
            lua_pop(L, 2);
            return -1;
        }
        keys++;
    }
    return keys == n ? n : -1;
}

static void check_list(th_check *c, const th_place *place, const th_field *field, int idx,
                       bool update, unsigned depth)
{
    lua_Integer n = list_length(c->L, idx);
    if (n < 0) {
        th_check_fault(c, place, "must be a list: items 1, 2, 3 … without gaps or names");
        return;
    }
    if (n == 0 && field->replaces && update) {
        th_check_danger(c, place, "would replace the whole list by an empty one");
        return;
    }
    if (field->has_min && (double)n < field->min)
        th_check_fault(c, place, "needs at least %g item%s", field->min, plural(field->min));
    if (field->has_max && (double)n > field->max)
        th_check_fault(c, place, "accepts at most %g items and has %lld", field->max, (long long)n);
    th_field scalar = {
        .type = field->item_type, .format = field->item_format, .admits = field->admits};
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(c->L, idx, i); // item
        th_place item = {.outer = place, .item = (size_t)i};
        if (!field->of)
            th_check_value(c, &item, &scalar, lua_gettop(c->L), false, depth);
        else if (lua_istable(c->L, -1))
            th_check_object(c, field->of, lua_gettop(c->L), &item, false, depth + 1);
        else
            wrong_type(c, &item, TH_OBJECT, -1);
        lua_pop(c->L, 1); //
    }
}

static void check_null(th_check *c, const th_place *place, const th_field *field, bool update)
{
    if (!field->nullable)
        th_check_fault(c, place, "must not be null");
    else if (field->secret)
        th_check_danger(c, place, "would be removed");
    else if (update && (field->clears || field->off))
        th_check_danger(c, place, "would be cleared on the platform");
    else if (update && field->replaces)
        th_check_danger(c, place, "would replace the whole list by nothing");
}

static void check_string(th_check *c, const th_place *place, const th_field *field, int idx,
                         bool update)
{
    size_t len;
    const char *text = NULL;
    if (lua_type(c->L, idx) == LUA_TSTRING) {
        text = lua_tolstring(c->L, idx, &len);
    } else if (field->secret) {
        th_secret *secret = th_secret_test(c->L, idx);
        text = secret ? th_secret_bytes(secret, &len) : NULL;
    }
    if (!text)
        wrong_type(c, place, TH_STRING, idx);
    else if (field->secret)
        check_secret(c, place, field, text, len);
    else
        check_text(c, place, field, text, len, update);
}

void th_check_value(th_check *c, const th_place *place, const th_field *field, int idx, bool update,
                    unsigned depth)
{
    int type = lua_type(c->L, idx);
    bool fits = true;
    if (type == LUA_TLIGHTUSERDATA && th_json_is_null(c->L, idx)) {
        check_null(c, place, field, update);
        return;
    }
    switch (field->type) {
    case TH_STRING:
    case TH_UUID:
        check_string(c, place, field, idx, update);
        break;
    case TH_INTEGER:
    case TH_NUMBER:
        fits = type == LUA_TNUMBER;
        if (fits)
            check_number(c, place, field, idx);
        break;
    case TH_BOOLEAN:
        fits = type == LUA_TBOOLEAN;
        break;
    case TH_LIST:
        fits = type == LUA_TTABLE;
        if (fits)
            check_list(c, place, field, idx, update, depth);
        break;
    case TH_OBJECT:
        fits = type == LUA_TTABLE;
        if (fits && field->of)
            th_check_object(c, field->of, idx, place, false, depth + 1);
        break;
    }
    if (!fits)
        wrong_type(c, place, field->type, idx);
}
