#include "wire/reply_headers.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Numbers from the first on are times of day, from the second on in milliseconds. */
#define EPOCH_FROM    3e8
#define EPOCH_MS_FROM 3e11
/* No wait is longer: what asks for more asks for this. */
#define LONGEST_SECONDS (366 * 86400.0)

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
    while (p.len > 0 && is_space(p.at[p.len - 1]))
        p.len--;
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

    if (rest->len == 0)
        return false;
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

    while (digits < p.len && strchr("0123456789.", p.at[digits]))
        digits++;
    if (digits == 0 || digits >= sizeof text || (digits < p.len && !strchr(",; \t", p.at[digits])))
        return -1;
    memcpy(text, p.at, digits);
    text[digits] = '\0';
    char *end;
    double value = strtod(text, &end);
    return *end == '\0' ? value : -1;
}

/* An HTTP date as seconds since 1970, -1 when it is none. */
static double date_of(struct piece p)
{
    char text[64];

    if (p.len < 8 || p.len >= sizeof text)
        return -1;
    memcpy(text, p.at, p.len);
    text[p.len] = '\0';
    time_t date = curl_getdate(text, NULL);
    return date == (time_t)-1 ? -1 : fmax(1, (double)date);
}

/* A span of seconds, or a time of day. `late`: a whole second counts as its end. */
struct moment {
    double seconds; /* -1: it is none */
    double at;      /* 0: it is none */
};

static struct moment moment_of_number(double value, bool late)
{
    if (value >= EPOCH_MS_FROM)
        return (struct moment){-1, value / 1000};
    if (value >= EPOCH_FROM)
        return (struct moment){-1, value + (late && value == floor(value) ? 1 : 0)};
    return (struct moment){value >= 0 ? fmin(value, LONGEST_SECONDS) : -1, 0};
}

static struct moment moment_of(struct piece p, bool late)
{
    double value = number(p);

    if (value >= 0)
        return moment_of_number(value, late);
    double at = date_of(p);
    return (struct moment){-1, at > 0 ? at : 0};
}

static double seconds_until(double at, double now)
{
    return fmin(fmax(0, at - now), LONGEST_SECONDS);
}

/* One that makes no sense changes nothing. */
static void set_moment(double *seconds, double *at, struct moment moment)
{
    if (moment.seconds >= 0 || moment.at > 0) {
        *seconds = moment.seconds;
        *at = moment.at;
    }
}

/* Times of day become waits: by the clock that the reply was written with, where it says so. */
static void measure(th_pace_reply *pace, double now)
{
    if (pace->retry_at <= 0 && pace->reset_at <= 0)
        return; /* most replies; reading a date is not cheap */
    double date = date_of((struct piece){pace->date, strlen(pace->date)});
    double clock = date > 0 ? date : now;
    if (pace->retry_at > 0)
        pace->retry_after = seconds_until(pace->retry_at, clock);
    if (pace->reset_at > 0)
        pace->reset = seconds_until(pace->reset_at, clock);
}

/* The piece as a string, as far as there is room. */
static void copy(char *to, size_t size, struct piece p)
{
    size_t len = p.len < size - 1 ? p.len : size - 1;

    if (len > 0)
        memcpy(to, p.at, len);
    to[len] = '\0';
}

/* Keeps the header for people, without what a terminal would take for a command. Retry-After goes
 * before the others. */
static void keep_word(th_pace_reply *pace, struct piece name, struct piece value)
{
    if (begins((struct piece){pace->word, strlen(pace->word)}, "retry-after"))
        return;
    copy(pace->word, 32, name);
    size_t len = strlen(pace->word);
    memcpy(pace->word + len, ": ", 3);
    len += 2;
    copy(pace->word + len, sizeof pace->word - len, value);
    for (char *at = pace->word; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

static void set(double *to, double value)
{
    if (value >= 0)
        *to = value;
}

static void read_limit_header(th_pace_reply *pace, struct piece name, struct piece value)
{
    if (is(name, "limit"))
        set(&pace->limit, number(value));
    else if (is(name, "remaining"))
        set(&pace->remaining, number(value));
    else if (is(name, "reset"))
        set_moment(&pace->reset, &pace->reset_at, moment_of(value, true));
}

/* One header for all three figures: parameters of one anonymous limit, or of several named ones. */
static void read_combined(th_pace_reply *pace, struct piece value)
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
            if (!next_part(&part, "=", &key))
                continue;
            part = trim(part);
            if (is(key, "limit") || is(key, "q"))
                set(&to->limit, number(part));
            else if (is(key, "remaining") || is(key, "r"))
                set(&to->remaining, number(part));
            else if (is(key, "reset") || is(key, "t"))
                set_moment(&to->reset, &to->reset_at, moment_of(part, true));
        }
        if (named && one.remaining >= 0 &&
            (whole.remaining < 0 || one.remaining < whole.remaining)) {
            whole.remaining = one.remaining;
            whole.reset = one.reset;
            whole.reset_at = one.reset_at;
        }
        if (named && one.limit >= 0 && whole.limit < 0)
            whole.limit = one.limit;
    }
    set(&pace->limit, whole.limit);
    set(&pace->remaining, whole.remaining);
    set_moment(&pace->reset, &pace->reset_at, (struct moment){whole.reset, whole.reset_at});
}

static bool is_json(struct piece value)
{
    struct piece type;

    if (is(value, "application/json"))
        return true;
    if (!next_part(&value, "; \t", &type))
        return false;
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
    if (len == 0 || !strchr("RrXxCcDd", line[0]) ||
        ((line[0] | 0x20) == 'c' &&
         (len < sizeof type - 1 || strncasecmp(line, type, sizeof type - 1) != 0)))
        return;
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    struct piece name = {line, (size_t)(colon - line)};
    struct piece value = trim((struct piece){colon + 1, len - name.len - 1});

    if (is(name, "content-type")) {
        *json = is_json(value);
    } else if (is(name, "retry-after")) {
        struct moment moment = moment_of(value, false);
        set_moment(&pace->retry_after, &pace->retry_at, moment);
        if (moment.seconds >= 0 || moment.at > 0) {
            pace->word[0] = '\0';
            keep_word(pace, name, value);
        }
    } else if (is(name, "date")) {
        copy(pace->date, sizeof pace->date, value);
    } else if (is(name, "ratelimit") || is(name, "ratelimit-policy")) {
        read_combined(pace, value);
        if (is(name, "ratelimit"))
            keep_word(pace, name, value);
    } else {
        static const char *const prefixes[] = {"x-ratelimit-", "x-rate-limit-", "ratelimit-"};
        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
            if (begins(name, prefixes[i])) {
                size_t skip = strlen(prefixes[i]);
                struct piece rest = {name.at + skip, name.len - skip};
                read_limit_header(pace, rest, value);
                if (is(rest, "reset"))
                    keep_word(pace, name, value);
                break;
            }
        }
    }
    measure(pace, now);
}

void th_reply_headers_wait(th_pace_reply *pace, const char *name, double number, const char *text,
                           double now)
{
    char digits[40] = "";
    struct piece value = trim((struct piece){text, text ? strlen(text) : 0});
    struct moment moment = {-1, 0};

    if (text) {
        moment = moment_of(value, false);
    } else if (number >= 0) {
        moment = moment_of_number(number, false);
        snprintf(digits, sizeof digits, "%.15g", number);
        value = (struct piece){digits, strlen(digits)};
    }
    if (moment.seconds >= 0 || moment.at > 0) {
        set_moment(&pace->retry_after, &pace->retry_at, moment);
        pace->word[0] = '\0';
        keep_word(pace, (struct piece){name, strlen(name)}, value);
        measure(pace, now);
    }
}
