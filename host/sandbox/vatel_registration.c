/*
 * Vatel's registration status is the last known outcome of a leg. When the credentials of a trunk
 * that registers change, the outcome becomes known only later: here at the second GET, so that no
 * clock is needed and a client must poll.
 */
#include <string.h>

#include "sandbox/vatel.h"

enum { READS_TO_SETTLE = 2 };

typedef struct sb_leg {
    const char *status, *username, *pending; /* names of members; pending: not visible in replies */
    const char *const *credentials;          /* fields whose change starts it anew */
} sb_leg;

static const char *const inbound_credentials[] = {"inbound_sip_username", "inbound_sip_password",
                                                  "inbound_auth_type", "register", NULL};
static const char *const outbound_credentials[] = {"outbound_sip_username", "outbound_sip_password",
                                                   "outbound_host", "register", NULL};
static const sb_leg legs[] = {
    {"inbound_registration_status", "inbound_sip_username", "inbound_pending", inbound_credentials},
    {"outbound_registration_status", "outbound_sip_username", "outbound_pending",
     outbound_credentials},
};

static bool leg_registers(const json_t *trunk, const sb_leg *leg)
{
    bool inbound = leg == &legs[0];
    return sb_true(trunk, "register") && *sb_text(trunk, leg->username) != '\0' &&
           (!inbound || strcmp(sb_text(trunk, "inbound_auth_type"), "digest") == 0);
}

void sb_vatel_credentials(sb_call *call, json_t *trunk)
{
    for (size_t i = 0; i < sizeof legs / sizeof legs[0]; i++) {
        const sb_leg *leg = &legs[i];
        bool changed = false;
        for (const char *const *field = leg->credentials; *field; field++)
            changed |= json_object_get(call->body, *field) != NULL;
        if (!changed)
            continue;
        json_object_del(trunk, leg->pending);
        if (!leg_registers(trunk, leg)) {
            json_object_set_new(trunk, leg->status, json_string("not_registered"));
            continue;
        }
        bool fault = sb_faults_hit(call->faults, SB_AUTH_FAILED, call->request->method);
        bool refused = i == 1 && strstr(sb_text(trunk, "outbound_sip_username"), "refused");
        if (fault)
            call->met |= 1u << SB_AUTH_FAILED;
        json_object_set_new(trunk, leg->status, json_string("pending"));
        json_object_set_new(trunk, leg->pending,
                            json_pack("{s:i, s:s}", "reads", 0, "outcome",
                                      fault || refused ? "auth_failed" : "registered"));
    }
}

void sb_vatel_read(json_t *trunk)
{
    for (size_t i = 0; i < sizeof legs / sizeof legs[0]; i++) {
        json_t *pending = json_object_get(trunk, legs[i].pending);
        json_t *reads = json_object_get(pending, "reads");
        if (!pending)
            continue;
        json_integer_set(reads, json_integer_value(reads) + 1);
        if (json_integer_value(reads) < READS_TO_SETTLE)
            continue;
        json_object_set(trunk, legs[i].status, json_object_get(pending, "outcome"));
        json_object_del(trunk, legs[i].pending);
    }
}
