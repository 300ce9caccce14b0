/*
 * libcurl's multi interface on a libuv loop.
 *
 * Two places drive libcurl, and nothing else does: a socket event, and the end of a turn of the
 * loop (before it polls again) for everything that is due by time, newly added handles among it. So
 * libcurl is never entered from its own callbacks, and whatever was added in one turn is started
 * together.
 *
 * A socket stays watched between transfers: stopping and starting a poll handle for each of them
 * would cost two or three system calls a request. It is let go when an event comes that nobody
 * waits for, and at once when libcurl has closed it, which it may do without telling.
 */
#ifndef TH_SOCKET_H
#define TH_SOCKET_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct th_socket th_socket;
typedef struct th_driver th_driver;

struct th_driver {
    uv_loop_t *loop;
    unsigned silence_ms; /* a connection whose peer acknowledges nothing for so long is dead; 0 =
                            system */
    CURLM *multi;        /* the owner makes and cleans it up */
    uv_prepare_t turn;   /* runs, and keeps the loop alive, while busy */
    uv_timer_t timer;    /* libcurl's next time-out; never keeps the loop alive */
    uint64_t wake_ms;    /* what libcurl asked for, on the loop's clock; UINT64_MAX = nothing */
    uint64_t armed_ms;   /* what the timer is set to */
    bool busy;
    bool due;       /* libcurl has something to do by time, now */
    bool delivered; /* a transfer has finished since the turn began */
    bool cork;      /* hold frames back until the end of the turn (HTTP/2) */
    bool corked;    /* some are held back now */
    bool closed;    /* nothing may be driven any more */
    unsigned open_handles;
    th_socket **table; /* by descriptor; owned */
    size_t table_size;
    th_socket *sockets; /* a list of those in the table */
    size_t nsockets;
    uint64_t opened; /* sockets that were opened for connections, ever */

    void (*finished)(CURL *curl,
                     CURLcode code);     /* a transfer is through; may add, remove, and close */
    void (*released)(th_driver *driver); /* the last handle has closed: the memory may go */
};

/* Prepares the driver (zeroed but for multi, silence_ms, finished, released) and sets the multi
 * handle's callbacks. Returns 0, or a CURLMcode when libcurl refuses. */
int th_driver_open(th_driver *driver, uv_loop_t *loop);
/* To be called after curl_multi_cleanup. Closes all handles; released is called from the loop. */
void th_driver_close(th_driver *driver);
/* Makes the easy handle open and close its sockets through the driver. */
CURLcode th_driver_adopt(th_driver *driver, CURL *curl);
/* While busy, the loop is kept alive and libcurl driven at each of its turns. */
void th_driver_busy(th_driver *driver, bool busy);

#endif
