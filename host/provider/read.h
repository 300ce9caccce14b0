/*
 * Reading a Lua table that somebody wrote by hand: typed members, the place of each in words, and a
 * fault for everything that is wrong, so that all of it can be mended in one go.
 *
 * Every function may raise a Lua error when memory runs out, and only then: what is made belongs to
 * the arena, so nothing is lost. Tables are read raw.
 */
#ifndef TH_PROVIDER_READ_H
#define TH_PROVIDER_READ_H

#include "provider/impl.h"

typedef struct th_reader {
    lua_State *L;
    th_arena *arena;
    th_error *err;
    size_t faults;  /* found so far */
    char path[512]; /* of the table that is being read, "" = the description itself */
    size_t path_len;
} th_reader;

/* Zeroed memory of the arena; never NULL. */
void *th_reader_alloc(th_reader *r, size_t size);
char *th_reader_copy(th_reader *r, const char *text, size_t len);

/* Adds a fault at the member of the table that is being read (NULL: the table itself). */
void th_reader_fault(th_reader *r, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "is not known" with the nearest known name; what: "member", "field", … */
void th_reader_unknown(th_reader *r, const char *member, const char *name, const char *what,
                       const char *const *known);

/* Makes the path longer, until th_reader_leave gets the value that was returned. */
size_t th_reader_enter(th_reader *r, const char *member);
size_t th_reader_enter_item(th_reader *r, size_t index);
void th_reader_leave(th_reader *r, size_t mark);

/* Faults for every member that is not in the NULL-ended list; items 1 … items are accepted. */
void th_reader_known(th_reader *r, int idx, const char *const *known, size_t items);
/* The sorted string keys of the table, NULL-ended; other keys are faults. */
const char *const *th_reader_keys(th_reader *r, int idx, size_t *count);

/* Pushes the member and returns true, or pushes nothing and returns false: when it is not there (a
 * fault if needed), or not of the Lua type (a fault). */
bool th_reader_push(th_reader *r, int idx, const char *member, int type, bool needed);

/* Each returns the value (strings: in the arena, not empty), or NULL, false, -1 when there is none.
 */
const char *th_reader_string(th_reader *r, int idx, const char *member, bool needed);
bool th_reader_boolean(th_reader *r, int idx, const char *member);
bool th_reader_number(th_reader *r, int idx, const char *member, double *out);
/* The index of the member's text in a NULL-ended list. */
int th_reader_choice(th_reader *r, int idx, const char *member, const char *const *choices,
                     bool needed);
/* The member as a list of distinct, non-empty strings, NULL-ended; NULL when there is none. */
const char *const *th_reader_strings(th_reader *r, int idx, const char *member, bool needed,
                                     size_t *count);
/* How many items the list at idx has. A gap or another key is a fault. */
size_t th_reader_length(th_reader *r, int idx);

/* The value on top of the stack as a scalar (strings copied); false when it is none. */
bool th_reader_scalar(th_reader *r, int idx, th_scalar *out);

/* True for 1 … 64 characters that begin with a lower-case letter and go on with lower-case letters,
 * digits, `_` and, with dots, `.`. */
bool th_reader_is_name(const char *name, bool dots);

#endif
