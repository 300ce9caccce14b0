/*
 * Edits a line on a terminal with libedit (editline). It knows nothing of Lua or the loop: the
 * caller reads from the terminal and passes the bytes on, and each call returns an event.
 *
 * libedit reads a key wherever it needs one, also in the middle of a command of several keys. So it
 * runs on a thread of its own. That thread runs only while th_editline_feed or _answer wait for it:
 * the two never run at the same time, and a half-typed key does not block the loop.
 */
#ifndef TH_EDITLINE_H
#define TH_EDITLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

typedef struct th_editline th_editline;

enum th_edit_event {
    TH_EDIT_MORE,     /* all bytes are read, the line is not complete */
    TH_EDIT_LINE,     /* Enter: th_editline_text is the line */
    TH_EDIT_END,      /* Ctrl-D on an empty line, or the terminal is gone */
    TH_EDIT_COMPLETE, /* TAB after th_editline_text: call th_editline_answer */
};

/* Opens the library; the terminal does not change until th_editline_begin. TH_UNAVAILABLE when the
 * library is not installed. The streams are borrowed; the line is shown on `out`. */
int th_editline_create(FILE *in, FILE *out, th_editline **editline, th_error *err);
void th_editline_destroy(th_editline *editline);

/* Adds a line to the history, newest last. */
void th_editline_remember(th_editline *editline, const char *line);

/* Shows the prompt and takes over the terminal, until a LINE, an END or th_editline_stop. Bytes that
 * were fed after the last line come first: feed 0 bytes to get their event. `colour` is the
 * terminal's colour number for the prompt, 0: none. */
void th_editline_begin(th_editline *editline, const char *prompt, int colour);
enum th_edit_event th_editline_feed(th_editline *editline, const char *bytes, size_t len);
/* After COMPLETE: inserts `insert` at the cursor and shows `list`, lines of text, below. NULL or "":
 * nothing. */
enum th_edit_event th_editline_answer(th_editline *editline, const char *insert, const char *list);
/* Valid until the next call that changes the line. */
const char *th_editline_text(const th_editline *editline, size_t *len);
/* Ends editing, drops what was typed ahead, and restores the terminal. `mark` is written at the
 * cursor; NULL: nothing. */
void th_editline_stop(th_editline *editline, const char *mark);

/* Removes the line from the screen while something else is written, and shows it again. Both do
 * nothing when that is already so, or when no line is edited. */
void th_editline_hide(th_editline *editline);
void th_editline_show(th_editline *editline);
/* The size of the terminal has changed. */
void th_editline_resized(th_editline *editline);
/* Before and after the process is stopped: restore the terminal, and take it over again. */
void th_editline_suspend(th_editline *editline);
void th_editline_resume(th_editline *editline);

#endif
