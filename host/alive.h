/* Whether a process that a run was is still there. */
#ifndef TH_ALIVE_H
#define TH_ALIVE_H

#include <stdbool.h>
#include <sys/types.h>

/* The process `pid` of this machine, which was running at `when` ("2025-01-31T23:59:59.123Z"):
 * false when it has ended, also when nobody has waited for it yet or its number belongs to another
 * one since. host: where it ran; another machine's processes count as ended. */
bool th_process_lives(const char *host, pid_t pid, const char *when);

/* Seconds since 1970 of such a time; negative when it is none. */
double th_time_parse(const char *text);

#endif
