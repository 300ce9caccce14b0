#include "runtime/guest.h"

#include <stddef.h>

static void insert(th_guest **first, th_guest *guest)
{
    guest->next = *first;
    guest->link = first;
    if (guest->next)
        guest->next->link = &guest->next;
    *first = guest;
}

void th_guest_add(th_guests *guests, th_guest *guest)
{
    insert(&guests->first, guest);
}

void th_guest_remove(th_guest *guest)
{
    if (!guest->link)
        return;
    *guest->link = guest->next;
    if (guest->next)
        guest->next->link = guest->link;
    guest->next = NULL;
    guest->link = NULL;
}

void th_guests_stopping(const th_guests *guests)
{
    for (th_guest *guest = guests->first; guest; guest = guest->next)
        if (guest->stopping)
            guest->stopping(guest);
}

bool th_guests_may_call(const th_guests *guests)
{
    for (th_guest *guest = guests->first; guest; guest = guest->next)
        if (guest->may_call && guest->may_call(guest))
            return true;
    return false;
}

/* While one closes, others may be removed. */
bool th_guests_close(th_guests *guests)
{
    bool ended = true;
    while (guests->first) {
        th_guest *guest = guests->first;
        th_guest_remove(guest);
        insert(&guests->closed, guest);
        if (guest->close && !guest->close(guest))
            ended = false;
    }
    return ended;
}

void th_guests_destroy(th_guests *guests)
{
    while (guests->closed) {
        th_guest *guest = guests->closed;
        th_guest_remove(guest);
        if (guest->destroy)
            guest->destroy(guest);
    }
}
