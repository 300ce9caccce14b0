/*
 * One error struct for everything that can fail: host functions fill it, the Lua side turns it into
 * the one kind of error object that scripts see.
 *
 * Convention: a function that can fail returns 0, or a negative `enum th_kind`, and fills the
 * struct. A struct starts as `th_error err = {0}` and is released with th_error_close(); closing
 * twice is fine.
 */
#ifndef TH_ERROR_H
#define TH_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum th_kind {
    TH_OK = 0,
    TH_INVALID,         /* refused here: nothing was sent */
    TH_REFUSED,         /* the platform said no (4xx without a more exact kind) */
    TH_AUTH,            /* 401, 403: the token is wrong, expired or not allowed to do this */
    TH_NOT_FOUND,       /* 404, 410 */
    TH_CONFLICT,        /* 409 */
    TH_RATE_LIMITED,    /* 429 */
    TH_UNAVAILABLE,     /* 5xx */
    TH_NETWORK,         /* no connection, or it broke */
    TH_TLS,             /* certificate or handshake */
    TH_TIMEOUT,         /* no complete reply in time */
    TH_MALFORMED,       /* a reply that is not what the API promises */
    TH_DELIVERY,        /* a secret is live, and the command that delivers it has failed */
    TH_CANCELLED,       /* the task or the run was stopped */
    TH_UNKNOWN_OUTCOME, /* a write that must not be repeated may or may not have happened */
};

/* One violated rule of one field: "sip_password", "needs at least 3 characters". Both owned. */
typedef struct th_fault {
    char *field;
    char *rule;
} th_fault;

typedef struct th_error {
    enum th_kind kind;
    int status;        /* HTTP status of the last reply, 0 when there was none */
    unsigned attempts; /* requests that were sent for this call */
    bool ambiguous;    /* the write may have happened */
    bool retryable;    /* the same call may succeed later */
    char *message;     /* owned, one line, fit for an operator; NULL until th_fail */
    char *code;        /* owned, the platform's own error code, or NULL */
    char *account;     /* owned or NULL */
    char *trunk;       /* owned or NULL */
    char *request;     /* owned or NULL: "PUT /sip-trunks/42", without anything secret */
    char *advice;      /* owned or NULL: what to do about it, one line */
    th_fault *faults;  /* owned array: every violated rule, in the order they were found */
    size_t nfaults;
    struct th_error *cause; /* owned or NULL: the error that led to this one */
} th_error;

/* Sets kind and message (replacing an earlier one) and returns -kind, so that a caller can
 * `return th_fail(err, TH_INVALID, …)`. Faults, account and trunk are kept. err may be NULL. */
int th_fail(th_error *err, enum th_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int th_vfail(th_error *err, enum th_kind kind, const char *format, va_list args);

/* Adds one violated rule. The message is composed by the caller at the end. */
void th_error_fault(th_error *err, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Each replaces the member with a copy; value may be NULL. */
void th_error_set_account(th_error *err, const char *account);
void th_error_set_trunk(th_error *err, const char *trunk);
void th_error_set_code(th_error *err, const char *code);
/* Method and address of what was sent; only the path of the address is kept. */
void th_error_set_request(th_error *err, const char *method, const char *url);
void th_error_advise(th_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes `cause` (moved, left empty) what err came from. */
void th_error_set_cause(th_error *err, th_error *cause);

/* Moves everything from `from` to `to` (which is closed first) and leaves `from` empty. */
void th_error_move(th_error *to, th_error *from);

/* Frees what the struct owns and zeroes it. */
void th_error_close(th_error *err);

/* The name that scripts and JSON see: "refused", "unknown_outcome", … Never NULL. */
const char *th_kind_name(enum th_kind kind);

#endif
