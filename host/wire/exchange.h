/*
 * An exchange: one request as the caller means it, with everything that may be needed to get a
 * certain answer: admission by the pacer, the transfer, and repeats where repeating is safe.
 *
 *   429, nothing sent      repeated for every method (the platform did nothing), unless the wait that
 *                          the platform asks for is longer than the owner allows
 *   5xx, 408, 499, lost, timed out, and 301, 302, 303 after a write (it may be done, and its result
 *                          elsewhere): repeated when `repeatable` (GET, and writes that change nothing when they
 *                          are sent again); otherwise the exchange ends as ambiguous
 *   other 4xx, 3xx         refused, never repeated
 */
#ifndef TH_EXCHANGE_H
#define TH_EXCHANGE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/timer.h"
#include "wire/pacer.h"
#include "wire/transfer.h"

enum th_outcome {
    TH_OUTCOME_NONE,      /* it has not ended */
    TH_OUTCOME_SUCCESS,   /* 2xx, complete */
    TH_OUTCOME_REFUSED,   /* the platform said no */
    TH_OUTCOME_AMBIGUOUS, /* it may have happened */
    TH_OUTCOME_UNSENT,    /* it has not happened: nothing reached the platform */
};

typedef struct th_exchange th_exchange;

/* Embedded in its owner. The request lies in `transfer` (method, url, headers, body, keep_headers).
 */
struct th_exchange {
    th_client *client;
    th_pacer *pacer; /* NULL: not paced */
    th_timers *timers;
    th_transfer transfer;
    bool repeatable;
    unsigned tries;    /* transfers at the most, for failures of the platform or the line; 0 = 5 */
    unsigned most;     /* transfers at the most, whatever was wrong with them; 0 = see above */
    unsigned once;     /* failures that end it: 1 << kind */
    const char *shown; /* the URL as people may see it; NULL: transfer.url */
    void (*done)(th_exchange *exchange);
    /* Looks at a 429 whose headers do not say how long to wait, and sets transfer.pace.retry_after
     * when its body does. NULL: nobody looks. */
    void (*limited_body)(th_exchange *exchange);
    /* Whether it may wait for its turn (0), or until then (on the timers' clock) as the platform asks
     * everybody to. Where it may not, start_error is to say why, and the exchange ends. NULL: it may. */
    bool (*waits)(th_exchange *exchange, uint64_t until);
    void *ctx;

    /* results, valid in done() */
    enum th_outcome outcome; /* before done(): of the last attempt */
    unsigned attempts;       /* transfers that may have reached the platform */
    bool maybe;              /* an earlier attempt was ambiguous, whatever the last one says */
    th_error start_error;    /* the transfer could not even be made, or `waits` says no */

    /* the exchange's */
    enum { TH_X_IDLE, TH_X_QUEUED, TH_X_SENDING, TH_X_PAUSED } stage;
    unsigned failures, limited, broken, started;
    uint64_t limited_since; /* the first 429 of this request; 0: none */
    th_ticket ticket;
    th_timer pause;
};

/* done comes from the loop, never from inside this call. */
void th_exchange_start(th_exchange *exchange);
/* For the owner that finds a success to be none: the reply is not what was asked for, so it may have
 * happened or not. Counts as a failure of the platform; true: it is sent again, and done comes once
 * more. False: it ends as ambiguous. */
bool th_exchange_again(th_exchange *exchange);
/* Ends it at once without done; the transfer under way is aborted. Also releases the reply. Safe on
 * a zeroed and on an ended exchange. */
void th_exchange_close(th_exchange *exchange);
/* True while nothing has happened: nothing was sent, or the platform has said that it did nothing
 * (429). Stopping it now is free of doubt. */
bool th_exchange_unsent(const th_exchange *exchange);
/* For people: "the rate limit of …", "the reply to PUT https://…". */
void th_exchange_describe(const th_exchange *exchange, th_buf *out);

/* What a reply with this status, which is not 2xx, means. */
enum th_kind th_status_kind(int status);
/* Fills kind, status, attempts, ambiguous, retryable and a plain message from the outcome, which is
 * not success. */
void th_exchange_error(const th_exchange *exchange, th_error *err);

#endif
