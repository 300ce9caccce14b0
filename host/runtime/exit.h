/* The exit statuses of the program. */
#ifndef TH_EXIT_H
#define TH_EXIT_H

enum th_exit {
    TH_EXIT_OK = 0,
    TH_EXIT_FAILED = 1,
    TH_EXIT_ERROR = 2,
    TH_EXIT_HALTED = 3,
    TH_EXIT_LOCKED = 75, /* another run holds the lock of an account */
};

#endif
