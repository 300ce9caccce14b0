/*
 * Looking at the ledger: what earlier runs did and what they left. Everything here is synchronous,
 * reads only, and stops nobody who writes meanwhile.
 */
#ifndef TH_LEDGER_VIEW_H
#define TH_LEDGER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"

typedef struct th_ledger_view th_ledger_view;

/* For a command: opens the ledger at path (which must be there) and looks it over. TH_INVALID. */
int th_ledger_view_open(const char *path, th_ledger_view **out, th_error *err);
/* For a run that has the ledger open: a connection of its own, opened quickly. */
int th_ledger_view_look(const char *path, th_ledger_view **out, th_error *err);
void th_ledger_view_close(th_ledger_view *view); /* NULL is fine */

/* Everything between the two is seen as of one moment. */
int th_view_begin(th_ledger_view *view, th_error *err);
void th_view_end(th_ledger_view *view);

/*
 * Which rows; NULL and 0 mean any. The strings are borrowed for the call. Rows come in the order in
 * which they were made.
 *
 * Each function below calls each(row, ctx) for every row and stops with its result when that is not
 * 0; returns 0, or TH_INVALID when the ledger cannot be read. The row and its strings last for that
 * call only. Absent texts are "".
 */
struct th_view_filter {
    const char *run, *account, *trunk, *field;
    bool unsettled;   /* creates and secrets: only those of which it is not known what became */
    bool undelivered; /* secrets: current ones that were not handed on */
    bool loose;       /* attempts: only those outside of items */
    bool attention;   /* items: only those that need a person */
    int64_t item;     /* attempts: only those of this item */
    int64_t after;    /* only rows after this one */
    int64_t limit;
};

enum th_run_life { TH_RUN_ENDED, TH_RUN_ALIVE, TH_RUN_DIED };

struct th_run_row {
    const char *id, *script, *arguments, *script_hash, *host, *resumed_from, *undoes;
    const char *purpose; /* JSON, or "" */
    const char *started_at, *ended_at;
    const char *conclusion; /* JSON: what the job came to */
    int64_t pid, seq;       /* seq: its place in the order in which runs began */
    enum th_run_life life;
    int status;       /* of one that has ended */
    int64_t items[6]; /* how many, by enum th_item_state */
};
/* Newest first, unlike all else; filter->after is a seq: only runs that began before that one. */
int th_view_runs(th_ledger_view *view, const struct th_view_filter *filter,
                 int (*each)(const struct th_run_row *row, void *ctx), void *ctx, th_error *err);
/* Puts the id of the one run that is meant into id: by its id, the start of it, or as "last": the
 * latest, but for those that were locked out, which have done nothing that anybody could mean.
 * TH_NOT_FOUND with what there is when it is none or several. */
int th_view_run_find(th_ledger_view *view, const char *name, char id[static 64], th_error *err);

/* Of an item that is `running` in a run that has ended or died. */
enum th_item_left {
    TH_ITEM_NOT_LEFT,    /* it is none */
    TH_ITEM_LEFT_UNSENT, /* nothing that it would have changed was sent to a platform */
    TH_ITEM_LEFT_SENT,   /* something was: it may have happened */
};

struct th_item_row {
    int64_t row;
    enum th_item_left left; /* set by th_view_items */
    const char *run, *account, *trunk, *label, *state, *evidence;
    const char *error, *plan; /* JSON */
    const char *started_at, *ended_at;
    int64_t attempts;
};
int th_view_items(th_ledger_view *view, const struct th_view_filter *filter,
                  int (*each)(const struct th_item_row *row, void *ctx), void *ctx, th_error *err);

struct th_attempt_row {
    int64_t row, item; /* item: 0 outside of one */
    const char *run, *account, *trunk, *endpoint, *method, *state, *message;
    const char *started_at, *ended_at;
    int64_t requests;
    int status; /* 0: no reply */
};
/* With a trunk in the filter also those of items that carry its name. */
int th_view_attempts(th_ledger_view *view, const struct th_view_filter *filter,
                     int (*each)(const struct th_attempt_row *row, void *ctx), void *ctx,
                     th_error *err);

struct th_create_row {
    int64_t row, item, attempt;
    const char *run, *account, *endpoint, *natural_key /* JSON */, *state, *trunk;
    const char *source; /* the key of the item that it belongs to */
    const char *created_at, *changed_at;
    const char *parent;       /* the trunk that was to get a part; "" when a trunk was to be made */
    const char *changed_boot; /* see th_boot_stamp; "": not known */
};
/* With a trunk in the filter also those of items that carry its name. */
int th_view_creates(th_ledger_view *view, const struct th_view_filter *filter,
                    int (*each)(const struct th_create_row *row, void *ctx), void *ctx,
                    th_error *err);

/* Sealed, as they lie there: no secret in the row. */
int th_view_secrets(th_ledger_view *view, const struct th_view_filter *filter,
                    int (*each)(const struct th_ledger_secret_row *row, void *ctx), void *ctx,
                    th_error *err);

/* --- ledger_sums.c: a run as a whole ---------------------------------------------------------- */

struct th_item_sum {
    const char *account;
    int64_t items[6]; /* how many, by enum th_item_state */
};
/* One for each account that the run has worked on, by name. */
int th_view_item_sums(th_ledger_view *view, const char *run,
                      int (*each)(const struct th_item_sum *sum, void *ctx), void *ctx,
                      th_error *err);

struct th_secret_sum {
    const char *account, *field;
    int64_t
        states[4]; /* how many that this run has sent first, by enum th_secret_state as of now */
    int64_t delivered; /* of those that are current */
};
/* One for each account and field. */
int th_view_secret_sums(th_ledger_view *view, const char *run,
                        int (*each)(const struct th_secret_sum *sum, void *ctx), void *ctx,
                        th_error *err);

/* The runs that went on with this one, or took it back: only id, resumed_from, undoes, started_at,
 * ended_at and status are set. Oldest first. */
int th_view_followers(th_ledger_view *view, const char *run,
                      int (*each)(const struct th_run_row *row, void *ctx), void *ctx,
                      th_error *err);

/* 0 when the ledger has anything of this account (NULL: any); TH_NOT_FOUND, with what there is, for
 * one that it has never heard of. */
int th_view_know_account(th_ledger_view *view, const char *account, th_error *err);

/* --- what earlier runs have left -------------------------------------------------------------- */

struct th_unfinished_row {
    const char *trunk;
    int64_t candidates; /* secrets that may be live */
    const char *run;    /* the newest in which an item of this name was left running; or "" */
};
/* The trunks of an account that an earlier run has left in doubt: with a candidate, or with an item
 * that is still `running` although its run (not `own`) has ended or died. */
int th_view_unfinished(th_ledger_view *view, const char *account, const char *own,
                       int (*each)(const struct th_unfinished_row *row, void *ctx), void *ctx,
                       th_error *err);

/* What taking a run back has to know of one of its items. */
struct th_undo_row {
    struct th_item_row item;
    const char *before, *after; /* JSON: fields that it changed */
    /* The latest attempt at taking it back, one that is done before any other: its state and its
     * run. */
    const char *undone, *undone_by;
    const char *followed_by; /* the newest run that has changed one of these fields since, and was
                                not taken back itself */
};
/* The newest item first; skipped ones and those that were not begun stay away. */
int th_view_undo(th_ledger_view *view, const char *run,
                 int (*each)(const struct th_undo_row *row, void *ctx), void *ctx, th_error *err);

/* Whether a trunk is the one that a person means by id: UUIDs are the same in small letters and in
 * capitals. */
bool th_trunk_is(const char *trunk, const char *id);

/* Seconds since the current secret was proven; negative when there is none, or no proof; infinite
 * when the proof lies in the future, since a clock was wrong then and its age is not known. */
int th_view_secret_age(th_ledger_view *view, const char *account, const char *trunk,
                       const char *field, double *seconds, th_error *err);

/*
 * Opens one secret with the private key in key_path (NULL: beside the ledger; it is read once): the
 * newest one in that state; of the previous ones, that which was current last. The caller owns a
 * reference. TH_NOT_FOUND: the ledger has none; TH_INVALID: no private key, or damaged.
 */
int th_view_open_secret(th_ledger_view *view, const char *key_path, const char *account,
                        const char *trunk, const char *field, enum th_secret_state state,
                        th_secret **out, th_error *err);

#endif
