/*
 * A line that is edited on a terminal, by libedit (editline). It knows nothing of Lua and of the
 * loop: whoever has read from the terminal hands the bytes over, and is told what they have come
 * to.
 *
 * libedit reads keys where it needs them, in the middle of a command of several keys too. So it
 * runs on a thread of its own, which goes on only while th_editline_feed or _answer wait for it:
 * never two at a time, and a key that is half typed stops nobody.
 */
#ifndef TH_EDITLINE_H
#define TH_EDITLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

typedef struct th_editline th_editline;

enum th_edit_event {
    TH_EDIT_MORE,     /* all is used up, the line is not complete */
    TH_EDIT_LINE,     /* Enter: th_editline_text is the line */
    TH_EDIT_END,      /* Ctrl-D on an empty line, or the terminal is gone */
    TH_EDIT_COMPLETE, /* TAB behind th_editline_text: th_editline_answer it */
};

/* Opens the library; the terminal stays as it is until th_editline_begin. TH_UNAVAILABLE when the
 * library is not installed. The streams are borrowed; what is edited appears on `out`. */
int th_editline_create(FILE *in, FILE *out, th_editline **editline, th_error *err);
void th_editline_destroy(th_editline *editline);

/* What the keys for earlier lines bring back, newest last. */
void th_editline_remember(th_editline *editline, const char *line);

/* Shows the prompt and takes over the terminal, until a LINE, an END or th_editline_stop. What was
 * fed beyond the last line comes first: feed nothing to learn of it. `colour` is a terminal's
 * number for the prompt, 0: none. */
void th_editline_begin(th_editline *editline, const char *prompt, int colour);
enum th_edit_event th_editline_feed(th_editline *editline, const char *bytes, size_t len);
/* For COMPLETE: puts `insert` at the cursor, shows `list` below (lines; NULL or "": nothing). */
enum th_edit_event th_editline_answer(th_editline *editline, const char *insert, const char *list);
/* Lives until the next call that changes the line. */
const char *th_editline_text(const th_editline *editline, size_t *len);
/* Leaves the line, and forgets what was typed ahead; the terminal is as it was before. `mark` is
 * written where the cursor is; NULL: nothing. */
void th_editline_stop(th_editline *editline, const char *mark);

/* Takes the line off the screen while something else is written, and puts it back. Both do nothing
 * when that is so already, or when no line is edited. */
void th_editline_hide(th_editline *editline);
void th_editline_show(th_editline *editline);
/* The terminal has another size. */
void th_editline_resized(th_editline *editline);
/* Around a stop of the process: gives the terminal back, and takes it over again. */
void th_editline_suspend(th_editline *editline);
void th_editline_resume(th_editline *editline);

#endif
