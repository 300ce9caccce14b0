#include "wire/pacer_impl.h"

#include <stdlib.h>
#include <uv.h>

#define NEVER               UINT64_MAX
#define MAX_WINDOW_REQUESTS 1000000u

/* --- queues ----------------------------------------------------------------------------------- */

static struct queue *queue_of(th_ticket *ticket)
{
    return ticket->urgent ? &ticket->pacer->urgent : &ticket->pacer->ordinary;
}

static void queue_put(th_ticket *ticket)
{
    struct queue *queue = queue_of(ticket);

    ticket->next = NULL;
    ticket->prev = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = ticket;
    queue->last = ticket;
    ticket->pacer->queued++;
}

static void queue_take(th_ticket *ticket)
{
    struct queue *queue = queue_of(ticket);

    *(ticket->prev ? &ticket->prev->next : &queue->first) = ticket->next;
    *(ticket->next ? &ticket->next->prev : &queue->last) = ticket->prev;
    ticket->next = ticket->prev = NULL;
    ticket->pacer->queued--;
}

/* --- may one more be sent? -------------------------------------------------------------------- */

/* When the window has a place again: 0 = now, NEVER = only after a reply. */
static uint64_t window_opens(const th_pacer *pacer, struct window *window, uint64_t now)
{
    while (window->head < pacer->tail &&
           pacer->ends[window->head & pacer->mask] + window->span <= now)
        window->head++;
    uint64_t ended = pacer->tail - window->head;
    uint64_t taken = pacer->in_flight + ended;
    if (taken < window->requests)
        return 0;
    uint64_t must_leave = taken - window->requests + 1;
    if (must_leave > ended)
        return NEVER;
    return pacer->ends[(window->head + must_leave - 1) & pacer->mask] + window->span;
}

static void later(uint64_t *opens, const char **why, uint64_t at, const char *reason)
{
    if (at > *opens) {
        *opens = at;
        *why = reason;
    }
}

/* When one more may be admitted: 0 = now, NEVER = only after a reply. */
static uint64_t opens_at(const th_pacer *pacer, uint64_t now, const char **why)
{
    uint64_t opens = 0;

    *why = "";
    if (pacer->in_flight >= pacer->concurrency) {
        *why = "concurrency";
        return NEVER;
    }
    if (pacer->hold_until > now)
        later(&opens, why, pacer->hold_until, pacer->hold_why);
    if (pacer->period_end > now && (double)pacer->in_flight >= pacer->remaining)
        later(&opens, why, pacer->period_end, "the platform's count");
    for (size_t i = 0; i < pacer->nwindows; i++)
        later(&opens, why, window_opens(pacer, &pacer->windows[i], now), "rate window");
    return opens;
}

/* The queue waits until then: says so where it is for a window of our own. */
static void tell_pause(const th_pacer *pacer, uint64_t until, uint64_t now)
{
    if (!pacer->paused || pacer->queued == 0 || until <= now || until == NEVER)
        return;
    for (size_t i = 0; i < pacer->nwindows; i++) {
        struct window *window = &pacer->windows[i];
        if (window_opens(pacer, window, now) == until) {
            th_window told = {(unsigned)window->requests, (double)window->span / NS_PER_SECOND};
            pacer->paused(pacer->owner, until, &told);
            return;
        }
    }
}

static void pump(th_pacer *pacer);

static void time_has_come(th_timer *timer)
{
    pump(timer->ctx);
}

static void wait_until(th_pacer *pacer, uint64_t at, uint64_t now)
{
    if (pacer->queued == 0) {
        th_timer_stop(pacer->timers, &pacer->timer);
    } else if (at != NEVER && (!th_timer_active(&pacer->timer) || pacer->timer.due > at)) {
        /* A timer that fires too early only looks again, so it is left alone. Without memory for it
         * the next reply looks again. */
        (void)th_timer_start(pacer->timers, &pacer->timer, at - now, time_has_come, pacer);
    }
}

static void pump(th_pacer *pacer)
{
    if (pacer->pumping)
        return;
    pacer->pumping = true;
    uint64_t now = th_timers_now(pacer->timers);
    uint64_t opens = 0;
    while (pacer->queued > 0) {
        const char *why;
        opens = opens_at(pacer, now, &why);
        if (opens > now) {
            now = th_timers_now(pacer->timers);
            if (opens > now)
                break;
        }
        th_ticket *ticket = pacer->urgent.first ? pacer->urgent.first : pacer->ordinary.first;
        queue_take(ticket);
        ticket->admitted = true;
        ticket->admitted_at = now;
        pacer->in_flight++;
        pacer->admitted++;
        ticket->admit(ticket);
    }
    pacer->pumping = false;
    wait_until(pacer, opens, now);
    tell_pause(pacer, opens, now);
}

/* --- public ----------------------------------------------------------------------------------- */

static int check_windows(const th_window *windows, size_t nwindows, unsigned concurrency,
                         th_error *err)
{
    if (concurrency == 0)
        return th_fail(err, TH_INVALID, "the concurrency must be at least 1");
    for (size_t i = 0; i < nwindows; i++) {
        if (windows[i].requests < 1 || windows[i].requests > MAX_WINDOW_REQUESTS) {
            return th_fail(err, TH_INVALID, "rate window %zu: %u requests; use 1 to %u", i + 1,
                           windows[i].requests, MAX_WINDOW_REQUESTS);
        }
        if (!(windows[i].seconds > 0 && windows[i].seconds <= MAX_WAIT_SECONDS)) {
            return th_fail(err, TH_INVALID,
                           "rate window %zu: %g seconds; use more than 0 and at most a day", i + 1,
                           windows[i].seconds);
        }
    }
    return 0;
}

int th_pacer_create(th_timers *timers, const th_window *windows, size_t nwindows,
                    unsigned concurrency, th_pacer **out, th_error *err)
{
    *out = NULL;
    int rc = check_windows(windows, nwindows, concurrency, err);
    if (rc)
        return rc;
    th_pacer *pacer = calloc(1, sizeof *pacer);
    struct window *copies = calloc(nwindows + 1, sizeof *copies);
    uint64_t widest = 1;
    for (size_t i = 0; i < nwindows; i++)
        widest = windows[i].requests > widest ? windows[i].requests : widest;
    uint64_t size = 1;
    while (size < 2 * widest)
        size *= 2;
    uint64_t *ends = calloc(size, sizeof *ends);
    if (!pacer || !copies || !ends) {
        free(pacer);
        free(copies);
        free(ends);
        return th_fail(err, TH_INVALID, "not enough memory for a rate window of %llu requests",
                       (unsigned long long)widest);
    }
    for (size_t i = 0; i < nwindows; i++) {
        copies[i].requests = windows[i].requests;
        copies[i].span = th_pacer_ns(windows[i].seconds);
    }
    *pacer = (th_pacer){.timers = timers,
                        .windows = copies,
                        .nwindows = nwindows,
                        .concurrency = concurrency,
                        .ends = ends,
                        .mask = size - 1};
    uint64_t seed = 0;
    if (uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL) != 0)
        seed = uv_hrtime();
    th_pacer_seed(pacer, seed);
    *out = pacer;
    return 0;
}

void th_pacer_destroy(th_pacer *pacer)
{
    if (!pacer)
        return;
    th_timer_stop(pacer->timers, &pacer->timer);
    free(pacer->windows);
    free(pacer->ends);
    free(pacer);
}

void th_pacer_seed(th_pacer *pacer, uint64_t seed)
{
    pacer->random = seed ? seed : 1;
}

void th_pacer_on_pause(th_pacer *pacer,
                       void (*paused)(void *owner, uint64_t until, const th_window *window),
                       void *owner)
{
    pacer->paused = paused;
    pacer->owner = owner;
}

void th_pacer_join(th_pacer *pacer, th_ticket *ticket, bool urgent,
                   void (*admit)(th_ticket *ticket), void *ctx)
{
    *ticket = (th_ticket){.pacer = pacer, .admit = admit, .ctx = ctx, .urgent = urgent};
    queue_put(ticket);
    pump(pacer);
}

void th_pacer_leave(th_ticket *ticket)
{
    th_pacer *pacer = ticket->pacer;

    if (!pacer || ticket->admitted)
        return;
    queue_take(ticket);
    ticket->pacer = NULL;
    if (pacer->queued == 0)
        th_timer_stop(pacer->timers, &pacer->timer);
}

static void tell_held(const struct queue *queue)
{
    for (th_ticket *ticket = queue->first, *next; ticket; ticket = next) {
        next = ticket->next;
        if (ticket->held)
            ticket->held(ticket);
    }
}

void th_pacer_done(th_ticket *ticket, const th_pace_reply *reply)
{
    th_pacer *pacer = ticket->pacer;

    if (!pacer || !ticket->admitted)
        return;
    ticket->pacer = NULL;
    ticket->admitted = false;
    pacer->in_flight--;
    if (reply && pacer->queued == 0) {
        th_pacer_learn(pacer, ticket, reply);
    } else if (reply) {
        uint64_t before, after;
        const char *why, *word;
        th_pacer_held(pacer, &before, &why, &word);
        th_pacer_learn(pacer, ticket, reply);
        if (th_pacer_held(pacer, &after, &why, &word) && after > before)
            th_pacer_ask(pacer);
    }
    pump(pacer);
}

void th_pacer_ask(th_pacer *pacer)
{
    uint64_t until;
    const char *why, *word;

    if (th_pacer_held(pacer, &until, &why, &word)) {
        tell_held(&pacer->urgent);
        tell_held(&pacer->ordinary);
    }
}

bool th_pacer_held(const th_pacer *pacer, uint64_t *until, const char **why, const char **word)
{
    uint64_t now = th_timers_now(pacer->timers);

    *until = 0;
    *why = *word = "";
    if (pacer->hold_until > now) {
        *until = pacer->hold_until;
        *why = pacer->hold_why;
        *word = pacer->hold_word;
    }
    if (pacer->period_end > now && pacer->period_end > *until && pacer->remaining < 1) {
        *until = pacer->period_end;
        *why = "the platform's count";
        *word = pacer->period_word;
    }
    return *until != 0;
}

void th_pacer_stats(const th_pacer *pacer, struct th_pacer_stats *out)
{
    *out = (struct th_pacer_stats){.queued = pacer->queued,
                                   .in_flight = pacer->in_flight,
                                   .admitted = pacer->admitted,
                                   .limited = pacer->limited,
                                   .waiting_for = ""};
    if (pacer->queued == 0)
        return;
    uint64_t now = th_timers_now(pacer->timers);
    uint64_t opens = opens_at(pacer, now, &out->waiting_for);
    if (opens > now && opens != NEVER)
        out->wait_seconds = (double)(opens - now) / NS_PER_SECOND;
}
