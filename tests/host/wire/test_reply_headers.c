/* What reply headers say about limits and content. */
#include <math.h>
#include <string.h>

#include "test.h"
#include "wire/reply_headers.h"

/* Fri, 20 Nov 2026 06:00:00 GMT */
#define NOW 1795154400.0

struct said {
    th_pace_reply pace;
    bool json;
};

static struct said read_lines(const char *const *lines, double now)
{
    struct said said;

    th_reply_headers_clear(&said.pace, &said.json);
    for (; *lines; lines++)
        th_reply_headers_read(&said.pace, &said.json, *lines, strlen(*lines), now);
    return said;
}

static struct said read_line(const char *line)
{
    return read_lines((const char *const[]){line, NULL}, NOW);
}

static void expect(double seen, double expected)
{
    if (!(fabs(seen - expected) < 1e-6))
        fail_msg("%g instead of %g", seen, expected);
}

TEST(nothing_said_is_minus_one)
{
    struct said said = read_lines(
        (const char *const[]){"HTTP/1.1 200 OK\r\n", "Server: x\r\n", "X-Other: 5\r\n", "\r\n",
                              "no colon", "Retry-After:\r\n", "", "RateLimit: \r\n", NULL},
        NOW);
    expect(said.pace.retry_after, -1);
    expect(said.pace.limit, -1);
    expect(said.pace.remaining, -1);
    expect(said.pace.reset, -1);
    assert_int_equal(said.pace.status, 0);
    assert_false(said.json);
}

TEST(retry_after_is_seconds_or_a_date)
{
    expect(read_line("Retry-After: 120\r\n").pace.retry_after, 120);
    expect(read_line("retry-after:0").pace.retry_after, 0);
    expect(read_line("Retry-After:  1.5 \r\n").pace.retry_after, 1.5);
    expect(read_line("Retry-After: Fri, 20 Nov 2026 06:00:30 GMT\r\n").pace.retry_after, 30);
    expect(read_line("Retry-After: Friday, 20-Nov-26 06:01:00 GMT\r\n").pace.retry_after, 60);
    expect(read_line("Retry-After: Fri Nov 20 06:00:10 2026\r\n").pace.retry_after, 10);
    expect(read_line("Retry-After: Fri, 20 Nov 2020 06:00:30 GMT\r\n").pace.retry_after, 0);
    const char *const senseless[] = {
        "Retry-After: soon",  "Retry-After: -5",
        "Retry-After: 1e9",   "Retry-After: 0x10",
        "Retry-After: 1.2.3", "Retry-After: nan",
        "Retry-After: 12abc", "Retry-After: 99999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof senseless / sizeof senseless[0]; i++)
        expect(read_line(senseless[i]).pace.retry_after, -1);
}

TEST(a_large_number_is_a_time_of_day)
{
    expect(read_line("Retry-After: 1795154410").pace.retry_after, 10);
    expect(read_line("Retry-After: 1795154410.5").pace.retry_after, 10.5);
    expect(read_line("Retry-After: 1795154410250").pace.retry_after, 10.25);
    expect(read_line("Retry-After: 1795154390").pace.retry_after, 0);
    expect(read_line("Retry-After: 300000000").pace.retry_after, 0);
    expect(read_line("Retry-After: 86400").pace.retry_after, 86400);
    /* Nothing is longer than 366 days. */
    expect(read_line("Retry-After: 299999999").pace.retry_after, 366 * 86400);
    expect(read_line("Retry-After: 9999999999999999999999999").pace.retry_after, 366 * 86400);
    expect(read_line("Retry-After: Fri, 31 Dec 2999 23:59:59 GMT").pace.retry_after, 366 * 86400);
    expect(read_line("X-RateLimit-Reset: 9999999999999999999999999").pace.reset, 366 * 86400);
}

TEST(a_time_of_day_is_measured_against_the_date_of_its_reply)
{
    static const char *const times[][2] = {
        {"Retry-After: Fri, 20 Nov 2026 04:00:30 GMT", "Date: Fri, 20 Nov 2026 04:00:00 GMT"},
        {"Retry-After: 1795147230", "Date: Fri, 20 Nov 2026 04:00:00 GMT"},
        {"X-RateLimit-Reset: 1795147229", "Date: Fri, 20 Nov 2026 04:00:00 GMT"},
        {"RateLimit: limit=9, remaining=0, reset=1795147229",
         "Date: Fri, 20 Nov 2026 04:00:00 GMT"},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        for (int first = 0; first < 2; first++) {
            const char *lines[] = {times[i][first], times[i][1 - first], NULL};
            th_pace_reply pace = read_lines(lines, NOW).pace;
            expect(i < 2 ? pace.retry_after : pace.reset, 30);
        }
    }
    /* Spans need no clock, and a date that is none says nothing. */
    const char *span[] = {"Date: Fri, 20 Nov 2026 04:00:00 GMT", "Retry-After: 30", NULL};
    expect(read_lines(span, NOW).pace.retry_after, 30);
    const char *none[] = {"Date: today", "Retry-After: 1795154430", NULL};
    expect(read_lines(none, NOW).pace.retry_after, 30);
}

TEST(a_member_of_the_body_is_read_in_the_same_way)
{
    static const struct {
        double number;
        const char *text;
        double expected;
    } members[] = {{12, NULL, 12},
                   {1795154410, NULL, 10},
                   {1795154410250, NULL, 10.25},
                   {1e300, NULL, 31622400},
                   {-5, NULL, -1},
                   {NAN, NULL, -1},
                   {-1, "12", 12},
                   {-1, "1795154410", 10},
                   {-1, "soon", -1},
                   {-1, "", -1},
                   {-1, "-5", -1}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct said said = read_lines((const char *const[]){NULL}, NOW);
        th_reply_headers_wait(&said.pace, "retry_after", members[i].number, members[i].text, NOW);
        expect(said.pace.retry_after, members[i].expected);
    }
}

TEST(what_named_the_wait_is_kept_for_people)
{
    const char *lines[] = {"X-RateLimit-Reset: 30", "Retry-After: 12\x1b[2J", "Retry-After: 40",
                           "RateLimit: reset=5", NULL};
    assert_string_equal(read_lines(lines, NOW).pace.word, "Retry-After: 40");
    assert_string_equal(read_line("X-RateLimit-Reset: 30\x1b[2J\r\n").pace.word,
                        "X-RateLimit-Reset: 30?[2J");
    char line[300] = "Retry-After: 7 ";
    memset(line + 15, 'x', 200);
    assert_true(strlen(read_line(line).pace.word) < sizeof((th_pace_reply *)0)->word);
}

TEST(the_usual_headers_are_understood_in_all_spellings)
{
    const char *const prefixes[] = {"X-RateLimit-", "x-ratelimit-", "X-Rate-Limit-", "RateLimit-"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char lines[3][64];
        snprintf(lines[0], sizeof lines[0], "%sLimit: 100\r\n", prefixes[i]);
        snprintf(lines[1], sizeof lines[1], "%sRemaining: 7\r\n", prefixes[i]);
        snprintf(lines[2], sizeof lines[2], "%sReset: 30\r\n", prefixes[i]);
        struct said said =
            read_lines((const char *const[]){lines[0], lines[1], lines[2], NULL}, NOW);
        expect(said.pace.limit, 100);
        expect(said.pace.remaining, 7);
        expect(said.pace.reset, 30);
    }
    expect(read_line("RateLimit-Limit: 100, 100;w=60\r\n").pace.limit, 100);
    expect(read_line("X-RateLimit-Remaining: 0").pace.remaining, 0);
}

TEST(a_reset_may_be_a_time_of_day)
{
    /* In whole seconds: open at the end of that second for certain. */
    expect(read_line("X-RateLimit-Reset: 1795154410").pace.reset, 11);
    expect(read_line("X-RateLimit-Reset: 1795154410.5").pace.reset, 10.5);
    expect(read_line("X-RateLimit-Reset: 1795154410250").pace.reset, 10.25);
    expect(read_line("X-RateLimit-Reset: 1795150000").pace.reset, 0);
    expect(read_line("X-RateLimit-Reset: Fri, 20 Nov 2026 06:00:30 GMT").pace.reset, 30);
    expect(read_line("X-RateLimit-Reset: never").pace.reset, -1);
}

TEST(one_header_for_all_is_understood)
{
    struct said said = read_line("RateLimit: limit=100, remaining=50, reset=5\r\n");
    expect(said.pace.limit, 100);
    expect(said.pace.remaining, 50);
    expect(said.pace.reset, 5);

    said = read_lines((const char *const[]){"RateLimit-Policy: \"default\";q=100;w=60\r\n",
                                            "RateLimit: \"default\";r=50;t=30\r\n", NULL},
                      NOW);
    expect(said.pace.limit, 100);
    expect(said.pace.remaining, 50);
    expect(said.pace.reset, 30);

    /* Of several, the one that is nearest to its end. */
    said = read_line("RateLimit: \"day, all\";r=900;t=9000, \"burst\";r=3;t=7, \"x\";t=1\r\n");
    expect(said.pace.remaining, 3);
    expect(said.pace.reset, 7);
    expect(said.pace.limit, -1);
}

TEST(json_is_known_by_its_content_type)
{
    const char *const json[] = {"Content-Type: application/json\r\n",
                                "content-type:application/json; charset=utf-8\r\n",
                                "Content-Type: Application/JSON\r\n",
                                "Content-Type: application/problem+json\r\n",
                                "Content-Type: application/vnd.api+json;version=1\r\n",
                                "Content-Type: text/json\r\n"};
    for (size_t i = 0; i < sizeof json / sizeof json[0]; i++)
        assert_true(read_line(json[i]).json);
    const char *const other[] = {"Content-Type: text/html\r\n", "Content-Type:\r\n",
                                 "Content-Type: application/jsonp\r\n", "Content-Type: +json\r\n",
                                 "X-Content-Type: application/json\r\n"};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_false(read_line(other[i]).json);
}

/* Lines are not NUL-terminated: nothing behind them may be read. */
TEST(a_line_ends_where_its_length_says)
{
    const char text[] = "Retry-After: 12345";
    for (size_t len = 0; len < sizeof text; len++) {
        th_pace_reply pace;
        bool json;
        char copy[sizeof text];
        memset(copy, '9', sizeof copy);
        memcpy(copy, text, len);
        th_reply_headers_clear(&pace, &json);
        th_reply_headers_read(&pace, &json, copy, len, NOW);
        if (len == 15)
            expect(pace.retry_after, 12);
        else if (len < 14)
            expect(pace.retry_after, -1);
    }
}
