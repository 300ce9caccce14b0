/*
 * The watchdog: a thread that sees when the loop does not turn because code of the script is busy
 * or stands in a call, and makes that known.
 *
 *   after 1 s, 10 s, 60 s, …   a warning names the line
 *   SIGUSR1                    the same at once
 *   SIGINT, SIGTERM            reach the busy code, which otherwise nobody would tell; see below
 *
 * It costs the code that it watches nothing until then: it looks at th_pulse, and only when that
 * stands still it interrupts the main thread (SIGURG, which nobody minds), whose handler sets a
 * debug hook on the state that runs. Everything that needs Lua happens in that hook.
 */
#ifndef TH_WATCHDOG_H
#define TH_WATCHDOG_H

#include "base/error.h"

struct th_stop;
typedef struct th_watchdog th_watchdog;

/* Starts watching the run that `stop` ends; call it from the thread that runs the scripts. A patient
 * one gives no warnings. */
int th_watchdog_create(struct th_stop *stop, bool patient, th_watchdog **out, th_error *err);
/* Ends the thread. NULL is fine. */
void th_watchdog_destroy(th_watchdog *watchdog);

#endif
