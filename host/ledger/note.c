/* Operations that carry their own strings, for callers that do not stay to hold them. Secrets leave
 * the texts here, on the loop: when the writing thread comes to them, they may be forgotten. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "ledger/ledger.h"

#define MEMBER(name) offsetof(th_ledger_op, name)

static const size_t strings[] = {
    MEMBER(run),         MEMBER(account),    MEMBER(provider),     MEMBER(trunk),
    MEMBER(field),       MEMBER(script),     MEMBER(arguments),    MEMBER(script_hash),
    MEMBER(host),        MEMBER(endpoint),   MEMBER(resumed_from), MEMBER(method),
    MEMBER(message),     MEMBER(evidence),   MEMBER(plan),         MEMBER(error),
    MEMBER(natural_key), MEMBER(before),     MEMBER(after),        MEMBER(undoes_run),
    MEMBER(label),       MEMBER(conclusion), MEMBER(purpose),
};

enum { STRINGS = sizeof strings / sizeof strings[0] };

/* What only people read. The others are looked up again, compared, or sent back to a platform: they
 * name a trunk or hold its fields, and must stay what they are. */
static bool is_for_people(size_t member)
{
    static const size_t members[] = {MEMBER(arguments), MEMBER(message), MEMBER(evidence),
                                     MEMBER(error),     MEMBER(label),   MEMBER(conclusion)};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (members[i] == member)
            return true;
    return false;
}

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
    op = malloc(sizeof *op + room);
    if (!op)
        return NULL;
    *op = copy;
    at = (char *)(op + 1);
    for (size_t i = 0; i < STRINGS; i++) {
        if (!lengths[i])
            continue;
        memcpy(at, *string_at(&copy, i), lengths[i]);
        if (is_for_people(strings[i]))
            th_redact_text(at);
        *string_at(op, i) = at;
        at += lengths[i];
    }
    return op;
}
