/* What a run runs: a script's file or the text of -e, with its arguments. */
#ifndef TH_SCRIPT_H
#define TH_SCRIPT_H

#include <lua.h>

#include "base/error.h"

typedef struct th_script {
    const char *path; /* of the file; what it is called when there is code */
    const char *name; /* as it was named on the command line; NULL: none, only with a prompt */
    const char *code; /* the text of -e, or NULL */
    int argc;
    char **argv; /* its own arguments */
    const char
        *prompt; /* runs a script (its first argument, nil: none), then what is typed; or NULL */

    char *arguments; /* owned: the same as a JSON array; NULL: not known */
    char hash[65];   /* "" until asked for */
} th_script;

/* Loads the script and makes it the main task. The strings must outlive the run. TH_INVALID when it
 * cannot be read, has a syntax error, or memory runs out. */
int th_script_start(th_script *script, lua_State *L, th_error *err);
/* SHA-256 of its text, in hexadecimal; "" when it cannot be read any more. */
const char *th_script_hash(th_script *script);

#endif
