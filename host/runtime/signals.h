/* The signals that the loop delivers: SIGINT and SIGTERM stop the run, SIGUSR1 shows what its tasks
 * wait for. Those that would kill the process at a broken pipe or a full disk are ignored. */
#ifndef TH_SIGNALS_H
#define TH_SIGNALS_H

#include <uv.h>

#include "base/error.h"
#include "runtime/stop.h"

typedef struct th_signals {
    th_stop *stop; /* borrowed */
    uv_signal_t handles[3];
    int open;
} th_signals;

int th_signals_open(th_signals *signals, uv_loop_t *loop, th_stop *stop, th_error *err);
/* From here on SIGINT and SIGTERM are ignored. The handles close with the next turns of the loop. */
void th_signals_close(th_signals *signals);

#endif
