#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"

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
    else
        return th_fail(
            err, TH_INVALID,
            "the sandbox has no option \"%s\"; it has port, trunks, seed, latency, limits, "
            "fault and token",
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
        return th_fail(err, TH_INVALID, "memory is short for the sandbox options");
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
