#include "wire/exchange.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

/* Repeats after a failure start here and double, with jitter, so that many tasks do not come back
 * in step. Connections that the server closed under a request are repeated at once: nothing is
 * overloaded. */
static const uint64_t pause_first_ns = 200 * 1000000ull;
static const uint64_t pause_longest_ns = 8000 * 1000000ull;
static const uint64_t pause_broken_ns = 20 * 1000000ull;
static const double pause_asked_seconds = 86400; /* what a reply may ask for */
enum { TRIES_DEFAULT = 5, TRIES_LIMITED = 30, TRIES_BROKEN = 30, TRIES_AT_ONCE = 3 };

static void join_queue(th_exchange *x, bool urgent);

static void finish(th_exchange *x, enum th_outcome outcome)
{
    x->outcome = outcome;
    x->stage = TH_X_IDLE;
    x->done(x);
}

static void pause_over(th_timer *timer)
{
    th_exchange *x = timer->ctx;
    if (!x->start_error.kind)
        join_queue(x, true);
    else if (x->maybe)
        finish(x, TH_OUTCOME_AMBIGUOUS);
    else
        finish(x, x->attempts ? TH_OUTCOME_REFUSED : TH_OUTCOME_UNSENT);
}

static void pause_then_repeat(th_exchange *x, uint64_t ns)
{
    x->stage = TH_X_PAUSED;
    th_timer_start(x->timers, &x->pause, ns, pause_over, x);
}

static uint64_t backoff(unsigned failures)
{
    uint64_t ns = pause_first_ns << (failures < 6 ? failures : 6);
    if (ns > pause_longest_ns)
        ns = pause_longest_ns;
    return ns / 2 + randombytes_uniform((uint32_t)(ns / 2000)) * 1000ull;
}

/* The connection broke, and the platform may be well: a server that goes away from a connection
 * that had worked before (every so many requests on HTTP/2, or when it was idle) takes down
 * whatever was on it. Such a request is repeated at once, and where libcurl knows that the
 * connection was an old one, often. */
static bool repeat_broken(th_exchange *x)
{
    const th_transfer *t = &x->transfer;
    if (!t->repeated && !(t->fate == TH_FATE_LOST && t->kind == TH_NETWORK))
        return false;
    if (x->broken >= (t->repeated ? TRIES_BROKEN : TRIES_AT_ONCE))
        return false;
    uint64_t jitter = randombytes_uniform(20000) * 1000ull;
    pause_then_repeat(x, ++x->broken <= TRIES_AT_ONCE ? 0 : pause_broken_ns + jitter);
    return true;
}

/* Whether the owner wants no further transfer, however safe one would be. */
static bool has_enough(const th_exchange *x)
{
    const th_transfer *t = &x->transfer;
    enum th_kind kind = t->fate == TH_FATE_REPLIED ? th_status_kind(t->status) : t->kind;
    return t->stream_failed || (x->most && x->started >= x->most) || (x->once & 1u << kind);
}

static void pause_as_asked(th_exchange *x)
{
    const th_pace_reply *pace = &x->transfer.pace;
    uint64_t ns = backoff(x->limited - 1);
    if (pace->retry_after >= 0)
        ns = (uint64_t)(fmin(pace->retry_after, pause_asked_seconds) * 1e9);
    bool waits = !x->waits || x->waits(x, th_timers_now(x->timers) + ns);
    pause_then_repeat(x, waits ? ns : 0);
}

/* It ends in doubt. Where the reply asks for a longer wait than the owner allows, start_error says so:
 * the owner need not find out by the next request. */
static void mind_wait(th_exchange *x)
{
    uint64_t until;
    const char *why, *word;
    x->maybe = true;
    if (x->transfer.pace.retry_after > 0 && x->pacer && x->waits &&
        th_pacer_held(x->pacer, &until, &why, &word))
        x->waits(x, until);
}

static void settle(th_exchange *x, enum th_outcome outcome)
{
    const th_transfer *t = &x->transfer;
    x->outcome = outcome;
    unsigned tries = x->tries ? x->tries : TRIES_DEFAULT;
    if (outcome == TH_OUTCOME_SUCCESS || has_enough(x)) {
        finish(x, outcome);
        return;
    }
    if (t->status == 429) { /* not done, whatever the method; the pacer holds everybody back */
        if (x->limited == 0)
            x->limited_since = th_timers_now(x->timers);
        if (++x->limited >= TRIES_LIMITED)
            finish(x, TH_OUTCOME_REFUSED);
        else if (x->pacer)
            join_queue(x, true);
        else /* nobody else holds it back */
            pause_as_asked(x);
        return;
    }
    if (outcome == TH_OUTCOME_REFUSED) {
        finish(x, outcome);
        return;
    }
    if (outcome == TH_OUTCOME_AMBIGUOUS && !x->repeatable) {
        mind_wait(x);
        finish(x, outcome);
        return;
    }
    if (outcome == TH_OUTCOME_UNSENT && t->kind == TH_TLS) {
        finish(x, outcome); /* a certificate does not mend itself */
        return;
    }
    if (outcome == TH_OUTCOME_AMBIGUOUS)
        x->maybe = true;
    if (repeat_broken(x))
        return;
    if (++x->failures < tries && t->kind != TH_MALFORMED)
        pause_then_repeat(x, backoff(x->failures - 1));
    else
        finish(x, outcome);
}

/* A redirect after a write often means that it is done and that its result is elsewhere. */
static bool may_be_done(const th_transfer *t)
{
    bool reads = strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0 ||
                 strcmp(t->method, "OPTIONS") == 0;
    return !reads && (t->status == 301 || t->status == 302 || t->status == 303);
}

static enum th_outcome judge(const th_transfer *t)
{
    if (t->fate == TH_FATE_UNSENT)
        return TH_OUTCOME_UNSENT;
    if (t->fate == TH_FATE_LOST)
        return TH_OUTCOME_AMBIGUOUS;
    if (t->status >= 200 && t->status < 300)
        return TH_OUTCOME_SUCCESS;
    /* 408 comes from something between us and the platform as well as from it, 499 from a proxy whose
     * own line was closed. */
    if (t->status >= 500 || t->status == 408 || t->status == 499 || may_be_done(t))
        return TH_OUTCOME_AMBIGUOUS;
    return TH_OUTCOME_REFUSED;
}

static void transfer_done(th_transfer *t)
{
    th_exchange *x = t->ctx;
    enum th_outcome outcome = judge(t);
    if (outcome != TH_OUTCOME_UNSENT)
        x->attempts++;
    x->stage = TH_X_IDLE;
    if (t->status == 429 && t->pace.retry_after < 0 && x->limited_body)
        x->limited_body(x);
    if (x->pacer) {
        th_pace_reply pace = t->pace;
        pace.status = t->status;
        th_pacer_done(&x->ticket, outcome == TH_OUTCOME_UNSENT ? NULL : &pace);
    }
    settle(x, outcome);
}

static void send_now(th_exchange *x)
{
    x->stage = TH_X_SENDING;
    x->started++;
    th_buf_clear(&x->transfer.reply);
    th_buf_clear(&x->transfer.reply_headers);
    x->transfer.done = transfer_done;
    x->transfer.ctx = x;
    if (th_transfer_start(x->client, &x->transfer, &x->start_error) != 0) {
        if (x->pacer)
            th_pacer_done(&x->ticket, NULL);
        x->transfer.fate = TH_FATE_UNSENT;
        pause_then_repeat(x, 0); /* ends from the loop, as promised */
    }
}

static void admitted(th_ticket *ticket)
{
    send_now(ticket->ctx);
}

/* It waits for its turn, perhaps long: leaves the queue where the owner does not want that. */
static void held(th_ticket *ticket)
{
    th_exchange *x = ticket->ctx;
    uint64_t until;
    const char *why, *word;
    th_pacer_held(x->pacer, &until, &why, &word);
    if (x->waits && !x->waits(x, until)) {
        th_pacer_leave(ticket);
        pause_then_repeat(x, 0); /* ends from the loop, as promised */
    }
}

static void join_queue(th_exchange *x, bool urgent)
{
    /* A repeat: perhaps nothing is to be sent any more. */
    if (urgent && x->waits && !x->waits(x, 0)) {
        pause_then_repeat(x, 0);
        return;
    }
    if (!x->pacer) {
        send_now(x);
        return;
    }
    x->stage = TH_X_QUEUED;
    th_pacer_join(x->pacer, &x->ticket, urgent, admitted, x);
    if (x->stage == TH_X_QUEUED) {
        x->ticket.held = held;
        held(&x->ticket);
    }
}

void th_exchange_start(th_exchange *exchange)
{
    exchange->attempts = exchange->failures = exchange->limited = exchange->broken = 0;
    exchange->started = 0;
    exchange->limited_since = 0;
    exchange->maybe = false;
    th_error_close(&exchange->start_error);
    exchange->outcome = TH_OUTCOME_NONE;
    join_queue(exchange, false);
}

bool th_exchange_again(th_exchange *exchange)
{
    th_exchange *x = exchange;
    unsigned tries = x->tries ? x->tries : TRIES_DEFAULT;
    x->outcome = TH_OUTCOME_AMBIGUOUS;
    if (!x->repeatable || (x->most && x->started >= x->most) || ++x->failures >= tries)
        return false;
    x->maybe = true;
    pause_then_repeat(x, backoff(x->failures - 1));
    return true;
}

void th_exchange_close(th_exchange *exchange)
{
    th_exchange *x = exchange;
    switch (x->stage) {
    case TH_X_QUEUED:
        th_pacer_leave(&x->ticket);
        break;
    case TH_X_SENDING: {
        th_transfer_abort(&x->transfer);
        if (x->pacer) {
            /* It may have been counted: its place in the windows stays taken. */
            th_pace_reply none = {
                .status = 0, .retry_after = -1, .limit = -1, .remaining = -1, .reset = -1};
            th_pacer_done(&x->ticket, &none);
        }
        break;
    }
    case TH_X_PAUSED:
        th_timer_stop(x->timers, &x->pause);
        break;
    case TH_X_IDLE:
        break;
    }
    x->stage = TH_X_IDLE;
    th_buf_close(&x->transfer.reply);
    th_buf_close(&x->transfer.reply_headers);
    th_error_close(&x->start_error);
}

bool th_exchange_unsent(const th_exchange *exchange)
{
    return !exchange->maybe && exchange->outcome != TH_OUTCOME_SUCCESS &&
           exchange->outcome != TH_OUTCOME_AMBIGUOUS && exchange->stage != TH_X_SENDING;
}

void th_exchange_describe(const th_exchange *exchange, th_buf *out)
{
    const th_exchange *x = exchange;
    if (x->stage == TH_X_QUEUED) {
        struct th_pacer_stats stats;
        th_pacer_stats(x->pacer, &stats);
        th_buf_printf(out, "its turn (%s, %zu queued, %.1f s) to send ",
                      stats.waiting_for[0] ? stats.waiting_for : "queue", stats.queued,
                      stats.wait_seconds);
    } else if (x->stage == TH_X_PAUSED) {
        th_buf_puts(out, "a pause before repeating ");
    } else {
        th_buf_puts(out, "the reply to ");
    }
    th_buf_printf(out, "%s %s (attempt %u)", x->transfer.method,
                  x->shown ? x->shown : x->transfer.url, x->attempts + 1);
}

enum th_kind th_status_kind(int status)
{
    switch (status) {
    case 401:
    case 403:
        return TH_AUTH;
    case 404:
    case 410:
        return TH_NOT_FOUND;
    case 408:
    case 499:
        return TH_TIMEOUT;
    case 409:
        return TH_CONFLICT;
    case 429:
        return TH_RATE_LIMITED;
    default:
        return status >= 500 ? TH_UNAVAILABLE : TH_REFUSED;
    }
}

void th_exchange_error(const th_exchange *exchange, th_error *err)
{
    const th_exchange *x = exchange;
    const th_transfer *t = &x->transfer;
    bool write = strcmp(t->method, "GET") != 0;
    if (x->start_error.kind) {
        th_fail(err, x->start_error.kind, "%s", x->start_error.message);
        th_error_set_code(err, x->start_error.code);
    } else if (t->fate == TH_FATE_REPLIED && (t->status < 200 || t->status >= 300)) {
        th_fail(err, th_status_kind(t->status), "%s answered with HTTP status %d", t->method,
                t->status);
    } else if (t->fate == TH_FATE_UNSENT) {
        th_fail(err, t->kind ? t->kind : TH_NETWORK, "nothing was sent: %s",
                t->problem[0] ? t->problem : "no connection");
    } else {
        th_fail(err, t->kind ? t->kind : TH_NETWORK, "no complete reply: %s",
                t->problem[0] ? t->problem : "the connection was closed");
    }
    err->status = t->status;
    err->attempts = x->attempts;
    err->ambiguous = write && (x->maybe || x->outcome == TH_OUTCOME_AMBIGUOUS);
    err->retryable = x->start_error.code ? false
                     : x->outcome == TH_OUTCOME_AMBIGUOUS
                         ? (x->repeatable || !write)
                         : x->outcome == TH_OUTCOME_UNSENT || t->status == 429;
}
