#include <curl/curl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/utf8.h"
#include "provider/impl.h"
#include "provider/validate_impl.h"

enum { LONGEST = 255 }; /* bytes of one value */

/* Percent-encodes everything but the unreserved characters of RFC 3986. */
static int append_encoded(th_buf *out, const char *text, size_t len)
{
    char *encoded = curl_easy_escape(NULL, text, (int)len);
    int rc = encoded ? th_buf_puts(out, encoded) : -1;
    curl_free(encoded);
    return rc;
}

/* What keeps a text from being a whole number above 0 without sign and leading zeros, of 64 bits;
 * or NULL. */
static const char *integer_fault(const char *text, size_t len)
{
    static const char most[] = "9223372036854775807";
    const size_t digits = sizeof most - 1;
    if (text[0] == '0' || strspn(text, "0123456789") != len)
        return "must be a whole number above 0";
    if (len > digits || (len == digits && strcmp(text, most) > 0))
        return "is larger than 9223372036854775807, the largest whole number that can be sent";
    return NULL;
}

static const char *text_fault(enum th_type type, bool path, const char *text, size_t len)
{
    if (len == 0)
        return "is empty";
    if (len > LONGEST)
        return "is longer than 255 bytes";
    if (th_utf8_span(text, len) != len)
        return "is not valid UTF-8";
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return "contains a control character";
        /* %2F too: many servers decode it before they look for segments */
        if (path && (text[i] == '/' || text[i] == '\\'))
            return "contains a slash, so it would reach another address";
    }
    if (path && (strcmp(text, ".") == 0 || strcmp(text, "..") == 0))
        return "is a dot segment, so it would reach another address";
    if (type == TH_INTEGER)
        return integer_fault(text, len);
    if (type == TH_UUID)
        return th_format_fault(TH_FORMAT_UUID, text);
    return NULL;
}

/* Appends the value at idx, or returns why it cannot be. */
static const char *append_value(lua_State *L, int idx, enum th_type type, bool path, th_buf *out)
{
    char digits[32];
    const char *text = digits;
    size_t len;
    if (lua_type(L, idx) == LUA_TSTRING) {
        text = lua_tolstring(L, idx, &len);
    } else if (lua_type(L, idx) == LUA_TNUMBER) {
        int whole;
        lua_Integer number = lua_tointegerx(L, idx, &whole);
        double value = lua_tonumber(L, idx);
        if (!whole && !lua_isinteger(L, idx) && value >= 0x1p63 && value < HUGE_VAL)
            return "is larger than 9223372036854775807, the largest whole number that can be sent";
        if (!whole || (path && number < 1))
            return path ? "must be a whole number above 0" : "must be a whole number";
        if (type == TH_INTEGER)
            return th_buf_put_integer(out, number) ? "is too long for the memory there is" : NULL;
        len = (size_t)snprintf(digits, sizeof digits, "%" PRId64, (int64_t)number);
    } else if (type == TH_BOOLEAN && lua_isboolean(L, idx)) {
        text = lua_toboolean(L, idx) ? "true" : "false";
        len = strlen(text);
    } else {
        return "must be a string or a whole number";
    }
    if (type == TH_BOOLEAN && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return "must be true or false";
    const char *why = text_fault(type, path, text, len);
    if (!why && append_encoded(out, text, len) != 0)
        why = "is too long for the memory there is";
    return why;
}

/* A place among the parameters as the operator reads it. */
static void fault(th_error *err, size_t *faults, const char *name, const char *rule)
{
    th_error_fault(err, name, "%s", rule);
    (*faults)++;
}

static int refuse(th_error *err, const char *provider, const th_endpoint *endpoint, size_t first)
{
    if (!err)
        return -TH_INVALID;
    th_buf list = {0};
    for (size_t i = first; i < err->nfaults; i++)
        th_buf_printf(&list, "%s%s %s", i > first ? "; " : "", err->faults[i].field,
                      err->faults[i].rule);
    int rc = th_fail(err, TH_INVALID, "%s %s was not sent: %s", provider, endpoint->name,
                     list.data ? list.data : "");
    th_buf_close(&list);
    return rc;
}

static void cut(th_buf *out, size_t len)
{
    out->len = len;
    if (out->data)
        out->data[len] = '\0';
}

/* Pushes the member of the table at idx whose key is the name; nothing when there is none. Makes no
 * Lua string, so it cannot raise. */
static bool push_member(lua_State *L, int idx, const char *name)
{
    lua_pushnil(L);            // key
    while (lua_next(L, idx)) { // key value
        if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), name) == 0) {
            lua_remove(L, -2); // value
            return true;
        }
        lua_pop(L, 1); // key
    }
    return false;
}

/* Faults for what is given and not in the NULL-ended list. */
static void check_known(lua_State *L, int idx, const char *const *known, th_error *err,
                        size_t *faults)
{
    lua_pushnil(L);            // key
    while (lua_next(L, idx)) { // key value
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        const char *const *k = known;
        while (name && *k && strcmp(*k, name) != 0)
            k++;
        if (!name) {
            fault(err, faults, "(parameters)", "have a key that is not a name");
        } else if (!*k) {
            const char *near = th_suggest(name, known);
            char rule[160];
            snprintf(rule, sizeof rule, "is not a parameter here%s%s%s",
                     near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
            fault(err, faults, name, rule);
        }
        lua_pop(L, 1); // key
    }
}

int th_path_build(lua_State *L, const th_provider *provider, const th_endpoint *endpoint,
                  int params_idx, th_buf *out, th_error *err)
{
    size_t start = out->len, first = err ? err->nfaults : 0, faults = 0, count = 0;
    const char *names[TH_PARAMETERS_MAX + 1] = {NULL};
    for (size_t i = 0; i < endpoint->nsegments && count < TH_PARAMETERS_MAX; i++)
        if (endpoint->segments[i].param)
            names[count++] = endpoint->segments[i].param;
    int idx = lua_absindex(L, params_idx);
    bool table = lua_istable(L, idx), none = lua_isnoneornil(L, idx);
    if (!lua_checkstack(L, 8))
        return th_fail(err, TH_INVALID, "not enough memory while building a path");
    if (table)
        check_known(L, idx, names, err, &faults);
    else if (!none && count != 1)
        fault(err, &faults, "(parameters)",
              count == 0 ? "must not be there: the path has none"
                         : "must be a table with a value for each");
    int rc = 0;
    for (size_t i = 0; i < endpoint->nsegments; i++) {
        const struct th_segment *segment = &endpoint->segments[i];
        if (!segment->param) {
            rc |= th_buf_append(out, segment->text, segment->len);
            continue;
        }
        const char *why = "is missing";
        if (table && push_member(L, idx, segment->param)) { // value
            why = append_value(L, lua_gettop(L), segment->type, true, out);
            lua_pop(L, 1); //
        } else if (!table && !none && count == 1) {
            why = append_value(L, idx, segment->type, true, out);
        } else if (!table && !none) {
            why = NULL; /* said above */
        }
        if (why)
            fault(err, &faults, segment->param, why);
    }
    if (faults == 0 && rc == 0)
        return 0;
    cut(out, start);
    return faults > 0 ? refuse(err, provider->name, endpoint, first)
                      : th_fail(err, TH_INVALID, "not enough memory while building a path");
}

static int append_parameter(lua_State *L, int idx, const char *name, enum th_type type,
                            const char *const *choices, th_buf *out, size_t start, const char **why)
{
    int rc = th_buf_putc(out, out->len == start ? '?' : '&');
    rc |= append_encoded(out, name, strlen(name));
    rc |= th_buf_putc(out, '=');
    *why = append_value(L, idx, type, false, out);
    if (*why || !choices || lua_type(L, idx) != LUA_TSTRING)
        return rc;
    while (*choices && strcmp(*choices, lua_tostring(L, idx)) != 0)
        choices++;
    if (!*choices)
        *why = "is not one of the values that are accepted here";
    return rc;
}

int th_query_build(lua_State *L, const th_endpoint *endpoint, int params_idx, th_buf *out,
                   th_error *err)
{
    if (lua_isnoneornil(L, params_idx))
        return 0;
    size_t start = out->len, first = err ? err->nfaults : 0, faults = 0, count = 0;
    const char *names[TH_PARAMETERS_MAX + 3] = {NULL};
    for (; endpoint->query && endpoint->query[count] && count < TH_PARAMETERS_MAX; count++)
        names[count] = endpoint->query[count];
    size_t declared = count;
    if (endpoint->page_number)
        names[count++] = endpoint->page_number;
    if (endpoint->page_size)
        names[count++] = endpoint->page_size;
    int idx = lua_absindex(L, params_idx), rc = 0;
    if (!lua_checkstack(L, 8))
        return th_fail(err, TH_INVALID, "not enough memory while building a query");
    if (!lua_istable(L, idx)) {
        fault(err, &faults, "(query)", "must be a table of parameters");
        return refuse(err, "the query of", endpoint, first);
    }
    check_known(L, idx, names, err, &faults);
    for (size_t i = 0; i < count; i++) {
        if (!push_member(L, idx, names[i]))
            continue; // value
        const struct th_parameter *p = i < declared ? &endpoint->parameters[i] : NULL;
        const char *why;
        rc |= append_parameter(L, lua_gettop(L), names[i], p ? p->type : TH_INTEGER,
                               p ? p->choices : NULL, out, start, &why);
        lua_pop(L, 1); //
        if (why)
            fault(err, &faults, names[i], why);
    }
    if (faults == 0 && rc == 0)
        return 0;
    cut(out, start);
    return faults > 0 ? refuse(err, "the query of", endpoint, first)
                      : th_fail(err, TH_INVALID, "not enough memory while building a query");
}
