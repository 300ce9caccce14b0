#include "wire/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTHING UINT64_MAX

/*
 * One per descriptor. Those that libcurl opened through us may stay watched while libcurl has no
 * use for them. Others (its resolver's wake-up pipe) are closed behind our back after a
 * CURL_POLL_REMOVE, and have to be let go there and then.
 *
 * Ours are closed through us when they have carried a request, but not always before: libcurl 7.88
 * closes what is still connecting, or shaking hands, by itself. (A request was stopped, an attempt
 * ran out of time, another address was quicker.) The CURL_POLL_REMOVE comes after that, or not at
 * all when libcurl never waited for the socket or has opened another under the same number. libuv
 * must not go on with a number that was given up: it refuses the next socket that gets it, and ends
 * the process when it is not open. So see gone.
 */
struct th_socket {
    uv_poll_t poll;
    th_driver *driver;
    curl_socket_t fd;
    ino_t inode; /* tells it from another that got its number later */
    bool ours;
    bool fresh; /* opened in this call into libcurl */
    bool closing;
    int wanted;  /* uv events that libcurl waits for */
    int watched; /* uv events that the loop reports */
    th_socket *next, *prev;
};

/* --- the table -------------------------------------------------------------------------------- */

static th_socket *find(const th_driver *driver, curl_socket_t fd)
{
    return fd >= 0 && (size_t)fd < driver->table_size ? driver->table[fd] : NULL;
}

static ino_t inode_of(curl_socket_t fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static bool gone(const th_socket *s)
{
    return inode_of(s->fd) != s->inode;
}

static void free_socket(uv_handle_t *handle)
{
    free(handle->data);
}

static th_socket *add(th_driver *driver, curl_socket_t fd, bool ours)
{
    if ((size_t)fd >= driver->table_size) {
        size_t size = driver->table_size ? driver->table_size : 64;
        while (size <= (size_t)fd)
            size *= 2;
        th_socket **table = realloc(driver->table, size * sizeof(th_socket *));
        if (!table)
            return NULL;
        memset(table + driver->table_size, 0, (size - driver->table_size) * sizeof(th_socket *));
        driver->table = table;
        driver->table_size = size;
    }
    th_socket *s = calloc(1, sizeof *s);
    if (!s || uv_poll_init_socket(driver->loop, &s->poll, fd) != 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->driver = driver;
    s->fd = fd;
    s->inode = inode_of(fd);
    s->ours = ours;
    s->fresh = true;
    uv_unref((uv_handle_t *)&s->poll);
    s->next = driver->sockets;
    if (s->next)
        s->next->prev = s;
    driver->sockets = s;
    driver->nsockets++;
    driver->table[fd] = s;
    return s;
}

/* Has to come before another socket is watched under its number; better before it is closed. */
static void drop(th_socket *s)
{
    th_driver *driver = s->driver;

    driver->table[s->fd] = NULL;
    *(s->prev ? &s->prev->next : &driver->sockets) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    driver->nsockets--;
    s->closing = true;
    uv_close((uv_handle_t *)&s->poll, free_socket);
}

/* What was opened and given up in one call into libcurl: it never waited for it, so nothing is said
 * of its end. New ones are at the head of the list. */
static void look_at_fresh(th_driver *driver)
{
    for (th_socket *s = driver->sockets, *next; s && s->fresh; s = next) {
        next = s->next;
        s->fresh = false;
        if (s->ours && gone(s))
            drop(s);
    }
}

/* --- holding frames back ---------------------------------------------------------------------- */

/*
 * libcurl writes each HTTP/2 frame by itself. Held back until the end of the turn, those of all
 * requests leave together, which saves a third of the CPU time. It also keeps the head and the body
 * of a request together: libcurl 7.88 takes it for an error when a server answers before it has
 * seen the body.
 */
static void set_cork(th_driver *driver, int on)
{
    if (driver->corked == (on != 0))
        return;
    driver->corked = on;
    for (th_socket *s = driver->sockets; s; s = s->next)
        if (s->ours)
            setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

/* --- driving ---------------------------------------------------------------------------------- */

/* After every action, because libcurl reports the last failure when it no longer counts any handle
 * as running. Messages are read one by one: finished may remove others that are queued here. */
static void drain(th_driver *driver)
{
    CURLMsg *message;
    int left;

    while (!driver->closed && (message = curl_multi_info_read(driver->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            driver->delivered = true;
            driver->finished(message->easy_handle, message->data.result);
        }
    }
}

static void act(th_driver *driver, curl_socket_t fd, int flags)
{
    int running;

    if (driver->cork)
        set_cork(driver, 1);
    curl_multi_socket_action(driver->multi, fd, flags, &running);
    look_at_fresh(driver);
    drain(driver);
}

static void on_event(uv_poll_t *poll, int status, int events);

static void watch(th_socket *s, int events)
{
    if (events && events != s->watched)
        s->watched = uv_poll_start(&s->poll, events, on_event) == 0 ? events : 0;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    th_socket *s = poll->data;
    int flags = 0;

    if (status < 0) {
        /* An error on the socket arrives as UV_EBADF without events, and libuv has stopped polling.
         * What the server sent before it can still be read: libcurl gives up at once when it is
         * told of the error alone, so tell it of all that it waits for. */
        s->watched = 0;
        flags = CURL_CSELECT_ERR;
        events = UV_READABLE | UV_WRITABLE;
    }
    events &= s->wanted;
    flags |= (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
             (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    if (events) {
        act(s->driver, s->fd, flags);
        if (!s->closing && s->watched == 0)
            watch(s, s->wanted);
    } else {
        uv_poll_stop(poll);
        s->watched = 0;
        watch(s, s->wanted);
    }
}

static void set_timer(th_driver *driver);

static void on_timer(uv_timer_t *timer)
{
    th_driver *driver = timer->data;

    driver->armed_ms = NOTHING;
    if (driver->wake_ms <= uv_now(driver->loop)) {
        driver->due = true; /* on_turn does it, before the loop sleeps */
        driver->wake_ms = NOTHING;
    } else {
        set_timer(driver);
    }
}

/* A timer that is set too early is left alone; it only looks again. */
static void set_timer(th_driver *driver)
{
    if (driver->wake_ms < driver->armed_ms) {
        uint64_t now = uv_now(driver->loop);
        driver->armed_ms = driver->wake_ms;
        uv_timer_start(&driver->timer, on_timer, driver->wake_ms > now ? driver->wake_ms - now : 0,
                       0);
    }
}

static void on_turn(uv_prepare_t *turn)
{
    th_driver *driver = turn->data;

    driver->delivered = false;
    if (driver->due) {
        driver->due = false;
        act(driver, CURL_SOCKET_TIMEOUT, 0);
    }
    if (driver->closed)
        return;
    set_cork(driver, 0);
    if (driver->due || driver->delivered) {
        /* Something was added, or somebody has to look at a result: the loop may take its events,
         * but not sleep. */
        driver->wake_ms = 0;
        set_timer(driver);
    } else if (!driver->busy) {
        uv_prepare_stop(turn);
    }
}

/* --- libcurl's callbacks: they take notes, and never call libcurl ----------------------------- */

static int want_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    th_driver *driver = ctx;

    (void)multi;
    driver->wake_ms = NOTHING;
    if (timeout_ms == 0) {
        driver->due = true;
    } else if (timeout_ms > 0) {
        uv_update_time(
            driver->loop); /* the time-out counts from now, not from the turn's beginning */
        driver->wake_ms = uv_now(driver->loop) + (uint64_t)timeout_ms;
        set_timer(driver);
    }
    return 0;
}

static int want_socket(CURL *curl, curl_socket_t fd, int what, void *ctx, void *unused)
{
    th_driver *driver = ctx;
    th_socket *s = find(driver, fd);

    (void)curl;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (s && s->ours && !gone(s))
            s->wanted = 0;
        else if (s)
            drop(s);
        return 0;
    }
    if (!s && !(s = add(driver, fd, false)))
        return -1;
    s->wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    watch(s, s->wanted);
    return 0;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    th_driver *driver = ctx;

    (void)purpose;
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                              address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    th_socket *old = find(driver, fd);
    int wanted = old ? old->wanted : 0;
    if (old)
        drop(old);
    th_socket *s = add(driver, fd, true);
    if (!s) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    /* When the old one was given up in this same call, libcurl does not say again what it waits
     * for.
     */
    s->wanted = wanted;
    watch(s, wanted);
    /* A dead HTTP/2 connection would take all further requests until the system gives it up after a
     * quarter of an hour: a stream that runs out of time does not close it. */
    if (driver->silence_ms) {
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &driver->silence_ms,
                   sizeof driver->silence_ms);
    }
    driver->opened++;
    return fd;
}

static int close_socket(void *ctx, curl_socket_t fd)
{
    th_socket *s = find(ctx, fd);

    if (s)
        drop(s);
    return close(fd);
}

/* --- life ------------------------------------------------------------------------------------- */

int th_driver_open(th_driver *driver, uv_loop_t *loop)
{
    driver->loop = loop;
    driver->wake_ms = driver->armed_ms = NOTHING;
    uv_prepare_init(loop, &driver->turn);
    uv_timer_init(loop, &driver->timer);
    uv_unref((uv_handle_t *)&driver->timer);
    driver->turn.data = driver->timer.data = driver;
    driver->open_handles = 2;

    CURLMcode code = curl_multi_setopt(driver->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    code = code ? code : curl_multi_setopt(driver->multi, CURLMOPT_SOCKETDATA, driver);
    code = code ? code : curl_multi_setopt(driver->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    code = code ? code : curl_multi_setopt(driver->multi, CURLMOPT_TIMERDATA, driver);
    return code;
}

CURLcode th_driver_adopt(th_driver *driver, CURL *curl)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, driver);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, driver);
    return code;
}

void th_driver_busy(th_driver *driver, bool busy)
{
    driver->busy = busy; /* when it is over, the end of this turn still has to let frames go */
    if (busy && !driver->closed)
        uv_prepare_start(&driver->turn, on_turn);
}

static void handle_closed(uv_handle_t *handle)
{
    th_driver *driver = handle->data;

    if (--driver->open_handles == 0) {
        free(driver->table);
        driver->released(driver);
    }
}

void th_driver_close(th_driver *driver)
{
    driver->closed = true;
    /* Normally none is left: libcurl has closed its sockets through close_socket. */
    while (driver->sockets)
        drop(driver->sockets);
    uv_close((uv_handle_t *)&driver->turn, handle_closed);
    uv_close((uv_handle_t *)&driver->timer, handle_closed);
}
