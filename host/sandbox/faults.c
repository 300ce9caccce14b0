#include "sandbox/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/random.h"

static const char *const names[SB_FAULTS] = {
    [SB_TOUCHED] = "touched",
    [SB_DROP] = "drop",
    [SB_HTML] = "html",
    [SB_LIMIT] = "limit",
    [SB_BUSY] = "busy",
    [SB_TIMEOUT_BEFORE] = "timeout_before",
    [SB_ERROR_BEFORE] = "error_before",
    [SB_REFUSE] = "refuse",
    [SB_ERROR_200] = "error_200",
    [SB_EMPTY_BEFORE] = "empty_before",
    [SB_BLANK_BEFORE] = "blank_before",
    [SB_ACCEPTED_BEFORE] = "accepted_before",
    [SB_UNCHANGED] = "unchanged",
    [SB_OTHER_BEFORE] = "other_before",
    [SB_LOST_REPLY] = "lost_reply",
    [SB_TIMEOUT_AFTER] = "timeout_after",
    [SB_ERROR_AFTER] = "error_after",
    [SB_CUT_BODY] = "cut_body",
    [SB_EMPTY_AFTER] = "empty_after",
    [SB_BLANK_AFTER] = "blank_after",
    [SB_ACCEPTED_AFTER] = "accepted_after",
    [SB_OTHER_AFTER] = "other_after",
    [SB_SHORT_LIST] = "short_list",
    [SB_SHIFTING_LIST] = "shifting_list",
    [SB_EMPTY_PAGE] = "empty_page",
    [SB_SAME_PAGE] = "same_page",
    [SB_SLOW] = "slow",
    [SB_AUTH_FAILED] = "auth_failed",
};
static const char *const methods[SB_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

const char *sb_fault_name(enum sb_fault fault)
{
    return names[fault];
}

static int find(const char *const *list, int count, const char *text, size_t length)
{
    for (int i = 0; i < count; i++)
        if (strlen(list[i]) == length && memcmp(list[i], text, length) == 0)
            return i;
    return -1;
}

/* Reads one NAME[@METHOD]=RATE. Returns what follows it, or NULL when it is wrong. */
static const char *parse_one(sb_faults *faults, const char *text)
{
    size_t length = strcspn(text, "@=");
    int fault = find(names, SB_FAULTS, text, length), method = -1;
    if (fault < 0)
        return NULL;
    text += length;
    if (*text == '@') {
        length = strcspn(++text, "=");
        method = find(methods, SB_METHODS, text, length);
        if (method < 0)
            return NULL;
        text += length;
    }
    size_t digits = *text == '=' ? strspn(text + 1, "0123456789.") : 0;
    char *end = NULL;
    double rate = digits ? strtod(text + 1, &end) : 2;
    if (rate > 1 || end != text + 1 + digits)
        return NULL;
    for (int i = 0; i < SB_METHODS; i++)
        if (method < 0 || method == i)
            faults->rate[fault][i] = rate;
    return end;
}

static int refuse_spec(const char *spec, th_error *err)
{
    char all[512] = "";
    for (size_t i = 0, used = 0; i < SB_FAULTS && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    return th_fail(err, TH_INVALID,
                   "fault \"%s\" is not understood: say NAME=RATE or NAME@METHOD=RATE with a "
                   "rate from 0 to 1; names: %s",
                   spec, all);
}

int sb_faults_init(sb_faults *faults, const char *spec, uint64_t seed, th_error *err)
{
    *faults = (sb_faults){.seed = seed};
    const char *text = spec && *spec ? spec : NULL;
    while (text) {
        text = parse_one(faults, text);
        if (!text || (*text != '\0' && *text != ',' && *text != '+'))
            return refuse_spec(spec, err);
        text = *text ? text + 1 : NULL;
    }
    return 0;
}

void sb_faults_reset(sb_faults *faults)
{
    memset(faults->drawn, 0, sizeof faults->drawn);
}

bool sb_faults_hit(sb_faults *faults, enum sb_fault fault, const char *method)
{
    int index = find(methods, SB_METHODS, method, strlen(method));
    if (index < 0)
        return false;
    uint64_t word = sb_mix(sb_derive(faults->seed, names[fault]) + ++faults->drawn[fault]);
    return (double)(word >> 11) / 9007199254740992.0 < faults->rate[fault][index];
}
