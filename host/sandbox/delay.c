#include "sandbox/delay.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef struct sb_held {
    struct sb_held *next;
    struct MHD_Connection *connection;
    struct timespec due;
} sb_held;

struct sb_delay {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    sb_held *first; /* by due time */
    bool stopping, joined;
};

static bool before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static void *run(void *ctx)
{
    sb_delay *delay = ctx;
    pthread_mutex_lock(&delay->lock);
    while (!delay->stopping || delay->first) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        sb_held *held = delay->first;
        if (held && (delay->stopping || !before(&now, &held->due))) {
            delay->first = held->next;
            MHD_resume_connection(held->connection);
            free(held);
        } else if (held) {
            struct timespec due = held->due;
            pthread_cond_timedwait(&delay->changed, &delay->lock, &due);
        } else {
            pthread_cond_wait(&delay->changed, &delay->lock);
        }
    }
    pthread_mutex_unlock(&delay->lock);
    return NULL;
}

sb_delay *sb_delay_create(void)
{
    sb_delay *delay = calloc(1, sizeof *delay);
    pthread_condattr_t monotonic;
    if (!delay)
        return NULL;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&delay->lock, NULL);
    pthread_cond_init(&delay->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&delay->thread, NULL, run, delay) == 0)
        return delay;
    delay->joined = true;
    sb_delay_destroy(delay);
    return NULL;
}

bool sb_delay_hold(sb_delay *delay, struct MHD_Connection *connection, unsigned ms)
{
    sb_held *held = malloc(sizeof *held);
    if (!held)
        return false;
    held->connection = connection;
    clock_gettime(CLOCK_MONOTONIC, &held->due);
    held->due.tv_sec += ms / 1000;
    held->due.tv_nsec += (long)(ms % 1000) * 1000000;
    if (held->due.tv_nsec >= 1000000000) {
        held->due.tv_sec++;
        held->due.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&delay->lock);
    bool holds = !delay->stopping;
    if (holds) {
        sb_held **place = &delay->first;
        while (*place && !before(&held->due, &(*place)->due))
            place = &(*place)->next;
        held->next = *place;
        *place = held;
        MHD_suspend_connection(connection);
        pthread_cond_signal(&delay->changed);
    }
    pthread_mutex_unlock(&delay->lock);
    if (!holds)
        free(held);
    return holds;
}

void sb_delay_stop(sb_delay *delay)
{
    pthread_mutex_lock(&delay->lock);
    delay->stopping = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    if (!delay->joined)
        pthread_join(delay->thread, NULL);
    delay->joined = true;
}

void sb_delay_destroy(sb_delay *delay)
{
    if (!delay)
        return;
    sb_delay_stop(delay);
    pthread_cond_destroy(&delay->changed);
    pthread_mutex_destroy(&delay->lock);
    free(delay);
}
