#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/api.h"

void sb_reply_clear(sb_reply *reply)
{
    free(reply->body);
    for (size_t i = 0; i < SB_HEADERS; i++)
        free(reply->headers[i].value);
    *reply = (sb_reply){.ending = SB_SEND};
}

static void set_body(sb_reply *reply, int status, const char *type, char *body)
{
    sb_reply_clear(reply);
    reply->status = status;
    reply->type = type;
    reply->body = body;
    reply->len = body ? strlen(body) : 0;
}

void sb_reply_json(sb_call *call, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    set_body(&call->reply, text ? status : 500, "application/json", text);
}

void sb_reply_text(sb_call *call, int status, const char *type, const char *text)
{
    set_body(&call->reply, status, type, strdup(text));
}

void sb_reply_empty(sb_call *call, int status)
{
    set_body(&call->reply, status, NULL, NULL);
}

void sb_reply_header(sb_call *call, const char *name, const char *format, ...)
{
    char text[600];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (size_t i = 0; i < SB_HEADERS; i++) {
        struct sb_header *header = &call->reply.headers[i];
        if (header->name)
            continue;
        *header = (struct sb_header){name, strdup(text)};
        return;
    }
}

void sb_reply_nothing(sb_call *call)
{
    sb_reply_clear(&call->reply);
    call->reply.ending = SB_HANG_UP;
}

void sb_refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    if (!text && call->route && (why == SB_NOT_FOUND || why == SB_BAD_ID))
        text = call->route->missing;
    call->store->api->refuse(call, why, text);
}

bool sb_refuse_invalid(sb_call *call)
{
    if (call->findings.count == 0)
        return false;
    sb_refuse(call, SB_INVALID, NULL);
    return true;
}

json_t *sb_find(sb_call *call, json_t *map, const char *id, const char *missing)
{
    json_t *record = json_object_get(map, id);
    if (!record)
        sb_refuse(call, SB_NOT_FOUND, missing);
    return record;
}
