/* The last words of a run that an error has ended: for people, or as one JSON object. */
#ifndef TH_REPORT_H
#define TH_REPORT_H

#include <stdbool.h>

#include "base/error.h"

struct th_runtime;

/* Prints "trunkhost: …" for an error that ends the program, or the object; closes err. */
void th_report(bool json, th_error *err);
/* The same for a text of any number of lines. */
void th_report_text(bool json, const char *text);

/* Reports the error that no task can catch any more; returns the exit status for it. Nothing is
 * printed for a run that was cancelled because it was to stop. */
int th_report_uncaught(struct th_runtime *runtime);

#endif
