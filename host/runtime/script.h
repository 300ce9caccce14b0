/* What a run runs: a script's file or the text of -e, with its arguments. */
#ifndef TH_SCRIPT_H
#define TH_SCRIPT_H

#include <stdbool.h>

#include "base/error.h"

struct th_runtime;

typedef struct th_script {
    const char *path; /* of the file; what it is called when there is code */
    const char *name; /* as it was named on the command line; NULL: none, only with a prompt */
    const char *code; /* the text of -e, or NULL */
    int argc;
    char **argv; /* its own arguments */
    const char
        *prompt; /* runs a script (its first argument, nil: none), then what is typed; or NULL */
} th_script;

/* Loads the script and makes it the main task. The strings must outlive the run. TH_INVALID when it
 * cannot be read, has a syntax error, or memory runs out. */
int th_script_start(struct th_runtime *runtime, const th_script *script, th_error *err);

#endif
