/*
 * What the files that serve Bolna's newer API (/trunk) share.
 */
#ifndef SB_BOLNA_TRUNK_H
#define SB_BOLNA_TRUNK_H

#include "sandbox/api.h"

enum { SB_GATEWAYS_MAX = 8 };

/* Completes a trunk (defaults, id, times, its gateways and ip_acls) and puts it into the store;
 * takes the reference. */
void sb_bolna_trunk_add(sb_store *store, json_t *trunk);
void sb_bolna_trunk_touch(sb_store *store, json_t *trunk);

/* bolna_trunk_parts.c */
extern const sb_field sb_bolna_gateway_fields[], sb_bolna_acl_fields[];
/* Each adds one part as the API stores it, from a body that was checked; returns it, borrowed. */
json_t *sb_bolna_trunk_add_gateway(sb_store *store, json_t *trunk, json_t *body);
json_t *sb_bolna_trunk_add_acl(sb_store *store, json_t *trunk, json_t *body);
json_t *sb_bolna_trunk_add_number(sb_store *store, json_t *trunk, json_t *body);
void sb_bolna_trunk_create_gateway(sb_call *call);
void sb_bolna_trunk_delete_gateway(sb_call *call);
void sb_bolna_trunk_create_acl(sb_call *call);
void sb_bolna_trunk_delete_acl(sb_call *call);
void sb_bolna_trunk_create_number(sb_call *call);
void sb_bolna_trunk_delete_number(sb_call *call);
void sb_bolna_trunk_assign_number(sb_call *call);
/* False after NOT_FOUND: the member names an agent that does not exist. Absent and null are fine.
 */
bool sb_bolna_trunk_agent_exists(sb_call *call, const char *member);

#endif
