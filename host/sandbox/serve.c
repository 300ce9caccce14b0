/*
 * The way of one request: which API, what goes wrong on the way there, the token, the limits, the
 * route, the form of the request, the handler, what goes wrong on the way back, the journal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

static const char proxy_page[] =
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";

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
    for (unsigned i = 0; i < SB_AUTH_FAILED; i++) {
        if (sb_faults_hit(faults, i, method))
            drawn |= 1u << i;
    }
    return drawn;
}

/* Takes the fault when it was drawn, so that the journal shows only those that came to bear. */
static bool meets(sb_call *call, unsigned drawn, enum sb_fault fault)
{
    call->met |= drawn & 1u << fault;
    return drawn >> fault & 1;
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
static bool within_limits(sb_call *call, sb_limit *limit, uint64_t now, bool forced)
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
        .refused = told && !admitted,
        .limit = standing.limit,
        .remaining = standing.remaining,
        .reset = (long long)wall.tv_sec + (long long)((free_at + 999999999u) / 1000000000u),
        .retry_after = (unsigned)((standing.free_in + 999999999u) / 1000000000u),
    };
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

static void apply(sb_call *call)
{
    if (!find_route(call))
        return;
    bool fit = ids_fit(call);
    check_query(call);
    check_body_form(call);
    if (!fit)
        sb_refuse(call, SB_BAD_ID, NULL);
    else if (!sb_refuse_invalid(call))
        call->route->serve(call);
}

static void close_connection(sb_call *call)
{
    sb_reply_clear(&call->reply);
    call->reply.ending = SB_HANG_UP;
}

static void spoil_reply(sb_call *call, unsigned drawn)
{
    if (meets(call, drawn, SB_LOST_REPLY)) {
        close_connection(call);
    } else if (meets(call, drawn, SB_ERROR_AFTER)) {
        sb_refuse(call, SB_BROKEN, NULL);
    } else if (meets(call, drawn, SB_CUT_BODY)) {
        call->reply.ending = SB_CUT;
        if (call->reply.len < 2) /* nothing that could be cut: the reply does not come at all */
            close_connection(call);
    }
}

static void serve_api(sb_call *call, const char *token, sb_limit *limit, uint64_t now)
{
    unsigned drawn = draw(call->faults, call->request->method);
    if (meets(call, drawn, SB_DROP)) {
        close_connection(call);
    } else if (meets(call, drawn, SB_HTML)) {
        sb_reply_text(call, 503, "text/html", proxy_page);
    } else if (authorized(call, token) &&
               within_limits(call, limit, now, meets(call, drawn, SB_LIMIT))) {
        if (meets(call, drawn, SB_ERROR_BEFORE)) {
            sb_refuse(call, SB_BROKEN, NULL);
        } else if (meets(call, drawn, SB_REFUSE)) {
            sb_reply_json(call, 422,
                          json_pack("{s:s}", "message", "Refused, as the sandbox was told to."));
        } else {
            apply(call);
            spoil_reply(call, drawn);
        }
    }
    meets(call, drawn, SB_SLOW);
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
        close_connection(&call);
    } else if (entry.api >= 0) {
        call.store = &world->stores[entry.api];
        serve_api(&call, world->token, &world->limits[entry.api], now);
    } else {
        sb_findings_add(&call.findings, "path", "no_endpoint", "is below no API's base URL");
        sb_reply_text(&call, 404, "text/plain", "No API of the sandbox has this path.\n");
    }
    if (kill)
        close_connection(&call);
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
