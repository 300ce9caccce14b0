#include "ledger/ledger.h"

#include <signal.h>
#include <stdlib.h>

#include "ledger/writer.h"

enum {
    NOTE_MS = 20,        /* how long what nobody waits for may wait for company */
    PATIENT_MS = 5,      /* the same for what somebody waits for, but has time */
    GATHER_NS = 1000000, /* how long one turn of the loop may follow another before a commit */
    KEY_MS = 200, /* how long the writer's key stays in memory while there is nothing to do */
};

struct op_list {
    th_ledger_op *first, *last;
};

/*
 * An operation travels turn → queued → (the worker) → finished → done. The operations of one turn
 * of the loop are handed over together at its end: thirty tasks that are woken in one turn share
 * one fsync instead of the first one making the others wait for a second.
 */
struct th_ledger {
    uv_async_t finish; /* the worker's bell; referenced while an operation is under way */
    uv_idle_t hurry;   /* keeps the loop from sleeping before the end of the turn */
    uv_check_t turn_end;
    uv_timer_t lonely; /* runs while there are notes and nothing else */
    unsigned handles;  /* not closed yet */

    /* the loop's thread only */
    struct op_list turn, done;
    bool ending;    /* the turn is to be handed over at its end */
    bool fresh;     /* somebody waits for something that came since the loop last looked around */
    uint64_t since; /* when the first such came, by uv_hrtime */
    size_t waiting; /* submitted, callback not begun */
    th_error failure;

    th_ledger_writer *writer; /* the worker's, while it runs */
    uv_thread_t worker;
    uv_mutex_t mutex;
    uv_cond_t wake;  /* for the worker: something is queued, or it shall stop */
    uv_cond_t quiet; /* for close: nothing is queued and nothing is being written */
    /* under mutex */
    struct op_list queued, finished;
    bool writing, stopping;
    struct th_ledger_stats stats;
};

static void push(struct op_list *list, th_ledger_op *op)
{
    op->next = NULL;
    if (list->last)
        list->last->next = op;
    else
        list->first = op;
    list->last = op;
}

static th_ledger_op *pop(struct op_list *list)
{
    th_ledger_op *op = list->first;

    if (op && !(list->first = op->next))
        list->last = NULL;
    return op;
}

/* Appends all of `from` to `to`. */
static void move(struct op_list *to, struct op_list *from)
{
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    *from = (struct op_list){0};
}

/* --- the worker ------------------------------------------------------------------------------- */

/* Waits for work, under the mutex. */
static void rest(th_ledger *ledger)
{
    if (!th_ledger_writer_holds_key(ledger->writer))
        uv_cond_wait(&ledger->wake, &ledger->mutex);
    else if (uv_cond_timedwait(&ledger->wake, &ledger->mutex, KEY_MS * 1000000ULL) == UV_ETIMEDOUT)
        th_ledger_writer_forget(ledger->writer);
}

static void work(void *arg)
{
    th_ledger *ledger = arg;
    sigset_t all;

    /* Signals are the loop's business. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);

    uv_mutex_lock(&ledger->mutex);
    for (;;) {
        struct op_list batch = ledger->queued;
        unsigned commits;

        if (!batch.first) {
            ledger->writing = false;
            uv_cond_signal(&ledger->quiet);
            if (ledger->stopping)
                break;
            rest(ledger);
            continue;
        }
        ledger->queued = (struct op_list){0};
        ledger->writing = true;
        uv_mutex_unlock(&ledger->mutex);
        commits = th_ledger_writer_run(ledger->writer, batch.first);
        uv_mutex_lock(&ledger->mutex);
        ledger->stats.commits += commits;
        for (th_ledger_op *op = batch.first; op; op = op->next)
            ledger->stats.ops++;
        move(&ledger->finished, &batch);
        uv_async_send(&ledger->finish);
    }
    uv_mutex_unlock(&ledger->mutex);
}

/* --- the loop's side -------------------------------------------------------------------------- */

static void hand_over(th_ledger *ledger)
{
    uv_idle_stop(&ledger->hurry);
    uv_check_stop(&ledger->turn_end);
    ledger->ending = false;
    if (!ledger->turn.first)
        return;
    uv_mutex_lock(&ledger->mutex);
    move(&ledger->queued, &ledger->turn);
    uv_cond_signal(&ledger->wake);
    uv_mutex_unlock(&ledger->mutex);
}

/* While each turn brings more, what comes may share the commit, but nobody waits long. */
static void on_turn_end(uv_check_t *check)
{
    th_ledger *ledger = check->data;

    if (ledger->fresh && uv_hrtime() - ledger->since < GATHER_NS)
        ledger->fresh = false;
    else
        hand_over(ledger);
}

static void on_lonely(uv_timer_t *timer)
{
    hand_over(timer->data);
}

static void on_hurry(uv_idle_t *idle)
{
    (void)idle; /* being active is all that it is for */
}

/* One at a time from a list that outlives this call, so that a callback may submit, and even close.
 */
static void deliver(th_ledger *ledger)
{
    th_ledger_op *op;

    uv_mutex_lock(&ledger->mutex);
    move(&ledger->done, &ledger->finished);
    uv_mutex_unlock(&ledger->mutex);
    while ((op = pop(&ledger->done))) {
        if (--ledger->waiting == 0)
            uv_unref((uv_handle_t *)&ledger->finish);
        op->next = NULL;
        if (op->cb) {
            op->cb(op);
            continue;
        }
        if (op->result && !ledger->failure.kind)
            th_error_move(&ledger->failure, &op->err);
        th_error_close(&op->err);
        free(op);
    }
}

static void on_finish(uv_async_t *async)
{
    deliver(async->data);
}

/* What is there is handed over at the end of this turn. */
static void hurry(th_ledger *ledger)
{
    ledger->fresh = true;
    if (ledger->ending)
        return;
    ledger->ending = true;
    ledger->since = uv_hrtime();
    uv_idle_start(&ledger->hurry, on_hurry);
    uv_check_start(&ledger->turn_end, on_turn_end);
}

/* It is handed over in this time at the latest. A timer that is left from what has gone since finds
 * nothing to do, or comes a little early. */
static void linger(th_ledger *ledger, uint64_t ms)
{
    if (!uv_is_active((uv_handle_t *)&ledger->lonely) || uv_timer_get_due_in(&ledger->lonely) > ms)
        uv_timer_start(&ledger->lonely, on_lonely, ms, 0);
}

void th_ledger_submit(th_ledger *ledger, th_ledger_op *op)
{
    if (ledger->waiting++ == 0)
        uv_ref((uv_handle_t *)&ledger->finish);
    if (op->cb && !op->patient)
        hurry(ledger);
    else if (!ledger->ending)
        linger(ledger, op->cb ? PATIENT_MS : NOTE_MS);
    push(&ledger->turn, op);
}

void th_ledger_note(th_ledger *ledger, const th_ledger_op *what)
{
    th_ledger_op *op = th_ledger_op_copy(what);

    if (op) {
        op->cb = NULL;
        th_ledger_submit(ledger, op);
    } else if (!ledger->failure.kind) {
        th_fail(&ledger->failure, TH_INVALID, "not enough memory");
    }
}

const th_error *th_ledger_failure(const th_ledger *ledger)
{
    return ledger->failure.kind ? &ledger->failure : NULL;
}

void th_ledger_stats(th_ledger *ledger, struct th_ledger_stats *out)
{
    uv_mutex_lock(&ledger->mutex);
    *out = ledger->stats;
    uv_mutex_unlock(&ledger->mutex);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    th_ledger *ledger = handle->data;

    if (--ledger->handles == 0)
        free(ledger);
}

static void close_handle(th_ledger *ledger, uv_handle_t *handle)
{
    handle->data = ledger;
    ledger->handles++;
    uv_close(handle, on_closed);
}

/* Everything but the thread. Frees the struct when the loop has closed the handles. */
static void dismantle(th_ledger *ledger)
{
    th_ledger_writer_destroy(ledger->writer);
    th_error_close(&ledger->failure);
    uv_cond_destroy(&ledger->quiet);
    uv_cond_destroy(&ledger->wake);
    uv_mutex_destroy(&ledger->mutex);
    close_handle(ledger, (uv_handle_t *)&ledger->finish);
    close_handle(ledger, (uv_handle_t *)&ledger->hurry);
    close_handle(ledger, (uv_handle_t *)&ledger->turn_end);
    close_handle(ledger, (uv_handle_t *)&ledger->lonely);
}

/* What the two threads share, and the handles. 0, or -1 with nothing left behind. */
static int assemble(th_ledger *ledger, uv_loop_t *loop)
{
    if (uv_mutex_init(&ledger->mutex))
        return -1;
    if (uv_cond_init(&ledger->wake))
        goto no_wake;
    if (uv_cond_init(&ledger->quiet))
        goto no_quiet;
    if (uv_async_init(loop, &ledger->finish, on_finish))
        goto no_finish;
    uv_idle_init(loop, &ledger->hurry);
    uv_check_init(loop, &ledger->turn_end);
    uv_timer_init(loop, &ledger->lonely);
    ledger->finish.data = ledger->hurry.data = ledger->turn_end.data = ledger->lonely.data = ledger;
    uv_unref((uv_handle_t *)&ledger->finish);
    uv_unref((uv_handle_t *)&ledger->hurry);
    uv_unref((uv_handle_t *)&ledger->turn_end);
    uv_unref((uv_handle_t *)&ledger->lonely);
    return 0;

no_finish:
    uv_cond_destroy(&ledger->quiet);
no_quiet:
    uv_cond_destroy(&ledger->wake);
no_wake:
    uv_mutex_destroy(&ledger->mutex);
    return -1;
}

int th_ledger_open(uv_loop_t *loop, const char *path, th_ledger **out, th_error *err)
{
    th_ledger *ledger = calloc(1, sizeof *ledger);
    int rc;

    if (!ledger)
        return th_fail(err, TH_INVALID, "cannot open the ledger %s: not enough memory", path);
    if ((rc = th_ledger_writer_create(path, &ledger->writer, err))) {
        free(ledger);
        return rc;
    }
    if (assemble(ledger, loop)) {
        th_ledger_writer_destroy(ledger->writer);
        free(ledger);
        return th_fail(
            err, TH_INVALID,
            "cannot open the ledger %s: the system is out of memory or file descriptors. "
            "Raise the limit (ulimit -n), then start again",
            path);
    }
    if (uv_thread_create(&ledger->worker, work, ledger)) {
        dismantle(ledger);
        return th_fail(
            err, TH_INVALID,
            "cannot open the ledger %s: the system cannot start another thread. Raise the limit "
            "(ulimit -u), then start again",
            path);
    }
    *out = ledger;
    return 0;
}

void th_ledger_close(th_ledger *ledger)
{
    if (!ledger)
        return;
    do {
        hand_over(ledger);
        uv_mutex_lock(&ledger->mutex);
        while (ledger->queued.first || ledger->writing)
            uv_cond_wait(&ledger->quiet, &ledger->mutex);
        uv_mutex_unlock(&ledger->mutex);
        deliver(ledger);
    } while (ledger->turn.first);

    uv_mutex_lock(&ledger->mutex);
    ledger->stopping = true;
    uv_cond_signal(&ledger->wake);
    uv_mutex_unlock(&ledger->mutex);
    uv_thread_join(&ledger->worker);
    dismantle(ledger);
}
