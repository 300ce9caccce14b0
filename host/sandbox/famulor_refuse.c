/*
 * The error bodies of Famulor and Autocalls. The text may be in `error`, in `message`, or in
 * `errors`.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/famulor.h"

static void refuse_invalid(sb_call *call)
{
    json_t *errors = json_object();
    for (size_t i = 0; i < call->findings.count; i++) {
        const sb_finding *finding = &call->findings.list[i];
        char *sentence = sb_finding_sentence(finding);
        json_t *list = json_object_get(errors, finding->field);
        if (!list) {
            json_object_set_new(errors, finding->field, json_array());
            list = json_object_get(errors, finding->field);
        }
        json_array_append_new(list, json_string(sentence ? sentence : ""));
        free(sentence);
    }
    sb_reply_json(
        call, 422,
        json_pack("{s:s, s:o}", "message", "The given data was invalid.", "errors", errors));
}

static void refuse_text(sb_call *call, int status, const char *error, const char *message)
{
    json_t *body = json_pack("{s:s}", "error", error);
    if (message)
        json_object_set_new(body, "message", json_string(message));
    sb_reply_json(call, status, body);
}

static const char *broken_text(const char *method)
{
    if (strcmp(method, "POST") == 0)
        return "Failed to create SIP trunk. Please try again or contact support.";
    if (strcmp(method, "PUT") == 0)
        return "Failed to update SIP trunk. Please try again or contact support.";
    if (strcmp(method, "DELETE") == 0)
        return "Failed to release phone number. Please try again or contact support.";
    return "Server Error";
}

void sb_famulor_refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    switch (why) {
    case SB_NO_TOKEN:
        refuse_text(call, 401, "Missing Authorization header",
                    "Please send your API key as a bearer token");
        break;
    case SB_BAD_TOKEN:
        refuse_text(call, 401, "Invalid API key", "The provided API key is invalid or expired");
        break;
    case SB_FORBIDDEN:
        refuse_text(call, 403, "Insufficient permissions",
                    "Your API key does not have permission for this resource");
        break;
    case SB_INVALID:
        refuse_invalid(call);
        break;
    case SB_BAD_ID:
    case SB_NOT_FOUND:
        refuse_text(call, 404, text, NULL);
        break;
    case SB_CONFLICT:
        refuse_text(call, 409, text, NULL);
        break;
    case SB_NO_ENDPOINT:
        refuse_text(call, 404, "Not Found", NULL);
        break;
    case SB_NO_METHOD:
        refuse_text(call, 405, "Method Not Allowed", NULL);
        break;
    case SB_LIMITED:
        sb_reply_json(call, 429,
                      json_pack("{s:s, s:s, s:I}", "error", "Rate limit exceeded", "message",
                                "Too many requests. Please try again later.", "retry_after",
                                (json_int_t)call->rates.retry_after));
        break;
    case SB_BROKEN:
        refuse_text(call, 500, broken_text(call->request->method), NULL);
        break;
    }
}

/* Autocalls documents neither 401 nor 429: these two are assumptions, and meant to differ. */
void sb_autocalls_refuse(sb_call *call, enum sb_refusal why, const char *text)
{
    if (why == SB_NO_TOKEN || why == SB_BAD_TOKEN)
        sb_reply_json(call, 401, json_pack("{s:s}", "message", "Unauthenticated."));
    else if (why == SB_LIMITED)
        sb_reply_json(call, 429, json_pack("{s:s}", "message", "Too Many Attempts."));
    else
        sb_famulor_refuse(call, why, text);
}
