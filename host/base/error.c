#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char *const kind_names[] = {
    [TH_OK] = "ok",
    [TH_INVALID] = "invalid",
    [TH_REFUSED] = "refused",
    [TH_AUTH] = "auth",
    [TH_NOT_FOUND] = "not_found",
    [TH_CONFLICT] = "conflict",
    [TH_RATE_LIMITED] = "rate_limited",
    [TH_UNAVAILABLE] = "unavailable",
    [TH_NETWORK] = "network",
    [TH_TLS] = "tls",
    [TH_TIMEOUT] = "timeout",
    [TH_MALFORMED] = "malformed",
    [TH_DELIVERY] = "delivery",
    [TH_CANCELLED] = "cancelled",
    [TH_UNKNOWN_OUTCOME] = "unknown_outcome",
};

const char *th_kind_name(enum th_kind kind)
{
    size_t n = sizeof kind_names / sizeof *kind_names;
    return (size_t)kind < n ? kind_names[kind] : "unknown";
}

/*
 * Messages quote what platforms answer. Control characters (the C1 ones too, two bytes in UTF-8)
 * become spaces, so that a message stays one line and cannot steer the operator's terminal; bytes
 * that are not UTF-8 become question marks, so that a message can always be written as JSON.
 */
static void flatten(char *text)
{
    size_t left = strlen(text), n;
    for (char *p = text; left > 0; p += n, left -= n) {
        n = th_utf8_char(p, left);
        if (n == 0) {
            *p = '?';
            n = 1;
        } else if (n == 1 && ((unsigned char)*p < 0x20 || *p == 0x7f)) {
            *p = ' ';
        } else if (n == 2 && p[0] == '\xc2' && (unsigned char)p[1] < 0xa0) {
            p[0] = p[1] = ' ';
        }
    }
}

/* NULL when memory runs out: the kind alone has to tell then. */
static char *format_line(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        return NULL;
    flatten(text);
    return text;
}

int th_vfail(th_error *err, enum th_kind kind, const char *format, va_list args)
{
    if (err) {
        char *message = format_line(format, args); /* args may point into the earlier message */
        free(err->message);
        err->message = message;
        err->kind = kind;
    }
    return -(int)kind;
}

int th_fail(th_error *err, enum th_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = th_vfail(err, kind, format, args);
    va_end(args);
    return rc;
}

void th_error_fault(th_error *err, const char *field, const char *format, ...)
{
    if (!err)
        return;
    /* Grows at each power of two; the count alone says when. */
    size_t n = err->nfaults;
    if ((n & (n - 1)) == 0) {
        th_fault *more = realloc(err->faults, (n ? n * 2 : 1) * sizeof *more);
        if (!more)
            return;
        err->faults = more;
    }
    va_list args;
    va_start(args, format);
    th_fault fault = {.field = strdup(field), .rule = format_line(format, args)};
    va_end(args);
    if (!fault.field || !fault.rule) {
        free(fault.field);
        free(fault.rule);
        return;
    }
    flatten(fault.field);
    err->faults[err->nfaults++] = fault;
}

static void replace(char **member, const char *value)
{
    char *copy = value ? strdup(value) : NULL; /* value may be the member itself */
    free(*member);
    *member = copy;
}

void th_error_set_account(th_error *err, const char *account)
{
    replace(&err->account, account);
}

void th_error_set_trunk(th_error *err, const char *trunk)
{
    replace(&err->trunk, trunk);
}

void th_error_set_code(th_error *err, const char *code)
{
    replace(&err->code, code);
}

void th_error_set_request(th_error *err, const char *method, const char *url)
{
    const char *host = url[0] == '/' ? NULL : strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : url;
    char *text = NULL;
    if (!path)
        path = "/";
    if (asprintf(&text, "%s %.*s", method, (int)strcspn(path, "?#"), path) < 0)
        text = NULL;
    else
        flatten(text);
    free(err->request);
    err->request = text;
}

void th_error_advise(th_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_line(format, args);
    va_end(args);
    free(err->advice);
    err->advice = text;
}

void th_error_set_cause(th_error *err, th_error *cause)
{
    th_error *own = calloc(1, sizeof *own);
    if (!own) {
        th_error_close(cause);
        return;
    }
    *own = *cause;
    *cause = (th_error){0};
    if (err->cause) {
        th_error_close(err->cause);
        free(err->cause);
    }
    err->cause = own;
}

void th_error_move(th_error *to, th_error *from)
{
    if (to == from)
        return;
    th_error_close(to);
    *to = *from;
    *from = (th_error){0};
}

void th_error_close(th_error *err)
{
    free(err->message);
    free(err->code);
    free(err->account);
    free(err->trunk);
    for (size_t i = 0; i < err->nfaults; i++) {
        free(err->faults[i].field);
        free(err->faults[i].rule);
    }
    free(err->faults);
    free(err->request);
    free(err->advice);
    if (err->cause) {
        th_error_close(err->cause);
        free(err->cause);
    }
    *err = (th_error){0};
}
