/*
 * What the files that serve Vatel share.
 */
#ifndef SB_VATEL_H
#define SB_VATEL_H

#include "sandbox/api.h"

/* Completes a trunk (id, time, empty assignments) and puts it into the store; takes the reference.
 */
void sb_vatel_add(sb_store *store, json_t *trunk);
/* Gives the trunk an assignment (agent_id, number, alternate_number); takes the reference. */
void sb_vatel_assign(sb_store *store, json_t *trunk, json_t *assignment);

/* Sets the members of the body. An empty text clears a field, and so does null: a reply leaves it
 * out, for no member of it may be null. */
void sb_vatel_merge(json_t *record, json_t *body);

/* vatel_registration.c */
/* After a write that sent these fields: a leg of a registering trunk whose credentials changed
 * becomes pending, and settles as the trunk is read again. */
void sb_vatel_credentials(sb_call *call, json_t *trunk);
/* The trunk is being read by a GET. */
void sb_vatel_read(json_t *trunk);

/* Handlers of vatel_assignments.c. */
void sb_vatel_list_assignments(sb_call *call);
void sb_vatel_create_assignment(sb_call *call);
void sb_vatel_get_assignment(sb_call *call);
void sb_vatel_update_assignment(sb_call *call);
void sb_vatel_delete_assignment(sb_call *call);
void sb_vatel_dial(sb_call *call);

#endif
