/*
 * The command line of `trunkhost runs`, `explain` and `secrets`: their options, their one-line
 * errors, and writing to standard output.
 */
#ifndef TH_COMMAND_LINE_H
#define TH_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum { TH_COMMAND_ERROR = 2, TH_COMMAND_HELP = -1 };

/* `--name VALUE` and `--name=VALUE` when value is set, else `--name`. The last one has no name. */
struct th_command_option {
    const char *name; /* "--json" */
    const char **value;
    bool *flag;
};

/*
 * Reads argv[first …] of the command (its name for messages: "runs show"). What is no option goes
 * into words, of which there may be `most`; *count says how many there were. 0; TH_COMMAND_HELP for
 * -h and --help; or TH_COMMAND_ERROR with the complaint printed.
 */
int th_command_parse(const char *command, int argc, char **argv, int first,
                     const struct th_command_option *options, const char **words, int most,
                     int *count);

/* Prints "trunkhost: <message>", closes err, and returns TH_COMMAND_ERROR. */
int th_command_complain(th_error *err);

/* A number of at least 0 that an option has; TH_INVALID otherwise. */
int th_command_number(const char *option, const char *text, int64_t *out, th_error *err);

/* Writes it all to standard output past stdio, whose buffer would keep what is secret, and empties
 * it. TH_INVALID when that fails. */
int th_command_write(th_buf *out, th_error *err);

/* Asks on the terminal; false for anything but yes. -1: there is no terminal to ask on. */
int th_command_ask(const char *question);

#endif
