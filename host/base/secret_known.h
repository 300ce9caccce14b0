/*
 * Every secret that is alive, findable by what it is: what the redactor looks a text up in. A secret
 * enters when its bytes are there and leaves when its last reference goes; nobody else has to think
 * of it. What it costs does not depend on how many there are.
 */
#ifndef TH_SECRET_KNOWN_H
#define TH_SECRET_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

/* Shorter ones are parts of ordinary words and numbers: to blot them out would make every output
 * unreadable. A word of small letters alone ("sandbox") has to be longer. docs/security.md names
 * both numbers. */
enum { TH_SECRET_KNOWN_LEAST = 6, TH_SECRET_WORD_LEAST = 8 };

typedef struct th_secret_arena th_secret_arena;

struct th_secret {
    atomic_size_t refs;
    th_secret_arena *home;       /* NULL: a block of its own */
    th_secret *next, **previous; /* in the table of what is known; next also among free slots */
    uint64_t hash;
    uint16_t len;
    bool known;
    atomic_bool revealed; /* a script has its text, by reveal() */
    char bytes[];
};

/* The table belongs to whoever holds this lock, and so do the arenas of secrets. */
void th_secret_lock(void);
void th_secret_unlock(void);

/* All that follows is called with the lock held. */
void th_secret_learn(th_secret *secret);
void th_secret_forget(th_secret *secret);
bool th_secret_any_known(void);
/* The length of the longest known secret that the n bytes at `text` begin with; 0: none does.
 * Without `revealed` those that a script has revealed are passed over. */
size_t th_secret_known_at(const unsigned char *text, size_t n, bool revealed);

#endif
