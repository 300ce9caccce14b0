/* The words for states, as they stand in the ledger and in what the commands print. */
#include <string.h>

#include "ledger/ledger.h"

static const char *const secret_states[] = {
    [TH_CANDIDATE] = "candidate",
    [TH_CURRENT] = "current",
    [TH_PREVIOUS] = "previous",
    [TH_REJECTED] = "rejected",
};

static const char *const item_states[] = {
    [TH_ITEM_PLANNED] = "planned", [TH_ITEM_RUNNING] = "running", [TH_ITEM_DONE] = "done",
    [TH_ITEM_FAILED] = "failed",   [TH_ITEM_UNKNOWN] = "unknown", [TH_ITEM_SKIPPED] = "skipped",
};

static const char *const attempt_states[] = {
    [TH_ATTEMPT_SENT] = "sent",       [TH_ATTEMPT_OK] = "ok",
    [TH_ATTEMPT_REFUSED] = "refused", [TH_ATTEMPT_AMBIGUOUS] = "ambiguous",
    [TH_ATTEMPT_UNSENT] = "unsent",
};

static const char *const create_states[] = {
    [TH_CREATE_INTENDED] = "intended",
    [TH_CREATE_LANDED] = "landed",
    [TH_CREATE_ABSENT] = "absent",
    [TH_CREATE_UNKNOWN] = "unknown",
};

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))
#define NAME(names, state)                                                                         \
    ((unsigned)(state) < COUNT(names) ? (names)[(unsigned)(state)] : "(no such state)")

const char *th_secret_state_name(enum th_secret_state state)
{
    return NAME(secret_states, state);
}

const char *th_item_state_name(enum th_item_state state)
{
    return NAME(item_states, state);
}

const char *th_attempt_state_name(enum th_attempt_state state)
{
    return NAME(attempt_states, state);
}

const char *th_create_state_name(enum th_create_state state)
{
    return NAME(create_states, state);
}

static size_t find(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;

    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i < count ? i : 0;
}

enum th_secret_state th_secret_state_of(const char *name)
{
    return (enum th_secret_state)find(secret_states, COUNT(secret_states), name);
}

enum th_item_state th_item_state_of(const char *name)
{
    return (enum th_item_state)find(item_states, COUNT(item_states), name);
}
