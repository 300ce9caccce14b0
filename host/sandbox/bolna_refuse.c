/*
 * What both Bolna APIs answer before a trunk comes into play.
 */
#include "sandbox/bolna.h"

void sb_bolna_me(sb_call *call)
{
    sb_reply_json(call, 200,
                  json_pack("{s:s, s:s, s:s}", "id", "5eed0000-0000-4000-8000-000000000002", "name",
                            "Sandbox", "email", "sandbox@example.com"));
}

/* 403 for a bad token is what the platform's own clients report. Bodies of 404, 405, 429 and 5xx
 * are not documented; the shape of the 403 is assumed for them. */
bool sb_bolna_refuse_common(sb_call *call, enum sb_refusal why)
{
    const char *detail;
    int status;
    switch (why) {
    case SB_NO_TOKEN:
        sb_reply_json(call, 401, json_pack("{s:i, s:s}", "error", 401, "message", "Access denied"));
        return true;
    case SB_BAD_TOKEN:
    case SB_FORBIDDEN:
        status = 403;
        detail = "Invalid or expired API key";
        break;
    case SB_NO_ENDPOINT:
        status = 404;
        detail = "Not Found";
        break;
    case SB_NO_METHOD:
        status = 405;
        detail = "Method Not Allowed";
        break;
    case SB_LIMITED:
        status = 429;
        detail = "Too many requests";
        break;
    case SB_BROKEN:
        status = 500;
        detail = "Internal Server Error";
        break;
    default:
        return false;
    }
    sb_reply_json(call, status, json_pack("{s:s}", "detail", detail));
    return true;
}
