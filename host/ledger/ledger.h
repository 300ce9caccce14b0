/*
 * The ledger: an SQLite database (WAL, synchronous=FULL, mode 0600) that knows every secret that
 * may be live at a platform. It is written by a thread of its own, so that the loop never waits for
 * the disk; operations that queue up while a commit is under way share the next one.
 *
 * Secrets are sealed (libsodium sealed box) to the ledger's public key on that thread. The sealed
 * text contains account, trunk and field, so that a row cannot be passed off as another's.
 */
#ifndef TH_LEDGER_H
#define TH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "base/secret.h"

typedef struct th_ledger th_ledger;
typedef struct th_ledger_op th_ledger_op;

enum th_secret_state { TH_CANDIDATE, TH_CURRENT, TH_PREVIOUS, TH_REJECTED };

enum th_item_state {
    TH_ITEM_PLANNED, /* chosen, not begun */
    TH_ITEM_RUNNING, /* begun; of a run that is dead: left half-way */
    TH_ITEM_DONE,
    TH_ITEM_FAILED,
    TH_ITEM_UNKNOWN,
    TH_ITEM_SKIPPED,
};

enum th_attempt_state {
    TH_ATTEMPT_SENT, /* sent or about to be sent; of a run that is dead: it may have happened */
    TH_ATTEMPT_OK,
    TH_ATTEMPT_REFUSED,
    TH_ATTEMPT_AMBIGUOUS, /* it may have happened */
    TH_ATTEMPT_UNSENT,    /* it has not happened: nothing reached the platform */
};

enum th_create_state {
    TH_CREATE_INTENDED, /* sent or about to be sent; of a run that is dead: as unknown */
    TH_CREATE_LANDED,
    TH_CREATE_ABSENT,  /* proven not to have happened */
    TH_CREATE_UNKNOWN, /* a look-up must show it before it may be sent again */
};

/* What each reads is listed behind it; where nothing is said about NULL, it may be NULL. */
enum th_ledger_verb {
    TH_LEDGER_RUN_BEGIN, /* run (not NULL), script, arguments, script_hash, host, pid, resumed_from
                            (a run that is in the ledger), undoes_run (the same), purpose */
    TH_LEDGER_RUN_CONCLUDE, /* run, conclusion: what the job came to */
    TH_LEDGER_RUN_END,      /* run, status */
    TH_LEDGER_ITEM_BEGIN,   /* run, account, trunk, item_state (planned, running or skipped), plan,
                               evidence (of a skipped one: why), before, undoes (the row of the item
                               that it takes back; 0: none), label → row; one row for a trunk in a
                               run: beginning it again changes that */
    TH_LEDGER_ITEM_END, /* row, item_state, evidence (NULL: none), attempts, error, before (NULL:
                           as it was), after (the same) */
    TH_LEDGER_ATTEMPT_BEGIN, /* run, item, account, trunk (NULL or "": a create), endpoint, method
                                → row */
    TH_LEDGER_ATTEMPT_END,   /* row, attempt_state, attempts, status (HTTP; 0: none came), message,
                                trunk (NULL; of a create: the id that it got) */
    TH_LEDGER_CREATE_INTENT, /* run, item, attempt, account, endpoint, natural_key → row */
    TH_LEDGER_CREATE_END,    /* row, create_state, trunk (the id of what was created) */
    TH_LEDGER_SECRET_ADD,    /* run (begun before, or NULL), item, attempt, account, provider, trunk
                                (NULL or "": a create), field, secret → row; state candidate. row: 0,
                                or that of the very same secret from an earlier sending, which stays
                                the row while nothing newer stands beside it and it is still candidate
                                or current; otherwise there is a new one */
    TH_LEDGER_SECRET_STATE,  /* row, state, evidence (NULL: as it was); current makes the earlier
                                current one of the same account, trunk and field previous, and, with
                                evidence, ends older candidates and what is kept too long: see
                                docs/ledger.md */
    TH_LEDGER_SECRET_TRUNK,  /* row, trunk: a create has answered with the id; before its state, so
                                that the one it replaces is found */
    TH_LEDGER_SECRET_DELIVERED, /* account, trunk, field: the current one was handed on */
    TH_LEDGER_SYNC, /* nothing: its callback says that everything queued before is on disk */
};

/*
 * One operation, embedded in its owner, who keeps it and every string in it alive until cb is
 * called. The worker reads the inputs and writes the results; the owner touches neither in between.
 */
struct th_ledger_op {
    enum th_ledger_verb verb;
    const char *run;
    const char *account, *provider, *trunk, *field;
    const char *script, *arguments; /* arguments: a JSON array */
    const char *script_hash, *host, *resumed_from;
    const char *purpose; /* JSON: what later runs need to know of this one */
    const char *endpoint, *method, *message;
    const char *evidence;
    const char *plan, *error, *natural_key; /* JSON, without secrets */
    const char *before, *after;             /* the same: fields of the trunk, around the change */
    const char *undoes_run;
    const char *label;      /* what people call the trunk */
    const char *conclusion; /* JSON, without secrets */
    th_secret *secret;      /* borrowed */
    union {
        enum th_secret_state state;
        enum th_item_state item_state;
        enum th_attempt_state attempt_state;
        enum th_create_state create_state;
    };
    int status;        /* exit status of a run; HTTP status of an attempt */
    unsigned attempts; /* requests that may have reached the platform */
    int64_t pid;
    int64_t item;           /* 0: none */
    int64_t undoes;         /* the same */
    const int64_t *attempt; /* NULL, or the row of an attempt: looked at when the operation is
                               carried out, so it may be that of an earlier one of the same turn */
    int64_t row;

    bool patient; /* its callback is waited for, but not at once: it may wait 5 ms for company */

    int result;                   /* 0, or negative and err is filled; set before cb */
    th_error err;                 /* closed by the owner */
    void (*cb)(th_ledger_op *op); /* on the loop; NULL: nobody waits, the ledger frees op with
                                     free() (its strings lie in the same block or outlive the
                                     ledger) and keeps the first failure for th_ledger_failure() */
    void *ctx;
    th_ledger_op *next; /* the ledger's */
};

/*
 * Opens or makes the ledger at path (its folder too, mode 0700), migrates its schema, checks its
 * integrity (quick_check) and starts its thread. Makes the key pair when there is none: the public
 * key goes into the ledger, the private key into `<path without .db>.key`, mode 0600. Every failure
 * is TH_INVALID with what to do about it.
 */
int th_ledger_open(uv_loop_t *loop, const char *path, th_ledger **out, th_error *err);

/*
 * Queues op, on the loop's thread. Its callback comes from the loop, in order of submission, after
 * the commit that contains it is durable, or has failed; a failed commit fails every op in it
 * (TH_INVALID), a fault of one op's own (no such row, no such run) only that one. The ledger keeps
 * the loop alive while an op is under way, and only then. Operations of one turn of the loop share
 * a commit; those without a callback go with the next one that has one, or alone after 20 ms;
 * patient ones likewise after 5.
 */
void th_ledger_submit(th_ledger *ledger, th_ledger_op *op);

/* Queues a copy of *what with copies of its strings; nobody waits for it. Not for an operation with
 * a secret or an attempt. */
void th_ledger_note(th_ledger *ledger, const th_ledger_op *what);
/* Such a copy, for whoever does wait; released with free() once it was called back. NULL when
 * memory runs out. */
th_ledger_op *th_ledger_op_copy(const th_ledger_op *what);

/* The first failure of an operation that nobody waited for; NULL when all went well. Borrowed. */
const th_error *th_ledger_failure(const th_ledger *ledger);

/* Ends the thread after the queue is empty, calls the last callbacks (which may submit more),
 * closes the database (checkpointing the WAL). The handles close on the next turn of the loop: run
 * it afterwards. NULL is fine. */
void th_ledger_close(th_ledger *ledger);

struct th_ledger_stats {
    uint64_t ops, commits;
};
void th_ledger_stats(th_ledger *ledger, struct th_ledger_stats *out);

/* --- for `trunkhost secrets`: synchronous, on a connection of its own ------------------------- */

/* Makes ledger and key pair. TH_INVALID when the ledger already has a public key. */
int th_ledger_init(const char *path, th_error *err);

/* `<path without .db>.key`: where the private key is made and looked for. Owned by the caller; NULL
 * when memory runs out. */
char *th_ledger_key_path(const char *path);

struct th_ledger_secret_row {
    int64_t row;
    const char *account, *provider, *trunk, *field; /* trunk "" = a create that has not answered */
    enum th_secret_state state;
    const char *evidence;                 /* "" when there is none */
    const char *created_at;               /* ISO 8601, UTC */
    const char *changed_at;               /* when it got its state */
    const char *proven_at, *delivered_at; /* "" when it was not */
    const char *run;                      /* "" when there is none */
    int64_t item, attempt;                /* that it was first sent in; 0 when there is none */
    const char *secret; /* opened: wiped after the callback returns; not NUL-terminated; or NULL */
    size_t secret_len;
};
/*
 * Calls each(row, ctx) for every secret of the account (NULL: all), oldest first, opened with the
 * private key in key_path (NULL: beside the ledger). Stops when each returns non-zero and returns
 * that. A row that does not open (damaged, or altered) is left out; the others are still handed
 * over, and the return is TH_INVALID with the number of such rows and the first one's place.
 */
int th_ledger_each_secret(const char *path, const char *key_path, const char *account,
                          int (*each)(const struct th_ledger_secret_row *row, void *ctx), void *ctx,
                          th_error *err);
/* The words that the ledger and the commands use; never NULL. */
const char *th_secret_state_name(enum th_secret_state state);
const char *th_item_state_name(enum th_item_state state);
const char *th_attempt_state_name(enum th_attempt_state state);
const char *th_create_state_name(enum th_create_state state);
/* And back; the first state for a word that is none. */
enum th_secret_state th_secret_state_of(const char *name);
enum th_item_state th_item_state_of(const char *name);

/* `$XDG_STATE_HOME/trunkhost/ledger.db`, else `~/.local/state/…`. Owned by the caller; NULL when
 * there is neither variable. */
char *th_ledger_default_path(void);

#endif
