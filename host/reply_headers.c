#include "reply_headers.h"

#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Numbers above the first are times of day, above the second in milliseconds. */
#define EPOCH_FROM    3e8
#define EPOCH_MS_FROM 3e11

/* A piece of a header line: not NUL-terminated. */
struct piece {
    const char *at;
    size_t len;
};

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n' || ch == '\0';
}

static struct piece trim(struct piece p)
{
    while (p.len > 0 && is_space(p.at[0])) {
        p.at++;
        p.len--;
    }
    while (p.len > 0 && is_space(p.at[p.len - 1])) {
        p.len--;
    }
    return p;
}

static bool is(struct piece p, const char *word)
{
    return strlen(word) == p.len && strncasecmp(p.at, word, p.len) == 0;
}

static bool begins(struct piece p, const char *word)
{
    size_t len = strlen(word);

    return len <= p.len && strncasecmp(p.at, word, len) == 0;
}

/* Takes what stands before the next of the separators (outside quotes) off the front of rest. */
static bool next_part(struct piece *rest, const char *separators, struct piece *part)
{
    bool quoted = false;
    size_t i = 0;

    if (rest->len == 0) {
        return false;
    }
    while (i < rest->len && (quoted || !strchr(separators, rest->at[i]))) {
        quoted ^= rest->at[i] == '"';
        i++;
    }
    *part = trim((struct piece){rest->at, i});
    i += i < rest->len;
    rest->at += i;
    rest->len -= i;
    return true;
}

/* A non-negative decimal number at the beginning of the piece, which may go on after ',' or ';'.
 * -1 when there is none. */
static double number(struct piece p)
{
    char text[32];
    size_t digits = 0;

    while (digits < p.len && strchr("0123456789.", p.at[digits])) {
        digits++;
    }
    if (digits == 0 || digits >= sizeof text ||
        (digits < p.len && !strchr(",; \t", p.at[digits]))) {
        return -1;
    }
    memcpy(text, p.at, digits);
    text[digits] = '\0';
    char *end;
    double value = strtod(text, &end);
    return *end == '\0' ? value : -1;
}

/* Seconds from now to an HTTP date, -1 when it is none. */
static double until_date(struct piece p, double now)
{
    char text[64];

    if (p.len < 8 || p.len >= sizeof text) {
        return -1;
    }
    memcpy(text, p.at, p.len);
    text[p.len] = '\0';
    time_t date = curl_getdate(text, NULL);
    return date == (time_t)-1 ? -1 : fmax(0, (double)date - now);
}

static double until_reset(struct piece p, double now)
{
    double value = number(p);

    if (value < 0) {
        return until_date(p, now);
    }
    if (value >= EPOCH_MS_FROM) {
        return fmax(0, value / 1000 - now);
    }
    if (value >= EPOCH_FROM) {
        return fmax(0, value + (value == floor(value) ? 1 : 0) - now);
    }
    return value;
}

static void set(double *to, double value)
{
    if (value >= 0) {
        *to = value;
    }
}

static void read_limit_header(th_pace_reply *pace, struct piece name, struct piece value,
                              double now)
{
    if (is(name, "limit")) {
        set(&pace->limit, number(value));
    } else if (is(name, "remaining")) {
        set(&pace->remaining, number(value));
    } else if (is(name, "reset")) {
        set(&pace->reset, until_reset(value, now));
    }
}

/* One header for all three figures: parameters of one anonymous limit, or of several named ones. */
static void read_combined(th_pace_reply *pace, struct piece value, double now)
{
    struct piece item;
    th_pace_reply whole = {.limit = -1, .remaining = -1, .reset = -1};

    while (next_part(&value, ",", &item)) {
        struct piece part;
        th_pace_reply one = {.limit = -1, .remaining = -1, .reset = -1};
        bool named = item.len > 0 && item.at[0] == '"';
        th_pace_reply *to = named ? &one : &whole;
        while (next_part(&item, ";", &part)) {
            struct piece key;
            if (!next_part(&part, "=", &key)) {
                continue;
            }
            part = trim(part);
            if (is(key, "limit") || is(key, "q")) {
                set(&to->limit, number(part));
            } else if (is(key, "remaining") || is(key, "r")) {
                set(&to->remaining, number(part));
            } else if (is(key, "reset") || is(key, "t")) {
                set(&to->reset, until_reset(part, now));
            }
        }
        if (named && one.remaining >= 0 &&
            (whole.remaining < 0 || one.remaining < whole.remaining)) {
            whole.remaining = one.remaining;
            whole.reset = one.reset;
        }
        if (named && one.limit >= 0 && whole.limit < 0) {
            whole.limit = one.limit;
        }
    }
    set(&pace->limit, whole.limit);
    set(&pace->remaining, whole.remaining);
    set(&pace->reset, whole.reset);
}

static bool is_json(struct piece value)
{
    struct piece type;

    if (is(value, "application/json")) {
        return true;
    }
    if (!next_part(&value, "; \t", &type)) {
        return false;
    }
    return is(type, "application/json") || is(type, "text/json") ||
           (type.len > 5 && is((struct piece){type.at + type.len - 5, 5}, "+json"));
}

void th_reply_headers_clear(th_pace_reply *pace, bool *json)
{
    *pace = (th_pace_reply){.retry_after = -1, .limit = -1, .remaining = -1, .reset = -1};
    *json = false;
}

void th_reply_headers_read(th_pace_reply *pace, bool *json, const char *line, size_t len,
                           double now)
{
    static const char type[] = "content-type:";

    /* Most headers are none of these: the first letters say so. */
    if (len == 0 || !strchr("RrXxCc", line[0]) ||
        ((line[0] | 0x20) == 'c' &&
         (len < sizeof type - 1 || strncasecmp(line, type, sizeof type - 1) != 0))) {
        return;
    }
    const char *colon = memchr(line, ':', len);
    if (!colon) {
        return;
    }
    struct piece name = {line, (size_t)(colon - line)};
    struct piece value = trim((struct piece){colon + 1, len - name.len - 1});

    if (is(name, "content-type")) {
        *json = is_json(value);
    } else if (is(name, "retry-after")) {
        double seconds = number(value);
        set(&pace->retry_after, seconds >= 0 ? seconds : until_date(value, now));
    } else if (is(name, "ratelimit") || is(name, "ratelimit-policy")) {
        read_combined(pace, value, now);
    } else {
        static const char *const prefixes[] = {"x-ratelimit-", "x-rate-limit-", "ratelimit-"};
        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
            if (begins(name, prefixes[i])) {
                size_t skip = strlen(prefixes[i]);
                name = (struct piece){name.at + skip, name.len - skip};
                read_limit_header(pace, name, value, now);
                return;
            }
        }
    }
}
