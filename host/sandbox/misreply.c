/*
 * Replies that are not what was asked for: instead of carrying a request out, or after that. Each
 * of them has a fault of its own, so that it is known whether the write was carried out.
 */
#include <string.h>

#include "sandbox/api.h"

static const char proxy_page[] =
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";
static const char gateway_page[] =
    "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n"
    "<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n";

static bool is(const sb_call *call, const char *method)
{
    return strcmp(call->request->method, method) == 0;
}

/* The status of the platform's yes. */
static int yes(const sb_call *call)
{
    return is(call, "POST") ? call->store->api->created : 200;
}

static void broken(sb_call *call, int status)
{
    sb_refuse(call, SB_BROKEN, NULL);
    call->reply.status = status;
}

static void answer_empty(sb_call *call, int status)
{
    sb_reply_json(call, status, json_object());
}

static void answer_accepted(sb_call *call)
{
    sb_reply_json(call, 202, json_pack("{s:s}", "status", "accepted"));
}

/* The trunk after that one, or the first. NULL: there is no other. */
static const char *another(json_t *trunks, const char *id)
{
    void *own = id ? json_object_iter_at(trunks, id) : NULL;
    void *next = own ? json_object_iter_next(trunks, own) : NULL;
    if (!next)
        next = json_object_iter(trunks);
    return next && next != own ? json_object_iter_key(next) : NULL;
}

/* Answers as the write would, but shows the trunk with this id as it is. */
static void show(sb_call *call, const char *id, int status)
{
    const char *own = call->param[0], *word = call->store->api->updated;
    call->param[0] = id;
    call->store->api->get(call);
    call->param[0] = own;
    call->reply.status = status;
    json_t *body = word ? json_loadb(call->reply.body, call->reply.len, 0, NULL) : NULL;
    if (body && !is(call, "GET")) {
        json_object_set_new(body, "message", json_string(word));
        sb_reply_json(call, status, body);
    } else {
        json_decref(body);
    }
}

/* Is this a request that makes, changes or reads one trunk, and not a part of it? */
static bool about_trunk(const sb_call *call)
{
    const sb_api *api = call->store->api;
    void (*serve)(sb_call *) = call->route->serve;
    return serve == api->create || serve == api->update || serve == api->get;
}

/* Shows another trunk than the one that it is about. False: the fault is not met. */
static bool show_another(sb_call *call, enum sb_fault fault, int status)
{
    const char *other = about_trunk(call) ? another(call->store->trunks, call->param[0]) : NULL;
    if (!other || !sb_meets(call, fault))
        return false;
    show(call, other, status);
    return true;
}

bool sb_misreply_early(sb_call *call)
{
    if (sb_meets(call, SB_DROP))
        sb_reply_nothing(call);
    else if (sb_meets(call, SB_HTML))
        sb_reply_text(call, 503, "text/html", proxy_page);
    else
        return false;
    return true;
}

bool sb_misreply_before(sb_call *call)
{
    bool writes = !is(call, "GET");
    if (sb_meets(call, SB_BUSY))
        broken(call, 503);
    else if (sb_meets(call, SB_TIMEOUT_BEFORE))
        sb_reply_text(call, 504, "text/html", gateway_page);
    else if (sb_meets(call, SB_ERROR_BEFORE))
        broken(call, 500);
    else if (sb_meets(call, SB_REFUSE))
        sb_reply_json(call, 422,
                      json_pack("{s:s}", "message", "Refused, as the sandbox was told to."));
    else if (sb_meets(call, SB_ERROR_200))
        broken(call, 200);
    else if (sb_meets(call, SB_EMPTY_BEFORE))
        answer_empty(call, yes(call));
    else if (sb_meets(call, SB_BLANK_BEFORE))
        sb_reply_empty(call, yes(call));
    else if (writes && sb_meets(call, SB_ACCEPTED_BEFORE))
        answer_accepted(call);
    else
        return false;
    return true;
}

bool sb_misreply_instead(sb_call *call)
{
    if (call->route->serve == call->store->api->update &&
        json_object_get(call->store->trunks, call->param[0]) && sb_meets(call, SB_UNCHANGED)) {
        show(call, call->param[0], 200);
        return true;
    }
    return show_another(call, SB_OTHER_BEFORE, yes(call));
}

/* What the platform took and answers wrongly; a refusal stays one. */
static void misreply_to_success(sb_call *call)
{
    int status = call->reply.status == 204 ? 200 : call->reply.status;
    if (sb_meets(call, SB_EMPTY_AFTER))
        answer_empty(call, status);
    else if (sb_meets(call, SB_BLANK_AFTER))
        sb_reply_empty(call, status);
    else if (!is(call, "GET") && sb_meets(call, SB_ACCEPTED_AFTER))
        answer_accepted(call);
    else
        show_another(call, SB_OTHER_AFTER, status);
}

void sb_misreply_after(sb_call *call)
{
    if (sb_meets(call, SB_LOST_REPLY)) {
        sb_reply_nothing(call);
    } else if (sb_meets(call, SB_TIMEOUT_AFTER)) {
        sb_reply_text(call, 504, "text/html", gateway_page);
    } else if (sb_meets(call, SB_ERROR_AFTER)) {
        sb_refuse(call, SB_BROKEN, NULL);
    } else if (sb_meets(call, SB_CUT_BODY)) {
        call->reply.ending = SB_CUT;
        if (call->reply.len < 2) /* nothing that could be cut: the reply does not come at all */
            sb_reply_nothing(call);
    } else if (call->reply.status < 300) {
        misreply_to_success(call);
    }
}
