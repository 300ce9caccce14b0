/* Operations that carry their own strings, for callers that do not stay to hold them. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

#define MEMBER(name) offsetof(th_ledger_op, name)

static const size_t strings[] = {
    MEMBER(run),         MEMBER(account),    MEMBER(provider),     MEMBER(trunk),
    MEMBER(field),       MEMBER(script),     MEMBER(arguments),    MEMBER(script_hash),
    MEMBER(host),        MEMBER(endpoint),   MEMBER(resumed_from), MEMBER(method),
    MEMBER(message),     MEMBER(evidence),   MEMBER(plan),         MEMBER(error),
    MEMBER(natural_key), MEMBER(before),     MEMBER(after),        MEMBER(undoes_run),
    MEMBER(label),       MEMBER(conclusion),
};

enum { STRINGS = sizeof(strings) / sizeof(strings[0]) };

static const char **string_at(th_ledger_op *op, size_t i)
{
    return (const char **)(void *)((char *)op + strings[i]);
}

th_ledger_op *th_ledger_op_copy(const th_ledger_op *what)
{
    th_ledger_op copy = *what, *op;
    size_t lengths[STRINGS], room = 0;
    char *at;

    for (size_t i = 0; i < STRINGS; i++) {
        const char *text = *string_at(&copy, i);

        lengths[i] = text ? strlen(text) + 1 : 0;
        room += lengths[i];
    }
    op = malloc(sizeof(*op) + room);
    if (!op)
        return NULL;
    *op = copy;
    at = (char *)(op + 1);
    for (size_t i = 0; i < STRINGS; i++) {
        if (!lengths[i])
            continue;
        memcpy(at, *string_at(&copy, i), lengths[i]);
        *string_at(op, i) = at;
        at += lengths[i];
    }
    return op;
}
