#include "wire/pacer_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_MAX_SECONDS 60.0
/* Two replies of one period may name its end up to a second apart, since most servers round it. */
#define SAME_PERIOD_NS UINT64_C(1000000000)
/* A server that says what remains but not until when is asked again this soon. */
#define PERIOD_UNKNOWN_SECONDS 1.0

uint64_t th_pacer_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    return (uint64_t)ceil(fmin(seconds, MAX_WAIT_SECONDS) * NS_PER_SECOND);
}

static void hold(th_pacer *pacer, uint64_t until, const char *why, const char *word)
{
    if (until > pacer->hold_until) {
        pacer->hold_until = until;
        pacer->hold_why = why;
        snprintf(pacer->hold_word, sizeof pacer->hold_word, "%s", word);
    }
}

/* xorshift64*: repeatable, and good enough to spread programs in time. */
static double random_unit(th_pacer *pacer)
{
    uint64_t x = pacer->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    pacer->random = x;
    return (double)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 11) / (double)(UINT64_C(1) << 53);
}

static void back_off(th_pacer *pacer, const th_ticket *ticket, uint64_t now)
{
    /* Requests that were under way when the first of them was refused are one refusal, not several.
     */
    if (pacer->backoff_step > 0 && ticket->admitted_at < pacer->backoff_at)
        return;
    double seconds = fmin(ldexp(1.0, (int)pacer->backoff_step), BACKOFF_MAX_SECONDS);
    if (seconds < BACKOFF_MAX_SECONDS)
        pacer->backoff_step++;
    pacer->backoff_at = now;
    hold(pacer, now + th_pacer_ns(seconds * (1 + 0.25 * random_unit(pacer))), "back-off", "");
}

/*
 * True when the server has counted requests that cannot be ours. Ours that it may have counted when
 * it answered: all that are in flight, and all that ended no longer than the window before this
 * request was admitted. (Looking back from the reply instead would take those that left our window
 * while it was on its way for somebody else's.)
 */
static bool counts_strangers(const th_pacer *pacer, const struct window *window,
                             const th_ticket *ticket, double used)
{
    uint64_t since = ticket->admitted_at > window->span ? ticket->admitted_at - window->span : 0;
    uint64_t oldest = pacer->tail > pacer->mask ? pacer->tail - pacer->mask : 0;
    uint64_t first = window->head > oldest ? window->head : oldest;

    if (used <= (double)(pacer->in_flight + pacer->tail - first))
        return false;
    while (first > oldest && pacer->ends[(first - 1) & pacer->mask] > since)
        first--;
    return used > (double)(pacer->in_flight + pacer->tail - first);
}

/* False when our own windows explain all that the server has counted: then they also know better
 * than its reset when the next place becomes free. (The request itself has its end noted already.)
 */
static bool count_matters(const th_pacer *pacer, const th_ticket *ticket,
                          const th_pace_reply *reply)
{
    for (size_t i = 0; i < pacer->nwindows; i++) {
        const struct window *window = &pacer->windows[i];
        if ((double)window->requests == reply->limit &&
            !counts_strangers(pacer, window, ticket, reply->limit - reply->remaining))
            return false;
    }
    return true;
}

static void learn_count(th_pacer *pacer, const th_ticket *ticket, const th_pace_reply *reply,
                        uint64_t now)
{
    bool counting = pacer->period_end > now;

    if (!(reply->remaining >= 0)) {
        if (counting)
            pacer->remaining -= 1; /* counted there, but the reply does not say so */
        return;
    }
    uint64_t end = now + th_pacer_ns(reply->reset >= 0 ? reply->reset : PERIOD_UNKNOWN_SECONDS);
    if (!counting || end > pacer->period_end + SAME_PERIOD_NS) {
        pacer->period_end = count_matters(pacer, ticket, reply) ? end : 0;
        pacer->remaining = reply->remaining;
        memcpy(pacer->period_word, reply->word, sizeof pacer->period_word);
    } else if (end + SAME_PERIOD_NS >= pacer->period_end) {
        pacer->remaining = fmin(pacer->remaining, reply->remaining);
        pacer->period_end = end > pacer->period_end ? end : pacer->period_end;
    }
    /* else: an older period, overtaken on the way */
}

void th_pacer_learn(th_pacer *pacer, const th_ticket *ticket, const th_pace_reply *reply)
{
    uint64_t now = th_timers_now(pacer->timers);

    pacer->ends[pacer->tail++ & pacer->mask] = now;
    if (reply->status == 429)
        pacer->limited++;
    if (reply->retry_after > 0)
        hold(pacer, now + th_pacer_ns(reply->retry_after), "Retry-After", reply->word);
    else if (reply->status == 429 && reply->remaining == 0 && reply->reset > 0)
        hold(pacer, now + th_pacer_ns(reply->reset), "the platform's count", reply->word);
    else if (reply->status == 429)
        back_off(pacer, ticket, now);
    if (reply->status >= 200 && reply->status < 400 && ticket->admitted_at >= pacer->backoff_at)
        pacer->backoff_step = 0;
    learn_count(pacer, ticket, reply, now);
}
