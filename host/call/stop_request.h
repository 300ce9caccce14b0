/* A request of a run that is stopping: whether it may still be begun, and how long it may wait. */
#ifndef TH_STOP_REQUEST_H
#define TH_STOP_REQUEST_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "runtime/stop.h"
#include "wire/pacer.h"

enum {
    TH_MAX_WAIT_SECONDS = 900,
    TH_LONG_WAIT_SECONDS = 10, /* is said on standard error */
    TH_LONG_PAUSE_SECONDS = 60 /* for our own rate limit: is said each time, a shorter one once */
};

/* What a request that may have to wait knows of its task; filled where the task runs. */
struct th_stop_request {
    const th_stop *stop;
    const char *account; /* borrowed; NULL: of no account */
    double max_wait;     /* seconds; 0: the default */
    uint64_t *told; /* until when a wait was told already; one for all that wait for the same */
    bool admitted, timed;
    bool begun; /* its item has changed something: this is a part of ending it */
};

/* Takes note of the running task. */
void th_stop_note(lua_State *L, struct th_stop_request *request);
/* Whether it may be begun; err (may be NULL) says why not: `cancelled`. While the run is stopping only
 * what has begun, or can go at once; after the deadline no first write. */
bool th_stop_may_begin(const struct th_stop_request *request, bool write, th_error *err);
/* Whether it may wait for its turn (until == 0), or until then because the platform says so; err says
 * why not: `cancelled` where the run is stopping, else `rate_limited` with code "long_wait". Tells of
 * a long wait. `since`: when the platform first refused this very request for its rate (0: it has
 * not), from where on max_wait counts. */
bool th_stop_may_wait(const struct th_stop_request *request, bool begun, uint64_t since,
                      uint64_t until, const char *why, const char *word, th_error *err);
/* Says that an account, or the client of another API, waits until then for a window of its own rate
 * limit. `told` as above. */
void th_stop_tell_pause(const th_stop *stop, const char *name, uint64_t *told, uint64_t until,
                        const th_window *window);

#endif
