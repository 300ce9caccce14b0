/*
 * What the files that serve Famulor and Autocalls share.
 */
#ifndef SB_FAMULOR_H
#define SB_FAMULOR_H

#include "sandbox/api.h"

/* Completes a trunk (defaults, id, ST_ ids, times) and puts it into the store; takes the reference.
 */
void sb_famulor_add(sb_store *store, json_t *trunk);

void sb_famulor_refuse(sb_call *call, enum sb_refusal why, const char *text);
void sb_autocalls_refuse(sb_call *call, enum sb_refusal why, const char *text);

/* Handlers of famulor_numbers.c. */
void sb_famulor_me(sb_call *call);
void sb_famulor_all_numbers(sb_call *call);
void sb_famulor_rename_number(sb_call *call);
void sb_famulor_delete_number(sb_call *call);
void sb_famulor_assistant_numbers(sb_call *call);
void sb_famulor_update_assistant(sb_call *call);

#endif
