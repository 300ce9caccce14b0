#include "base/timer.h"

#include <stdlib.h>

enum { NS_PER_MS = 1000000 };
#define NOT_ARMED    UINT64_MAX
#define MANUAL_START UINT64_C(1000000000)

struct th_timers {
    uv_loop_t *loop; /* NULL: manual clock */
    uv_timer_t uv;
    uint64_t armed;  /* what uv is set to, ns; NOT_ARMED when it is stopped */
    uint64_t manual; /* the manual clock's now */
    uint64_t haste;  /* how many times faster than the world's the clock runs */
    uint64_t next_order;
    th_timer **heap; /* owned array of borrowed timers, the earliest first */
    size_t count, cap;
    bool firing; /* arming waits until the callbacks of a pass are through */
};

static bool before(const th_timer *a, const th_timer *b)
{
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void place(th_timers *timers, size_t i, th_timer *timer)
{
    timers->heap[i] = timer;
    timer->slot = i + 1;
}

static void sift_up(th_timers *timers, size_t i, th_timer *timer)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (!before(timer, timers->heap[parent]))
            break;
        place(timers, i, timers->heap[parent]);
        i = parent;
    }
    place(timers, i, timer);
}

static void sift_down(th_timers *timers, size_t i, th_timer *timer)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!before(timers->heap[child], timer))
            break;
        place(timers, i, timers->heap[child]);
        i = child;
    }
    place(timers, i, timer);
}

static void take_out(th_timers *timers, th_timer *timer)
{
    size_t i = timer->slot - 1;
    th_timer *last = timers->heap[--timers->count];

    timer->slot = 0;
    if (last == timer)
        return;
    if (i > 0 && before(last, timers->heap[(i - 1) / 2]))
        sift_up(timers, i, last);
    else
        sift_down(timers, i, last);
}

static void fire_due(th_timers *timers, uint64_t now)
{
    while (timers->count > 0 && timers->heap[0]->due <= now) {
        th_timer *timer = timers->heap[0];
        if (!timers->loop && timer->due > timers->manual)
            timers->manual = timer->due;
        take_out(timers, timer);
        timer->cb(timer);
    }
}

static void wake_up(uv_timer_t *uv);

/*
 * Sets the uv timer to the earliest due. When that one was stopped, the uv timer stays as it is:
 * waking up for nothing once is cheaper than setting it again for each timeout that never comes.
 */
static void arm(th_timers *timers)
{
    if (!timers->loop || timers->firing || uv_is_closing((uv_handle_t *)&timers->uv))
        return;
    if (timers->count == 0) {
        if (timers->armed != NOT_ARMED) {
            timers->armed = NOT_ARMED;
            uv_timer_stop(&timers->uv);
        }
        return;
    }
    uint64_t due = timers->heap[0]->due;
    if (timers->armed <= due)
        return;
    /* uv counts whole milliseconds from a cached time: refresh it, and round the instant itself up.
     */
    uv_update_time(timers->loop);
    uint64_t now_ms = uv_now(timers->loop);
    timers->armed = due;
    due = due / timers->haste + (due % timers->haste != 0);
    uint64_t due_ms = due / NS_PER_MS + (due % NS_PER_MS != 0);
    uv_timer_start(&timers->uv, wake_up, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void wake_up(uv_timer_t *uv)
{
    th_timers *timers = uv->data;

    timers->armed = NOT_ARMED;
    timers->firing = true;
    fire_due(timers, th_timers_now(timers));
    timers->firing = false;
    arm(timers);
}

/* Only a build with tests can be hurried: in earnest, limits and deadlines are real time. */
static uint64_t haste_of_tests(void)
{
#ifdef TH_TESTS
    const char *text = getenv("TRUNKHOST_HASTE");
    unsigned long haste = text ? strtoul(text, NULL, 10) : 1;
    if (haste >= 1 && haste <= 1000)
        return haste;
#endif
    return 1;
}

th_timers *th_timers_create(uv_loop_t *loop)
{
    th_timers *timers = calloc(1, sizeof *timers);

    if (!timers)
        return NULL;
    timers->loop = loop;
    timers->manual = MANUAL_START;
    timers->armed = NOT_ARMED;
    timers->haste = haste_of_tests();
    if (loop) {
        uv_timer_init(loop, &timers->uv);
        timers->uv.data = timers;
    }
    return timers;
}

static void free_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void th_timers_destroy(th_timers *timers)
{
    if (!timers)
        return;
    while (timers->count > 0)
        timers->heap[--timers->count]->slot = 0;
    free(timers->heap);
    timers->heap = NULL;
    timers->cap = 0;
    if (timers->loop)
        uv_close((uv_handle_t *)&timers->uv, free_closed);
    else
        free(timers);
}

uint64_t th_timers_now(const th_timers *timers)
{
    return timers->loop ? uv_hrtime() * timers->haste : timers->manual;
}

int th_timer_start(th_timers *timers, th_timer *timer, uint64_t delay_ns, th_timer_cb cb, void *ctx)
{
    if (timer->slot) {
        take_out(timers, timer);
    } else if (timers->count == timers->cap) {
        size_t cap = timers->cap ? timers->cap * 2 : 64;
        th_timer **heap = realloc(timers->heap, cap * sizeof *heap);
        if (!heap)
            return -1;
        timers->heap = heap;
        timers->cap = cap;
    }
    uint64_t now = th_timers_now(timers);
    timer->due = delay_ns > UINT64_MAX / 2 ? UINT64_MAX / 2 + now : now + delay_ns;
    timer->order = timers->next_order++;
    timer->cb = cb;
    timer->ctx = ctx;
    sift_up(timers, timers->count++, timer);
    arm(timers);
    return 0;
}

void th_timer_stop(th_timers *timers, th_timer *timer)
{
    if (timer->slot) {
        take_out(timers, timer);
        arm(timers);
    }
}

size_t th_timers_count(const th_timers *timers)
{
    return timers->count;
}

void th_timers_advance(th_timers *timers, uint64_t ns)
{
    uint64_t target = timers->manual + ns;

    fire_due(timers, target);
    timers->manual = target;
}
