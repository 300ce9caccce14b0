/*
 * What a spreadsheet makes of a text that it takes for something else: an error value, a rounded
 * number, a truth value, a date. Such a text is never what an operator means by a telephone number,
 * and hardly ever what is meant by anything else.
 */
#ifndef TH_MANGLED_H
#define TH_MANGLED_H

/* Why the text is none that somebody has typed, in words that follow "it "; NULL when it may be:
 * error values (#REF!, #N/A, Err:502), 4.93E+10, TRUE. */
const char *th_mangled_text(const char *text);

/* The same for a telephone number, which is no date (Mar-24, 2026-03-01) and has no fraction (10.0)
 * either. */
const char *th_mangled_number(const char *text);

#endif
