/*
 * What happened: every request in order, every violation of the documentation, and the counts.
 */
#ifndef SB_JOURNAL_H
#define SB_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/check.h"
#include "sandbox/faults.h"
#include "sandbox/request.h"

enum { SB_APIS = 6 };

typedef struct sb_entry {
    uint64_t number;  /* 1 is the first since the start or the last reset */
    uint64_t arrived; /* ns since then */
    int api;          /* index, -1: below no API's prefix */
    char method[16];
    char *target;
    int status; /* 0: the connection was closed without a reply */
    bool applied;
    unsigned faults; /* bits of enum sb_fault */
    char *body;      /* raw, NULL when empty */
    size_t body_len;
} sb_entry;

typedef struct sb_journal {
    sb_entry *entries; /* the latest; the oldest half goes when there are too many */
    size_t count, cap;
    json_t *violations; /* array of objects */
    uint64_t requests, limited, started;
    struct sb_api_counts {
        uint64_t requests, limited, violations;
        uint64_t methods[SB_METHODS + 1]; /* the last: any other */
        uint64_t statuses[600];
        uint64_t faults[SB_FAULTS];
    } apis[SB_APIS];
} sb_journal;

/* now: monotonic ns, from which arrivals are counted. 0 or -1 when memory runs out. */
int sb_journal_init(sb_journal *journal, uint64_t now);
void sb_journal_close(sb_journal *journal);

/* Numbers a request that has just arrived. */
uint64_t sb_journal_arrival(sb_journal *journal);
/* Keeps a finished request. Copies what it needs. */
void sb_journal_add(sb_journal *journal, const sb_entry *entry, const sb_request *request);
void sb_journal_violations(sb_journal *journal, const sb_entry *entry, const sb_request *request,
                           const sb_findings *findings);

/* New references; NULL when memory runs out. */
json_t *sb_journal_log(const sb_journal *journal);
json_t *sb_journal_counts(const sb_journal *journal);

#endif
