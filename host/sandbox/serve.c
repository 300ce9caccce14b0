/*
 * The way of one request: which API, what goes wrong on the way there, the token, the limits, the
 * route, the form of the request, the handler, what goes wrong on the way back, the journal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sandbox/world.h"

static int find_api(const char *target)
{
    for (int i = 0; i < SB_APIS; i++) {
        size_t length = strlen(sb_apis[i]->base);
        if (strncmp(target, sb_apis[i]->base, length) == 0 &&
            (target[length] == '/' || target[length] == '?' || target[length] == '\0'))
            return i;
    }
    return -1;
}

static unsigned draw(sb_faults *faults, const char *method)
{
    unsigned drawn = 0;
    for (unsigned i = 0; i < SB_AUTH_FAILED; i++)
        if (sb_faults_hit(faults, i, method))
            drawn |= 1u << i;
    return drawn;
}

bool sb_meets(sb_call *call, enum sb_fault fault)
{
    call->met |= call->drawn & 1u << fault;
    return call->drawn >> fault & 1;
}

static bool authorized(sb_call *call, const char *token)
{
    const char *header = call->request->authorization, *given;
    static const char scope[] = "-readonly";
    size_t length = strlen(token);
    if (!header || strncmp(header, "Bearer ", 7) != 0) {
        sb_findings_add(&call->findings, "header", "no_token", "Authorization: Bearer is missing");
        sb_refuse(call, SB_NO_TOKEN, NULL);
        return false;
    }
    given = header + 7;
    if (strcmp(given, token) == 0)
        return true;
    if (!call->store->api->read_only_tokens || strncmp(given, token, length) != 0 ||
        strcmp(given + length, scope) != 0) {
        sb_refuse(call, SB_BAD_TOKEN, NULL);
        return false;
    }
    if (strcmp(call->request->method, "GET") != 0)
        sb_refuse(call, SB_FORBIDDEN, NULL);
    return strcmp(call->request->method, "GET") == 0;
}

/* Sets what the rate headers will say. Returns false after a refusal. */
static bool within_limits(sb_call *call, sb_limit *limit, uint64_t now, bool forced,
                          const th_sandbox_habits *habits)
{
    sb_standing standing = {.free_in = 1000000000u};
    bool admitted = !forced && sb_limit_admit(limit, now, &standing);
    if (forced && limit->nwindows)
        standing.limit = limit->windows[0].count;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t free_at = (uint64_t)wall.tv_nsec + standing.free_in;
    bool told = limit->headers && limit->nwindows;
    call->rates = (sb_rates){
        .told = told,
        .limit = standing.limit,
        .remaining = standing.remaining,
        .reset = (long long)wall.tv_sec + (long long)((free_at + 999999999u) / 1000000000u),
        .retry_after = ((standing.free_in + 999999999u) / 1000000000u),
    };
    if (habits->retry >= TH_RETRY_SECONDS)
        call->rates.retry_after = habits->retry_seconds;
    if (!admitted)
        sb_refuse(call, SB_LIMITED, NULL);
    return admitted;
}

/* Does the path below the base fit the route's? Takes the ids out of it. */
static bool route_fits(const sb_route *route, const sb_request *request, size_t first,
                       const char *param[2])
{
    const char *part = route->path;
    size_t params = 0, i = first;
    while (*part == '/' && i < request->nsegments) {
        size_t length = strcspn(++part, "/");
        const char *segment = request->segments[i++];
        if (*part == '{')
            param[params++] = segment;
        else if (strlen(segment) != length || strncmp(segment, part, length) != 0)
            return false;
        part += length;
    }
    return *part == '\0' && i == request->nsegments;
}

static bool find_route(sb_call *call)
{
    const sb_api *api = call->store->api;
    size_t first = 0;
    bool known = false;
    for (const char *c = api->base; *c != '\0'; c++)
        first += *c == '/';
    for (const sb_route *route = api->routes; route->method; route++) {
        const char *param[2] = {NULL, NULL};
        if (!route_fits(route, call->request, first, param))
            continue;
        known = true;
        if (strcmp(route->method, call->request->method) == 0) {
            call->route = route;
            memcpy(call->param, param, sizeof param);
            return true;
        }
    }
    if (known)
        sb_findings_add(&call->findings, "path", "no_method", "%s is not documented for this path",
                        call->request->method);
    else
        sb_findings_add(&call->findings, "path", "no_endpoint", "is not a documented endpoint");
    sb_refuse(call, known ? SB_NO_METHOD : SB_NO_ENDPOINT, NULL);
    return false;
}

/* An id must be written exactly as the platform writes it. */
static bool ids_fit(sb_call *call)
{
    const char *part = call->route->path;
    for (size_t i = 0; (part = strchr(part, '{')) != NULL; i++, part++) {
        const char *rule = strncmp(part, "{int}", 5) == 0    ? sb_format_id(call->param[i])
                           : strncmp(part, "{uuid}", 6) == 0 ? sb_format_uuid(call->param[i])
                                                             : sb_format_ulid(call->param[i]);
        if (rule) {
            sb_findings_add(&call->findings, "path", "bad_id", "\"%s\" %s", call->param[i], rule);
            return false;
        }
    }
    return true;
}

static void check_query(sb_call *call)
{
    const sb_request *request = call->request;
    for (size_t i = 0; i < request->nquery; i++) {
        const char *name = request->query[i].name;
        if (strcmp(name, "page") == 0 && call->page && strcmp(request->method, "GET") == 0)
            continue;
        if (!call->route->query || !sb_one_of(name, call->route->query))
            sb_findings_add(&call->findings, "query", "unknown_field", "has no parameter \"%s\"",
                            name);
        else if (sb_request_parameter(request, name) != request->query[i].value)
            sb_findings_add(&call->findings, "query", "repeated", "has \"%s\" more than once",
                            name);
    }
}

static void check_body_form(sb_call *call)
{
    const sb_request *request = call->request;
    sb_findings *findings = &call->findings;
    size_t length = request->body.len;
    if (request->too_large) {
        sb_findings_add(findings, "body", "too_large", "is larger than %d bytes", SB_BODY_MAX);
        return;
    }
    if (call->route->body == SB_NO_BODY) {
        if (length)
            sb_findings_add(findings, "body", "not_allowed", "must be empty");
        return;
    }
    if (length == 0 && call->route->body == SB_BODY_OR_EMPTY) {
        call->body = json_object();
        return;
    }
    if (!sb_request_is_json(request))
        sb_findings_add(findings, "header", "content_type",
                        "Content-Type must be application/json");
    json_error_t error;
    call->body = json_loadb(length ? request->body.data : "", length,
                            JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!call->body)
        sb_findings_add(findings, "body",
                        json_error_code(&error) == json_error_duplicate_key ? "duplicate_key"
                                                                            : "malformed_json",
                        "is not JSON: %s at byte %d", error.text, error.position);
    else if (!json_is_object(call->body))
        sb_findings_add(findings, "body", "wrong_type", "must be an object");
}

/* The trunk that a request is about, or whose part it is about; NULL: none that is there. */
static const char *trunk_of(const sb_call *call)
{
    static const char *const members[] = {"trunk_id", "sip_trunk_id", "byot_trunk_id"};
    const sb_store *store = call->store;
    for (size_t i = 0; i < call->request->nsegments; i++) {
        const char *id = call->request->segments[i];
        if (json_object_get(store->trunks, id))
            return id;
        for (size_t j = 0; j < 3; j++) {
            const char *trunk = sb_text(json_object_get(store->numbers, id), members[j]);
            if (json_object_get(store->trunks, trunk))
                return trunk;
        }
    }
    return NULL;
}

static const char *newest(json_t *trunks)
{
    const char *id, *last = NULL;
    json_t *trunk;
    json_object_foreach(trunks, id, trunk)
    {
        last = id;
    }
    return last;
}

/* Readers see what they may see by now; what a write does they see later. */
static void carry_out(sb_call *call, const th_sandbox_habits *habits, uint64_t now)
{
    sb_store *store = call->store;
    if (strcmp(call->request->method, "GET") == 0) {
        json_t *truth = store->trunks;
        store->trunks = sb_unseen_view(&store->unseen, truth, now);
        call->route->serve(call);
        json_decref(store->trunks);
        store->trunks = truth;
        return;
    }
    size_t count = json_object_size(store->trunks);
    const char *id = trunk_of(call);
    json_t *before =
        id && habits->change_ms ? json_deep_copy(json_object_get(store->trunks, id)) : NULL;
    call->route->serve(call);
    if (json_object_size(store->trunks) > count) {
        if (habits->create_ms)
            sb_unseen_add(&store->unseen, newest(store->trunks), NULL,
                          now + (uint64_t)habits->create_ms * 1000000u);
    } else if (call->applied && id && !json_object_get(store->trunks, id)) {
        sb_unseen_drop(&store->unseen, id);
    } else if (call->applied && before) {
        sb_unseen_add(&store->unseen, id, json_incref(before),
                      now + (uint64_t)habits->change_ms * 1000000u);
    }
    json_decref(before);
}

/* False: something else was answered in place of carrying it out. */
static bool apply(sb_call *call, const th_sandbox_habits *habits, uint64_t now)
{
    if (!find_route(call))
        return true;
    bool fit = ids_fit(call);
    check_query(call);
    check_body_form(call);
    if (!fit)
        sb_refuse(call, SB_BAD_ID, NULL);
    else if (sb_refuse_invalid(call))
        return true;
    else if (sb_misreply_instead(call))
        return false;
    else
        carry_out(call, habits, now);
    return true;
}

/* Somebody else touches the trunk in the path, or all when there is none. */
static void touch(sb_call *call)
{
    sb_store *store = call->store;
    const char *id = trunk_of(call);
    json_t *trunk = id ? json_object_get(store->trunks, id) : NULL;
    if (!(call->drawn >> SB_TOUCHED & 1))
        return;
    if (trunk) {
        if (sb_store_touch(store, trunk))
            sb_meets(call, SB_TOUCHED);
        return;
    }
    json_object_foreach(store->trunks, id, trunk)
    {
        if (sb_store_touch(store, trunk))
            sb_meets(call, SB_TOUCHED);
    }
}

/* A 429 or 503 says when to come again: as documented, or as the sandbox was told. */
static void say_when(sb_call *call, const th_sandbox_habits *habits, bool limited)
{
    char date[64];
    struct tm parts;
    int status = call->reply.status;
    if (status != 429 && status != 503)
        return;
    time_t then = time(NULL) + (time_t)habits->retry_seconds;
    switch (habits->retry) {
    case TH_RETRY_DOCUMENTED:
        if (limited && call->rates.told)
            sb_reply_header(call, "Retry-After", "%llu", call->rates.retry_after);
        break;
    case TH_RETRY_SECONDS:
        sb_reply_header(call, "Retry-After", "%llu", habits->retry_seconds);
        break;
    case TH_RETRY_EPOCH:
        sb_reply_header(call, "Retry-After", "%lld", (long long)then);
        break;
    case TH_RETRY_DATE:
        gmtime_r(&then, &parts);
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        sb_reply_header(call, "Retry-After", "%s", date);
        break;
    case TH_RETRY_NONE:
        break;
    }
}

static void serve_api(sb_call *call, sb_world *world, sb_limit *limit, uint64_t now)
{
    bool limited = false;
    call->drawn = draw(call->faults, call->request->method);
    touch(call);
    if (!sb_misreply_early(call) && authorized(call, world->token)) {
        limited = !within_limits(call, limit, now, sb_meets(call, SB_LIMIT), &world->habits);
        if (!limited && !sb_misreply_before(call)) {
            if (apply(call, &world->habits, now))
                sb_misreply_after(call);
        }
    }
    say_when(call, &world->habits, limited);
    sb_meets(call, SB_SLOW);
}

void sb_world_serve(sb_world *world, sb_request *request, uint64_t now, sb_reply *reply)
{
    bool well_formed = sb_request_split(request) == 0;
    if (well_formed && strcmp(request->segments[0], "_sandbox") == 0) {
        sb_admin_serve(world, request, reply);
        return;
    }
    sb_entry entry = {.number = sb_journal_arrival(&world->journal),
                      .arrived = now > world->journal.started ? now - world->journal.started : 0,
                      .api = well_formed ? find_api(request->target) : -1};
    snprintf(entry.method, sizeof entry.method, "%s", request->method);
    sb_call call = {.faults = &world->faults, .request = request};
    bool kill = entry.number == world->kill_at;
    if (kill && world->kill_before) {
        sb_reply_nothing(&call);
    } else if (entry.api >= 0) {
        call.store = &world->stores[entry.api];
        call.page = world->habits.page;
        serve_api(&call, world, &world->limits[entry.api], now);
    } else {
        sb_findings_add(&call.findings, "path", "no_endpoint", "is below no API's base URL");
        sb_reply_text(&call, 404, "text/plain", "No API of the sandbox has this path.\n");
    }
    if (kill)
        sb_reply_nothing(&call);
    entry.status = call.reply.ending == SB_HANG_UP ? 0 : call.reply.status;
    entry.applied = call.applied;
    entry.faults = call.met;
    sb_journal_violations(&world->journal, &entry, request, &call.findings);
    sb_journal_add(&world->journal, &entry, request);
    call.reply.rates = call.rates;
    call.reply.kill = kill;
    call.reply.delay_ms = kill ? 0 : world->latency_ms;
    if (!kill && call.met >> SB_SLOW & 1)
        call.reply.delay_ms += 2 * world->latency_ms + 50;
    *reply = call.reply;
    json_decref(call.body);
    sb_findings_close(&call.findings);
}
