/*
 * Standard error as people see it: log lines, and below them one progress line that log lines never
 * garble. Without a terminal there are no control characters, and the progress becomes an ordinary
 * line now and then.
 */
#ifndef TH_TERMINAL_H
#define TH_TERMINAL_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum th_log_level { TH_LOG_DEBUG, TH_LOG_INFO, TH_LOG_WARN, TH_LOG_ERROR, TH_LOG_OFF };

/* A line that somebody types while other things are written: it goes away before, and comes back
 * behind them. */
struct th_typed_line {
    void (*hide)(void *ctx), (*show)(void *ctx);
    void *ctx;
};

typedef struct th_terminal {
    FILE *out;
    bool tty, colour;
    bool json; /* log lines as JSON objects */
    enum th_log_level level;
    char progress[512]; /* what the line says; "" = none */
    bool drawn;
    uint64_t drawn_at;                 /* ns, monotonic */
    const struct th_typed_line *typed; /* borrowed; NULL: nobody types */
} th_terminal;

void th_terminal_init(th_terminal *terminal, FILE *out, enum th_log_level level, bool json);

/* Width of the terminal behind the stream; 80 when it does not say. */
int th_terminal_columns(FILE *stream);

/* "debug" … "error" → level, or -1. */
int th_log_level_parse(const char *name);

/* Writes one log line; `fields` is the stack index of a table of extra fields, or 0. Secrets in it
 * print as [secret]. L may be NULL when fields is 0. */
void th_log(th_terminal *terminal, enum th_log_level level, lua_State *L, int fields,
            const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Only composes such a line, with its newline, for a thread that must not touch the terminal's
 * state. Appends it to line; false when there is none: the level is not shown, or memory runs out.
 */
bool th_log_line(const th_terminal *terminal, enum th_log_level level, const char *message,
                 th_buf *line);

/* Shows text as the progress line ("" takes it away). On a terminal at most ten times a second
 * unless `now`; elsewhere at most a line a minute. */
void th_progress_set(th_terminal *terminal, const char *text, bool now);
/* Takes the line off the screen while something else is written, and puts it back. */
void th_progress_hide(th_terminal *terminal);
void th_progress_show(th_terminal *terminal);
/* Somebody begins to type on this terminal, or (NULL) has ended: meanwhile there is no progress
 * line.
 */
void th_terminal_type(th_terminal *terminal, const struct th_typed_line *typed);
/* Takes it off for good, so that the shell's prompt starts on a clean line. */
void th_progress_end(th_terminal *terminal);

#endif
