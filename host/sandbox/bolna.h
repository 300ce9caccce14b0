/*
 * What the files that serve Bolna's older API (/sip-trunks) share, and what both Bolna APIs answer
 * alike.
 */
#ifndef SB_BOLNA_H
#define SB_BOLNA_H

#include "sandbox/api.h"

/* Completes a trunk (defaults, id, times, ids of gateways) and puts it into the store; takes the
 * reference. Its member phone_numbers must be an array of numbers without ids, or absent. */
void sb_bolna_add(sb_store *store, json_t *trunk);
void sb_bolna_touch(sb_store *store, json_t *trunk);
json_t *sb_bolna_id(sb_store *store);

/* bolna_numbers.c */
extern const sb_field sb_bolna_number_fields[];
/* Makes the number one of the trunk's; takes the reference. */
void sb_bolna_add_number(sb_store *store, json_t *trunk, json_t *number);
/* Is there a live number like this on another active trunk, or on this one? */
bool sb_bolna_number_taken(const sb_store *store, const char *number);
/* A number that asks for the E.164 check must pass it. path: "" or "phone_numbers.0.". */
void sb_bolna_check_number(sb_call *call, const json_t *number, const char *path);
void sb_bolna_list_numbers(sb_call *call);
void sb_bolna_create_number(sb_call *call);
void sb_bolna_delete_number(sb_call *call);
void sb_bolna_map_number(sb_call *call);
void sb_bolna_unmap_number(sb_call *call);

/* Both APIs: GET /user/me, and the refusals of the platform's front door. False: not one of those.
 */
void sb_bolna_me(sb_call *call);
bool sb_bolna_refuse_common(sb_call *call, enum sb_refusal why);

#endif
