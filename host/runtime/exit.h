/* How the program ends. */
#ifndef TH_EXIT_H
#define TH_EXIT_H

#include <stdbool.h>

enum th_exit {
    TH_EXIT_OK = 0,
    TH_EXIT_FAILED = 1,
    TH_EXIT_ERROR = 2,
    TH_EXIT_HALTED = 3,
    TH_EXIT_LOCKED = 75, /* another run holds the lock of an account */
};

/* What the script, a job or the host asks for. */
typedef struct th_verdict {
    int status;   /* enum th_exit, or what os.exit was given */
    bool exiting; /* os.exit was called */
} th_verdict;

/* The worst status that is asked for wins. */
static inline void th_verdict_worsen(th_verdict *verdict, int status)
{
    if (verdict->status < status)
        verdict->status = status;
}

#endif
