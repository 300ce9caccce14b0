#include "sandbox/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/api.h"

enum { ENTRIES_MAX = 100000, VIOLATIONS_MAX = 10000 };

static const char *const methods[SB_METHODS + 1] = {"GET",   "POST",   "PUT",
                                                    "PATCH", "DELETE", "other"};

int sb_journal_init(sb_journal *journal, uint64_t now)
{
    *journal = (sb_journal){.started = now, .violations = json_array()};
    return journal->violations ? 0 : -1;
}

static void forget(sb_journal *journal, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(journal->entries[i].target);
        free(journal->entries[i].body);
    }
    journal->count -= count;
    memmove(journal->entries, journal->entries + count, journal->count * sizeof *journal->entries);
}

void sb_journal_close(sb_journal *journal)
{
    if (journal->count)
        forget(journal, journal->count);
    free(journal->entries);
    json_decref(journal->violations);
    *journal = (sb_journal){0};
}

uint64_t sb_journal_arrival(sb_journal *journal)
{
    return ++journal->requests;
}

static void count(sb_journal *journal, const sb_entry *entry)
{
    size_t method = 0;
    journal->limited += entry->status == 429;
    if (entry->api < 0)
        return;
    struct sb_api_counts *counts = &journal->apis[entry->api];
    while (method < SB_METHODS && strcmp(methods[method], entry->method) != 0)
        method++;
    counts->methods[method]++;
    counts->requests++;
    counts->limited += entry->status == 429;
    counts->statuses[entry->status]++;
    for (unsigned i = 0; i < SB_FAULTS; i++)
        counts->faults[i] += entry->faults >> i & 1;
}

void sb_journal_add(sb_journal *journal, const sb_entry *entry, const sb_request *request)
{
    count(journal, entry);
    if (journal->count == ENTRIES_MAX)
        forget(journal, ENTRIES_MAX / 2);
    if (journal->count == journal->cap) {
        size_t cap = journal->cap ? journal->cap * 2 : 64;
        sb_entry *entries = realloc(journal->entries, cap * sizeof *entries);
        if (!entries)
            return;
        journal->entries = entries;
        journal->cap = cap;
    }
    sb_entry kept = *entry;
    kept.target = strdup(request->target);
    kept.body = request->body.len ? malloc(request->body.len) : NULL;
    if (kept.body)
        memcpy(kept.body, request->body.data, kept.body_len = request->body.len);
    journal->entries[journal->count++] = kept;
}

void sb_journal_violations(sb_journal *journal, const sb_entry *entry, const sb_request *request,
                           const sb_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const sb_finding *finding = &findings->list[i];
        if (entry->api >= 0)
            journal->apis[entry->api].violations++;
        if (json_array_size(journal->violations) >= VIOLATIONS_MAX)
            continue;
        json_t *violation = json_pack(
            "{s:I, s:s?, s:s, s:s, s:s, s:s, s:s}", "n", (json_int_t)entry->number, "api",
            entry->api < 0 ? NULL : sb_apis[entry->api]->name, "method", entry->method, "path",
            request->target, "code", finding->code, "field", finding->field, "text", finding->text);
        json_array_append_new(journal->violations, violation);
    }
}

static json_t *fault_names(unsigned faults)
{
    char names[512] = "";
    for (unsigned i = 0; i < SB_FAULTS; i++) {
        size_t used = strlen(names);
        if (faults >> i & 1)
            snprintf(names + used, sizeof names - used, "%s%s", used ? "+" : "", sb_fault_name(i));
    }
    return *names ? json_string(names) : json_null();
}

static json_t *body_text(const sb_entry *entry)
{
    if (!entry->body)
        return json_null();
    json_t *text = json_stringn(entry->body, entry->body_len);
    return text ? text : json_string("(not UTF-8)");
}

json_t *sb_journal_log(const sb_journal *journal)
{
    json_t *log = json_array();
    for (size_t i = 0; i < journal->count; i++) {
        const sb_entry *entry = &journal->entries[i];
        json_array_append_new(
            log, json_pack("{s:I, s:f, s:s?, s:s, s:s, s:i, s:b, s:o, s:o}", "n",
                           (json_int_t)entry->number, "at", (double)entry->arrived / 1e9, "api",
                           entry->api < 0 ? NULL : sb_apis[entry->api]->name, "method",
                           entry->method, "path", entry->target ? entry->target : "", "status",
                           entry->status, "applied", entry->applied, "fault",
                           fault_names(entry->faults), "body", body_text(entry)));
    }
    return log;
}

static json_t *api_counts(const struct sb_api_counts *counts)
{
    json_t *by_method = json_object(), *by_status = json_object(), *by_fault = json_object();
    for (size_t i = 0; i <= SB_METHODS; i++) {
        if (counts->methods[i])
            json_object_set_new(by_method, methods[i],
                                json_integer((json_int_t)counts->methods[i]));
    }
    for (size_t i = 0; i < sizeof counts->statuses / sizeof counts->statuses[0]; i++) {
        char status[8];
        snprintf(status, sizeof status, "%zu", i);
        if (counts->statuses[i])
            json_object_set_new(by_status, status, json_integer((json_int_t)counts->statuses[i]));
    }
    for (unsigned i = 0; i < SB_FAULTS; i++) {
        if (counts->faults[i])
            json_object_set_new(by_fault, sb_fault_name(i),
                                json_integer((json_int_t)counts->faults[i]));
    }
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "requests", (json_int_t)counts->requests,
                     "limited", (json_int_t)counts->limited, "violations",
                     (json_int_t)counts->violations, "methods", by_method, "statuses", by_status,
                     "faults", by_fault);
}

json_t *sb_journal_counts(const sb_journal *journal)
{
    json_t *counts = json_pack("{s:I, s:I}", "requests", (json_int_t)journal->requests, "limited",
                               (json_int_t)journal->limited);
    for (size_t i = 0; i < SB_APIS; i++)
        json_object_set_new(counts, sb_apis[i]->name, api_counts(&journal->apis[i]));
    return counts;
}
