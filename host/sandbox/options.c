#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sandbox.h"

void th_sandbox_defaults(th_sandbox_options *options)
{
    *options = (th_sandbox_options){.trunks = 12, .seed = 1, .limits = "documented"};
}

static int parse_number(const char *name, const char *value, unsigned long long max,
                        unsigned long long *out, th_error *err)
{
    size_t digits = strspn(value, "0123456789");
    if (digits > 0 && digits < 20 && value[digits] == '\0') {
        *out = strtoull(value, NULL, 10);
        if (*out <= max)
            return 0;
    }
    return th_fail(err, TH_INVALID,
                   "%s \"%s\" of the sandbox must be a whole number from 0 to %llu", name, value,
                   max);
}

static int parse_small(const char *name, const char *value, unsigned max, unsigned *out,
                       th_error *err)
{
    unsigned long long number = 0;
    int rc = parse_number(name, value, max, &number, err);
    if (rc == 0)
        *out = (unsigned)number;
    return rc;
}

enum { MS_MAX = 600000, PAGE_MAX = 1000 };

/* "MS", or "CREATE/CHANGE" in ms each. */
static int parse_eventual(const char *value, th_sandbox_habits *habits, th_error *err)
{
    char create[16];
    const char *change = strchr(value, '/');
    size_t length = change ? (size_t)(change - value) : strlen(value);
    snprintf(create, sizeof create, "%.*s", (int)(length < sizeof create ? length : 0), value);
    int rc = parse_small("eventual", create, MS_MAX, &habits->create_ms, err);
    return rc == 0 ? parse_small("eventual", change ? change + 1 : create, MS_MAX,
                                 &habits->change_ms, err)
                   : rc;
}

/* "documented", "none", "N", "date:N" or "epoch:N" with N seconds from now. */
static int parse_retry(const char *value, th_sandbox_habits *habits, th_error *err)
{
    static const struct {
        const char *prefix;
        enum th_sandbox_retry retry;
    } forms[] = {{"date:", TH_RETRY_DATE}, {"epoch:", TH_RETRY_EPOCH}, {"", TH_RETRY_SECONDS}};
    habits->retry_seconds = 0;
    if (strcmp(value, "documented") == 0 || strcmp(value, "none") == 0) {
        habits->retry = *value == 'n' ? TH_RETRY_NONE : TH_RETRY_DOCUMENTED;
        return 0;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t length = strlen(forms[i].prefix);
        const char *digits = value + length;
        if (strncmp(value, forms[i].prefix, length) != 0 || *digits == '\0' ||
            strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 11)
            continue;
        habits->retry = forms[i].retry;
        habits->retry_seconds = strtoull(digits, NULL, 10);
        return 0;
    }
    return th_fail(err, TH_INVALID,
                   "retry_after \"%s\" of the sandbox is not understood: say documented, none, N "
                   "(seconds), date:N or epoch:N (the time in N seconds)",
                   value);
}

int th_sandbox_option(th_sandbox_options *options, const char *name, const char *value,
                      th_error *err)
{
    if (strcmp(name, "port") == 0)
        return parse_small(name, value, 65535, &options->port, err);
    if (strcmp(name, "trunks") == 0)
        return parse_small(name, value, 100000, &options->trunks, err);
    if (strcmp(name, "seed") == 0)
        return parse_number(name, value, ULLONG_MAX, &options->seed, err);
    if (strcmp(name, "latency") == 0)
        return parse_small(name, value, 60000, &options->latency_ms, err);
    if (strcmp(name, "limits") == 0)
        options->limits = value;
    else if (strcmp(name, "fault") == 0)
        options->faults = value;
    else if (strcmp(name, "token") == 0)
        options->token = value;
    else if (strcmp(name, "eventual") == 0)
        return parse_eventual(value, &options->habits, err);
    else if (strcmp(name, "page") == 0)
        return parse_small(name, value, PAGE_MAX, &options->habits.page, err);
    else if (strcmp(name, "retry_after") == 0 || strcmp(name, "retry-after") == 0)
        return parse_retry(value, &options->habits, err);
    else
        return th_fail(
            err, TH_INVALID,
            "the sandbox has no option \"%s\"; it has port, trunks, seed, latency, limits, "
            "fault, token, eventual, page and retry_after",
            name);
    return 0;
}

int th_sandbox_parse(const char *spec, th_sandbox_options *options, char **storage, th_error *err)
{
    *storage = NULL;
    if (!spec || *spec == '\0')
        return 0;
    char *text = *storage = strdup(spec);
    if (!text)
        return th_fail(err, TH_INVALID, "not enough memory for the sandbox options");
    for (char *next; text; text = next) {
        next = strchr(text, ',');
        if (next)
            *next++ = '\0';
        char *value = strchr(text, '=');
        if (!value)
            return th_fail(
                err, TH_INVALID,
                "sandbox option \"%s\" has no value: say NAME=VALUE, separated by commas, such "
                "as trunks=200,limits=none",
                text);
        *value++ = '\0';
        int rc = th_sandbox_option(options, text, value, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}
