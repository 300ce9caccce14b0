/*
 * What a run keeps in the ledger: which ledger it is, that the run is recorded in it, and the accounts
 * that it keeps others out of. Opened at first use.
 */
#ifndef TH_RECORD_H
#define TH_RECORD_H

#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/lock.h"
#include "ledger/view.h"
#include "runtime/script.h"

typedef struct th_record {
    /* Borrowed from the run. */
    uv_loop_t *loop;
    th_script *script;
    bool log_json;

    th_ledger *ledger;    /* NULL until the first secret or record */
    th_ledger_view *view; /* what is read of it; NULL until then */
    char *path;           /* owned */
    char *folder;         /* owned: the temporary folder of a sandbox run, removed at the end */
    char run[40];         /* "20261120T031502Z-4f2a91": sorts by time */
    bool begun;           /* the run's row is in the ledger, or on its way there */
    th_error error;       /* why it could not be written */
    char *resumed_from;   /* owned: the run that this one continues, or NULL */
    char *purpose;        /* owned: what later runs need to know of this one, as JSON, or NULL */
    char *undoes;         /* owned: the run that this one takes back, or NULL */
    th_lock **locks;      /* owned: of the accounts that this run may change */
    size_t nlocks;
    bool ended; /* nothing is opened any more */
} th_record;

/* Gives the run its id. */
void th_record_name(th_record *record);
/* Chooses the file; path NULL: the default one, or a temporary one for a sandbox. */
int th_record_choose(th_record *record, const char *path, bool sandbox, th_error *err);

/* The ledger, opened (and the run recorded in it) at first use. */
int th_record_ledger(th_record *record, th_ledger **out, th_error *err);
/* What is on disk there, to be looked at. */
int th_record_view(th_record *record, th_ledger_view **out, th_error *err);
/* Makes this process the one that changes the account, until its end. TH_CONFLICT with code
 * "locked" when there is another; see lock.h. */
int th_record_lock(th_record *record, const char *account, th_error *err);

/* Writes and closes everything, with the exit status of the run; non-zero, and said, when something
 * could not be written. */
int th_record_close(th_record *record, int status);
/* Removes a sandbox's ledger, forgets where it was. */
void th_record_destroy(th_record *record);

#endif
