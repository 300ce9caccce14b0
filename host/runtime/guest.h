/*
 * Guests of a run: what others keep in it beyond one call (accounts, HTTP clients, handles on the
 * loop, child processes). The run does not know what they are; it tells them when it stops and when
 * it ends.
 */
#ifndef TH_GUEST_H
#define TH_GUEST_H

#include <stdbool.h>

typedef struct th_guest th_guest;

/* A member of its owner's struct. Every function may be NULL. */
struct th_guest {
    /* A stop was asked for, or the deadline has come: requests that wait ask again whether they
     * may. */
    void (*stopping)(th_guest *guest);
    /* Whether the loop may still call the script, although every task waits for another one. */
    bool (*may_call)(th_guest *guest);
    /* The script has ended: releases what needs the loop or the Lua state, and turns the loop until
     * that is done. False: something does not end, and the process can only be left by _exit. */
    bool (*close)(th_guest *guest);
    /* After the Lua state was closed; the guest is in no list any more. */
    void (*destroy)(th_guest *guest);

    th_guest *next, **link; /* the list's */
};

typedef struct th_guests {
    th_guest *first, *closed;
} th_guests;

void th_guest_add(th_guests *guests, th_guest *guest);
/* Nothing happens for one that is in no list. */
void th_guest_remove(th_guest *guest);

void th_guests_stopping(const th_guests *guests);
bool th_guests_may_call(const th_guests *guests);
/* Closes all, the newest first; false when one of them does not end. */
bool th_guests_close(th_guests *guests);
/* Forgets all of them. */
void th_guests_destroy(th_guests *guests);

#endif
