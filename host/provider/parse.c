#include "provider/parse.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/buf.h"
#include "wire/url.h"

enum { DEFAULT_CONCURRENCY = 8, MAX_CONCURRENCY = 1024, MAX_EVENTUAL = 86400, MESSAGE_FAULTS = 12 };

static const char *const members[] = {
    "name",      "title",  "base_url", "token_env", "auth",  "id",      "limits",   "objects",
    "endpoints", "errors", "evidence", "secrets",   "label", "mapping", "eventual", NULL};

/* One `{ requests, per = seconds }`. */
static void parse_window(th_reader *r, int idx, th_window *out)
{
    static const char *const known[] = {"per", NULL};
    th_reader_known(r, idx, known, 1);
    lua_rawgeti(r->L, idx, 1); // requests
    if (!lua_isinteger(r->L, -1) || lua_tointeger(r->L, -1) < 1 ||
        lua_tointeger(r->L, -1) > 1000000000)
        th_reader_fault(r, NULL, "must begin with the number of requests, a whole number above 0");
    else
        out->requests = (unsigned)lua_tointeger(r->L, -1);
    lua_pop(r->L, 1); //
    if (!th_reader_number(r, idx, "per", &out->seconds) || out->seconds <= 0)
        th_reader_fault(r, "per", "must be the seconds of the window, above 0");
}

static void parse_limits(th_reader *r, int idx, th_provider *p)
{
    static const char *const known[] = {"concurrency", "source", NULL};
    p->concurrency = DEFAULT_CONCURRENCY;
    if (!th_reader_push(r, idx, "limits", LUA_TTABLE, true))
        return;
    lua_State *L = r->L;
    int limits = lua_gettop(L); // limits
    size_t mark = th_reader_enter(r, "limits");
    p->nwindows = lua_rawlen(L, limits);
    p->windows = th_reader_alloc(r, (p->nwindows + 1) * sizeof *p->windows);
    th_reader_known(r, limits, known, p->nwindows);
    for (size_t i = 0; i < p->nwindows; i++) {
        size_t item = th_reader_enter_item(r, i + 1);
        lua_rawgeti(L, limits, (lua_Integer)i + 1); // limits window
        if (lua_istable(L, -1))
            parse_window(r, lua_gettop(L), &p->windows[i]);
        else
            th_reader_fault(r, NULL, "must be a table: { requests, per = seconds }");
        lua_pop(L, 1); // limits
        th_reader_leave(r, item);
    }
    double n;
    if (th_reader_number(r, limits, "concurrency", &n)) {
        if (n < 1 || n > MAX_CONCURRENCY || n != (double)(unsigned)n)
            th_reader_fault(r, "concurrency", "must be a whole number from 1 to %d",
                            MAX_CONCURRENCY);
        else
            p->concurrency = (unsigned)n;
    }
    th_reader_string(r, limits, "source", true);
    th_reader_leave(r, mark);
    lua_pop(L, 1); //
}

static void parse_errors(th_reader *r, int idx, th_provider *p)
{
    static const char *const known[] = {"message", "faults", "code", "retry_after", NULL};
    if (!th_reader_push(r, idx, "errors", LUA_TTABLE, true))
        return;
    int errors = lua_gettop(r->L); // errors
    size_t mark = th_reader_enter(r, "errors"), count;
    th_reader_known(r, errors, known, 0);
    p->errors.message = th_reader_strings(r, errors, "message", true, &count);
    p->errors.faults = th_reader_string(r, errors, "faults", false);
    p->errors.code = th_reader_string(r, errors, "code", false);
    p->errors.retry_after = th_reader_string(r, errors, "retry_after", false);
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}

static void parse_base_url(th_reader *r, int idx, th_provider *p)
{
    const char *url = th_reader_string(r, idx, "base_url", true);
    if (!url)
        return;
    p->base_url = url;
    th_error err = {0};
    if (th_url_check(url, &err) != 0)
        th_reader_fault(r, "base_url", "%s", err.message);
    else if (url[strcspn(url, "?# \t\r\n\"<>{}\\")] != '\0')
        th_reader_fault(r, "base_url", "must not contain a query, a fragment, spaces or braces");
    else if (url[strlen(url) - 1] == '/')
        th_reader_fault(r, "base_url", "must not end with a slash; the paths begin with one");
    th_error_close(&err);
}

static void parse_head(th_reader *r, int idx, th_provider *p)
{
    static const char *const auths[] = {"bearer", NULL};
    static const char *const ids[] = {"integer", "uuid", "string", NULL};
    static const enum th_type id_types[] = {TH_INTEGER, TH_UUID, TH_STRING};
    p->name = th_reader_string(r, idx, "name", true);
    if (p->name && !th_reader_is_name(p->name, false))
        th_reader_fault(r, "name",
                        "must begin with a lower-case letter and contain only lower-case letters, "
                        "digits and _ (at most 64)");
    th_reader_string(r, idx, "title", true);
    th_reader_string(r, idx, "token_env", false);
    parse_base_url(r, idx, p);
    th_reader_choice(r, idx, "auth", auths, true);
    int id = th_reader_choice(r, idx, "id", ids, true);
    p->id = id < 0 ? TH_STRING : id_types[id];
    double eventual;
    if (th_reader_number(r, idx, "eventual", &eventual) &&
        !(eventual >= 0 && eventual <= MAX_EVENTUAL))
        th_reader_fault(r, "eventual", "must be seconds, from 0 to %d", MAX_EVENTUAL);
}

struct job {
    th_reader reader;
    th_provider *provider;
};

/* Runs protected: what it makes belongs to the provider's arena. */
static int parse(lua_State *L) // job description
{
    struct job *job = lua_touserdata(L, 1);
    th_reader *r = &job->reader;
    r->L = L;
    if (!lua_istable(L, 2)) {
        th_reader_fault(r, NULL, "must be a table, not a %s", luaL_typename(L, 2));
        return 0;
    }
    th_reader_known(r, 2, members, 0);
    parse_head(r, 2, job->provider);
    parse_limits(r, 2, job->provider);
    parse_errors(r, 2, job->provider);
    th_parse_objects(r, 2, job->provider);
    th_parse_endpoints(r, 2, job->provider);
    th_parse_uses(r, 2, job->provider);
    if (r->faults == 0) {
        lua_settop(L, 2);
        job->provider->table = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

/* One line with every fault; the long tail of a file that is wrong all over is only counted. */
static int refuse(th_error *err, const char *name, size_t first)
{
    if (!err)
        return -TH_INVALID;
    th_buf text = {0};
    size_t n = err->nfaults - first;
    for (size_t i = 0; i < n && i < MESSAGE_FAULTS; i++)
        th_buf_printf(&text, "%s%s %s", i > 0 ? "; " : "", err->faults[first + i].field,
                      err->faults[first + i].rule);
    if (n > MESSAGE_FAULTS)
        th_buf_printf(&text, "; and %zu more", n - MESSAGE_FAULTS);
    int rc = th_fail(err, TH_INVALID, "the provider description%s%s has %zu fault%s: %s",
                     name ? " of " : "", name ? name : "", n, n == 1 ? "" : "s",
                     text.data ? text.data : "");
    th_buf_close(&text);
    return rc;
}

int th_provider_parse(lua_State *L, int idx, th_provider **out, th_error *err)
{
    *out = NULL;
    idx = lua_absindex(L, idx);
    th_provider *provider = calloc(1, sizeof *provider);
    if (!provider || !lua_checkstack(L, 4)) {
        free(provider);
        return th_fail(err, TH_INVALID, "not enough memory while reading a provider description");
    }
    provider->table = LUA_NOREF;
    struct job job = {.reader = {.arena = &provider->arena, .err = err}, .provider = provider};
    size_t first = err ? err->nfaults : 0;
    lua_pushcfunction(L, parse);    // parse
    lua_pushlightuserdata(L, &job); // parse job
    lua_pushvalue(L, idx);          // parse job description
    int rc = 0;
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) { // message
        lua_pop(L, 1);                     //
        rc = th_fail(err, TH_INVALID, "not enough memory while reading a provider description");
    } else if (job.reader.faults > 0) {
        rc = refuse(err, provider->name, first);
    }
    if (rc != 0) {
        th_provider_destroy(L, provider);
        return rc;
    }
    *out = provider;
    return 0;
}
