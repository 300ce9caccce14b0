/* The command line up to the script or command; what follows belongs to that. */
#ifndef TH_OPTIONS_H
#define TH_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "runtime/runtime.h"

typedef struct th_options {
    th_runtime_options runtime;
    const char *code; /* -e CODE, or NULL */
    bool check;       /* only look for mistakes */
    bool interactive; /* a prompt, behind the script if there is one */
    bool help, version;
    int rest; /* index in argv of the script or command; argc when there is none */
} th_options;

/* Strings point into argv. TH_INVALID with a hint for anything unknown. */
int th_options_parse(int argc, char **argv, th_options *options, th_error *err);

/* Prints the help for people on standard output. */
void th_options_help(void);

#endif
