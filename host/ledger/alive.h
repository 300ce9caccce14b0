/* Whether a process that a run was is still there. */
#ifndef TH_ALIVE_H
#define TH_ALIVE_H

#include <stdbool.h>
#include <sys/types.h>

enum { TH_PROCESS_NAME = 80 };

/* Names the process `pid` of this machine for good: the boot it belongs to and when in it it
 * started, counted by a clock that nobody sets. Returns out, "" when the system does not tell. */
const char *th_process_name(pid_t pid, char out[static TH_PROCESS_NAME]);

/* The process `pid` of this machine, which was running at `when` ("2025-01-31T23:59:59.123Z"):
 * false when it has ended, also when nobody has waited for it yet or its number belongs to another
 * one since. host: where it ran; another machine's processes count as ended. name: what
 * th_process_name said of it then; without one ("" or NULL) the start of the process is compared
 * with `when`, which a clock that is set can deceive. */
bool th_process_lives(const char *host, pid_t pid, const char *when, const char *name);

/* This instant by the clock that counts since the boot and that nobody sets: the boot and its seconds.
 * Returns out, "" when the system does not tell. */
const char *th_boot_stamp(char out[static TH_PROCESS_NAME]);
/* Seconds since such a stamp; negative when it is of another boot, or another machine, or empty. */
double th_boot_age(const char *stamp);

/* Seconds since 1970 of such a time; negative when it is none. */
double th_time_parse(const char *text);

#endif
