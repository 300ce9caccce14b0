#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "provider/parse.h"

static const char *const endpoint_members[] = {
    "body",  "mode",  "reply", "returns", "repeatable", "query",  "params",
    "empty", "pages", "guard", "status",  "doc",        "source", NULL};

static const char *const parameter_types[] = {"string", "integer", "boolean", "uuid", NULL};
static const enum th_type parameter_type_of[] = {TH_STRING, TH_INTEGER, TH_BOOLEAN, TH_UUID};

/* The type that `params` gives a parameter, or the id's for {id}. */
static enum th_type path_type(th_reader *r, int params, const char *name, const th_provider *p)
{
    static const char *const types[] = {"string", "integer", "uuid", NULL};
    static const enum th_type type_of[] = {TH_STRING, TH_INTEGER, TH_UUID};
    if (strcmp(name, "id") == 0)
        return p->id;
    if (!params) {
        th_reader_fault(r, "params", "is missing: it says what {%s} is", name);
        return TH_STRING;
    }
    size_t mark = th_reader_enter(r, "params");
    int type = th_reader_choice(r, params, name, types, true);
    th_reader_leave(r, mark);
    return type < 0 ? TH_STRING : type_of[type];
}

static bool path_char(char c)
{
    return c != '\0' && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~!$&'()*+,;=:@/",
                               c) != NULL;
}

/* Cuts the path into literal text and parameters; params: stack index of the table, or 0. */
static void parse_path(th_reader *r, int params, const th_provider *p, th_endpoint *endpoint)
{
    const char *path = endpoint->path;
    size_t parameters = 0;
    struct th_segment *segments = th_reader_alloc(r, (strlen(path) + 1) * sizeof *segments);
    size_t n = 0;
    endpoint->segments = segments;
    if (path[0] != '/' || strstr(path, "//") || strstr(path, "/../") || strstr(path, "/./"))
        th_reader_fault(r, NULL,
                        "has a path that does not begin with a single slash, or contains "
                        "//, /./ or /../");
    for (const char *at = path; *at; n++) {
        if (*at == '{') {
            size_t len = strcspn(++at, "}");
            const char *name = th_reader_copy(r, at, len);
            if (at[len] == '\0' || !th_reader_is_name(name, false)) {
                th_reader_fault(r, NULL, "has a path with a parameter that is not {name}");
                return;
            }
            segments[n].param = name;
            segments[n].type = path_type(r, params, name, p);
            parameters++;
            at += len + 1;
            continue;
        }
        segments[n].text = at;
        while (path_char(*at))
            at++;
        segments[n].len = (size_t)(at - segments[n].text);
        if (*at != '\0' && *at != '{') {
            th_reader_fault(r, NULL, "has a path with a character that does not belong there");
            return;
        }
    }
    endpoint->nsegments = n;
    if (parameters > TH_PARAMETERS_MAX)
        th_reader_fault(r, NULL, "has a path with %zu parameters; %d are supported", parameters,
                        TH_PARAMETERS_MAX);
}

static bool in_path(const th_endpoint *endpoint, const char *name)
{
    for (size_t i = 0; i < endpoint->nsegments; i++) {
        const char *param = endpoint->segments[i].param;
        if (param && strcmp(param, name) == 0)
            return true;
    }
    return false;
}

static void parse_request(th_reader *r, int idx, const th_provider *p, th_endpoint *endpoint)
{
    lua_State *L = r->L;
    int method = -1;
    lua_rawgeti(L, idx, 1); // method
    for (int i = 0; lua_type(L, -1) == LUA_TSTRING && th_method_names[i]; i++)
        if (strcmp(th_method_names[i], lua_tostring(L, -1)) == 0)
            method = i;
    if (method < 0)
        th_reader_fault(r, NULL, "must begin with a method: GET, POST, PUT, PATCH or DELETE");
    endpoint->method = method < 0 ? TH_GET : (enum th_method)method;
    lua_pop(L, 1);          //
    lua_rawgeti(L, idx, 2); // path
    size_t len = 0;
    const char *path = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (!path || len == 0)
        th_reader_fault(r, NULL, "must have a path after the method");
    endpoint->path = th_reader_copy(r, path ? path : "", len);
    lua_pop(L, 1); //
    int params = 0;
    if (th_reader_push(r, idx, "params", LUA_TTABLE, false)) // params
        params = lua_gettop(L);
    if (len > 0)
        parse_path(r, params, p, endpoint);
    if (!params)
        return;
    size_t mark = th_reader_enter(r, "params"), n;
    const char *const *names = th_reader_keys(r, params, &n);
    for (size_t i = 0; i < n; i++) {
        if (!in_path(endpoint, names[i]) || strcmp(names[i], "id") == 0)
            th_reader_fault(r, names[i],
                            "is not a parameter of the path, or is {id}, whose type "
                            "is the provider's id");
    }
    th_reader_leave(r, mark);
    lua_pop(L, 1); //
}

static void parse_query(th_reader *r, int idx, th_endpoint *endpoint)
{
    if (!th_reader_push(r, idx, "query", LUA_TTABLE, false))
        return;
    lua_State *L = r->L;
    int query = lua_gettop(L); // query
    size_t mark = th_reader_enter(r, "query"), n;
    const char *const *names = th_reader_keys(r, query, &n);
    struct th_parameter *parameters = th_reader_alloc(r, (n + 1) * sizeof *parameters);
    for (size_t i = 0; i < n; i++) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, query); // query value
        bool list = lua_istable(L, -1);
        lua_pop(L, 1); // query
        size_t count;
        if (list) {
            parameters[i].choices = th_reader_strings(r, query, names[i], true, &count);
            continue;
        }
        int type = th_reader_choice(r, query, names[i], parameter_types, true);
        parameters[i].type = type < 0 ? TH_STRING : parameter_type_of[type];
    }
    if (n > TH_PARAMETERS_MAX)
        th_reader_fault(r, NULL, "has %zu parameters; %d are supported", n, TH_PARAMETERS_MAX);
    endpoint->query = names;
    endpoint->parameters = parameters;
    th_reader_leave(r, mark);
    lua_pop(L, 1); //
}

static void parse_pages(th_reader *r, int idx, th_endpoint *endpoint)
{
    static const char *const known[] = {"number", "size", "per_page", "more", NULL};
    if (!th_reader_push(r, idx, "pages", LUA_TTABLE, false))
        return;
    int pages = lua_gettop(r->L); // pages
    size_t mark = th_reader_enter(r, "pages");
    th_reader_known(r, pages, known, 0);
    endpoint->page_number = th_reader_string(r, pages, "number", true);
    endpoint->page_more = th_reader_string(r, pages, "more", true);
    endpoint->page_size = th_reader_string(r, pages, "size", false);
    double per_page;
    if (th_reader_number(r, pages, "per_page", &per_page)) {
        if (per_page < 1 || per_page > 10000 || per_page != (double)(unsigned)per_page)
            th_reader_fault(r, "per_page", "must be a whole number from 1 to 10000");
        else
            endpoint->per_page = (unsigned)per_page;
    }
    if ((endpoint->page_size != NULL) != (endpoint->per_page > 0))
        th_reader_fault(r, NULL, "must have both size and per_page, or none of them");
    if (!endpoint->returns_list || !endpoint->reply)
        th_reader_fault(r, NULL, "needs returns = \"list\" and a reply envelope");
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}

static void parse_status(th_reader *r, int idx, th_endpoint *endpoint)
{
    static const enum th_kind kinds[] = {TH_REFUSED,  TH_AUTH,         TH_NOT_FOUND,
                                         TH_CONFLICT, TH_RATE_LIMITED, TH_UNAVAILABLE};
    enum { NKINDS = sizeof kinds / sizeof *kinds };
    if (!th_reader_push(r, idx, "status", LUA_TTABLE, false))
        return;
    lua_State *L = r->L;
    int table = lua_gettop(L); // statuses
    size_t n = 0, mark = th_reader_enter(r, "status");
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        n++;
    struct th_status *statuses = th_reader_alloc(r, (n + 1) * sizeof *statuses);
    endpoint->statuses = statuses;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) { // statuses status kind
        bool integer = lua_isinteger(L, -2);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (integer && lua_tointeger(L, -2) == 202) {
            endpoint->accepted_is_done = strcmp(name, "done") == 0;
            if (!endpoint->accepted_is_done || endpoint->method == TH_GET)
                th_reader_fault(r, NULL, "can only say done for 202, of a write");
            continue;
        }
        if (!integer || lua_tointeger(L, -2) < 400 || lua_tointeger(L, -2) > 599) {
            th_reader_fault(r, NULL, "has a key that is neither 202 nor a status from 400 to 599");
            continue;
        }
        struct th_status *s = &statuses[endpoint->nstatuses];
        s->status = (int)lua_tointeger(L, -2);
        for (size_t i = 0; i < NKINDS; i++)
            if (strcmp(th_kind_name(kinds[i]), name) == 0)
                s->kind = kinds[i];
        if (s->kind == TH_OK)
            th_reader_fault(r, NULL,
                            "must say refused, auth, not_found, conflict, rate_limited or "
                            "unavailable for %d",
                            s->status);
        else
            endpoint->nstatuses++;
    }
    th_reader_leave(r, mark);
    lua_pop(L, 1); //
}

static void parse_body(th_reader *r, int idx, const th_provider *p, th_endpoint *endpoint)
{
    static const char *const modes[] = {"create", "update", NULL};
    const char *body = th_reader_string(r, idx, "body", false);
    int mode = th_reader_choice(r, idx, "mode", modes, body != NULL);
    if (body) {
        endpoint->body = th_provider_object(p, body);
        if (!endpoint->body)
            th_reader_unknown(r, "body", body, "object", p->object_names);
        if (endpoint->method == TH_GET)
            th_reader_fault(r, "body", "must not be there: GET has none");
        endpoint->mode = mode == 0 ? TH_MODE_CREATE : TH_MODE_UPDATE;
    } else if (mode >= 0) {
        th_reader_fault(r, "mode", "is for endpoints with a body");
    }
    const char *empty = th_reader_string(r, idx, "empty", false);
    endpoint->refuse_empty = empty != NULL;
    if (empty && (strcmp(empty, "refuse") != 0 || !body))
        th_reader_fault(r, "empty", "must be \"refuse\", on an endpoint with a body");
}

static bool is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static void parse_reply(th_reader *r, int idx, const th_provider *p, th_endpoint *endpoint)
{
    const char *reply = th_reader_string(r, idx, "reply", false);
    if (reply && reply[strlen(reply) - 1] == '?') {
        endpoint->reply_optional = true;
        reply = th_reader_copy(r, reply, strlen(reply) - 1);
    }
    endpoint->reply = reply;
    const char *name = endpoint->name, *kind = th_reader_string(r, idx, "returns", false);
    bool trunk = is_word(name, "get") || is_word(name, "create") || is_word(name, "update");
    endpoint->returns_list = is_word(kind, "list");
    endpoint->returns_nothing = is_word(kind, "none");
    endpoint->returns_message = is_word(kind, "message");
    if (!kind || is_word(kind, "object")) {
        endpoint->returns = trunk ? th_provider_object(p, "trunk") : NULL;
    } else if (!endpoint->returns_list && !endpoint->returns_nothing &&
               !endpoint->returns_message) {
        endpoint->returns = th_provider_object(p, kind);
        if (!endpoint->returns)
            th_reader_fault(r, "returns",
                            "must be object, list, none, message or a name in objects, and not "
                            "'%s'",
                            kind);
    }
    if (reply && endpoint->returns_nothing)
        th_reader_fault(r, "reply", "must not be there: nothing is returned");
}

static void parse_endpoint(th_reader *r, int idx, const th_provider *p, th_endpoint *endpoint)
{
    th_reader_known(r, idx, endpoint_members, 2);
    parse_request(r, idx, p, endpoint);
    parse_body(r, idx, p, endpoint);
    parse_reply(r, idx, p, endpoint);
    parse_query(r, idx, endpoint);
    parse_pages(r, idx, endpoint);
    parse_status(r, idx, endpoint);
    endpoint->repeatable = th_reader_boolean(r, idx, "repeatable");
    if (endpoint->method == TH_POST && endpoint->repeatable)
        th_reader_fault(r, "repeatable", "must not be there: a POST is never sent again");
    endpoint->repeatable = endpoint->repeatable || endpoint->method == TH_GET;
    endpoint->guard = th_reader_string(r, idx, "guard", false);
    th_reader_string(r, idx, "doc", false);
    th_reader_string(r, idx, "source", false);
}

/* What only shows when all endpoints are known, and what the well-known names promise. */
static void check_endpoint(th_reader *r, const th_provider *p, const th_endpoint *endpoint)
{
    const char *name = endpoint->name;
    if (!th_reader_is_name(name, true))
        th_reader_fault(r, NULL,
                        "is not a name for an endpoint: lower-case letters, digits, _ "
                        "and .");
    if (endpoint->guard) {
        const th_endpoint *guard = th_provider_endpoint(p, endpoint->guard);
        if (!guard)
            th_reader_unknown(r, "guard", endpoint->guard, "endpoint", p->endpoint_names);
        else if (!guard->returns_list || !in_path(endpoint, "id"))
            th_reader_fault(r, "guard",
                            "must name an endpoint that returns a list, and the path "
                            "must contain {id}");
    }
    bool one =
        strcmp(name, "get") == 0 || strcmp(name, "update") == 0 || strcmp(name, "delete") == 0;
    if (one && !in_path(endpoint, "id"))
        th_reader_fault(r, NULL, "must have {id} in its path");
    bool takes = strcmp(name, "create") == 0 || strcmp(name, "update") == 0;
    if (takes && (!endpoint->body || strcmp(th_object_name(endpoint->body), "trunk") != 0))
        th_reader_fault(r, "body", "must be \"trunk\"");
    if (strcmp(name, "list") == 0 && !endpoint->returns_list)
        th_reader_fault(r, "returns", "must be \"list\"");
}

void th_parse_endpoints(th_reader *r, int idx, th_provider *p)
{
    static const char *const none[] = {NULL};
    p->endpoint_names = none;
    if (!th_reader_push(r, idx, "endpoints", LUA_TTABLE, true))
        return;
    int table = lua_gettop(r->L); // endpoints
    size_t mark = th_reader_enter(r, "endpoints"), n;
    p->endpoint_names = th_reader_keys(r, table, &n);
    p->endpoints = th_reader_alloc(r, (n + 1) * sizeof *p->endpoints);
    for (size_t i = 0; i < n; i++)
        p->endpoints[i].name = p->endpoint_names[i];
    p->nendpoints = n;
    for (size_t i = 0; i < n; i++) {
        if (!th_reader_push(r, table, p->endpoint_names[i], LUA_TTABLE, true))
            continue; // endpoints endpoint
        size_t inner = th_reader_enter(r, p->endpoint_names[i]);
        parse_endpoint(r, lua_gettop(r->L), p, &p->endpoints[i]);
        th_reader_leave(r, inner);
        lua_pop(r->L, 1); // endpoints
    }
    for (size_t i = 0; i < n; i++) {
        size_t inner = th_reader_enter(r, p->endpoint_names[i]);
        if (p->endpoints[i].path)
            check_endpoint(r, p, &p->endpoints[i]);
        th_reader_leave(r, inner);
    }
    if (!th_provider_endpoint(p, "list"))
        th_reader_fault(r, "list", "is missing");
    if (!th_provider_endpoint(p, "get"))
        th_reader_fault(r, "get", "is missing");
    th_reader_leave(r, mark);
    lua_pop(r->L, 1); //
}
