/*
 * The sandbox's rate limits: sliding windows on a clock of the test's own, and what the headers
 * say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sandbox/limits.h"
#include "sandbox_client.h"
#include "test.h"

static const uint64_t second = 1000000000u;

static void open_limit(sb_limit *limit, const char *spec)
{
    sb_window windows[SB_WINDOWS];
    size_t count;
    assert_int_equal(sb_windows_parse(spec, windows, &count, NULL), 0);
    assert_int_equal(sb_limit_init(limit, windows, count, true), 0);
}

TEST(a_window_slides_over_arrivals)
{
    sb_limit limit;
    sb_standing standing;
    open_limit(&limit, "3/10");
    assert_true(sb_limit_admit(&limit, 100 * second, &standing));
    assert_int_equal(standing.remaining, 2);
    assert_true(sb_limit_admit(&limit, 104 * second, &standing));
    assert_true(sb_limit_admit(&limit, 108 * second, &standing));
    assert_int_equal(standing.remaining, 0);
    assert_int_equal(standing.limit, 3);
    /* The first leaves at 110. */
    assert_false(sb_limit_admit(&limit, 109 * second, &standing));
    assert_int_equal(standing.free_in, second);
    assert_false(sb_limit_admit(&limit, 110 * second - 1, &standing));
    assert_int_equal(standing.free_in, 1);
    assert_true(sb_limit_admit(&limit, 110 * second, &standing));
    /* And the second at 114, whatever was refused meanwhile. */
    assert_false(sb_limit_admit(&limit, 114 * second - 1, &standing));
    assert_true(sb_limit_admit(&limit, 114 * second, &standing));
    sb_limit_close(&limit);
}

TEST(all_windows_must_hold)
{
    sb_limit limit;
    sb_standing standing;
    open_limit(&limit, "100/60+20/10");
    unsigned admitted = 0;
    for (uint64_t now = 0; now < 60 * second; now += second / 10) {
        bool fits = sb_limit_admit(&limit, 1000 * second + now, &standing);
        admitted += fits;
        if (!fits)
            assert_true(standing.free_in > 0);
    }
    assert_int_equal(admitted, 100);
    /* The long window is the one that is full, so it is the one that the headers speak of. */
    assert_int_equal(standing.limit, 100);
    assert_true(sb_limit_admit(&limit, 1060 * second, &standing));
    sb_limit_close(&limit);
}

TEST(an_even_pace_is_never_refused)
{
    sb_limit limit;
    sb_standing standing;
    open_limit(&limit, "20/2");
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(sb_limit_admit(&limit, second + i * second / 10, &standing));
    sb_limit_close(&limit);
}

TEST(no_window_admits_everything)
{
    sb_limit limit;
    sb_standing standing;
    open_limit(&limit, "none");
    for (int i = 0; i < 10000; i++)
        assert_true(sb_limit_admit(&limit, second, &standing));
    sb_limit_close(&limit);
}

TEST(wrong_windows_are_refused)
{
    static const char *const wrong[] = {
        "",      "20",    "20/",         "/2",  "0/2",   "20/0",     "20/-2",
        "-20/2", "20/2+", "20/2,100/60", "a/2", "20/2x", "20/1.1.1", "1/1+1/1+1/1+1/1+1/1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sb_window windows[SB_WINDOWS];
        size_t count;
        th_error err = {0};
        if (sb_windows_parse(wrong[i], windows, &count, &err) == 0)
            fail_msg("\"%s\" was accepted", wrong[i]);
        th_error_close(&err);
    }
}

TEST(famulor_answers_429_as_documented)
{
    SANDBOX(client, "famulor", "");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 200);
        assert_string_equal(sandbox_client_header(&client, "X-RateLimit-Limit"), "20");
        assert_int_equal(atoi(sandbox_client_header(&client, "X-RateLimit-Remaining")), 19 - i);
        assert_null(sandbox_client_header(&client, "Retry-After"));
    }
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 429);
    assert_string_equal(text_at(client.json, "error"), "Rate limit exceeded");
    long wait = atol(sandbox_client_header(&client, "Retry-After"));
    assert_in_range(wait, 1, 10);
    assert_int_equal(json_integer_value(json_at(client.json, "retry_after")), wait);
    long long reset = atoll(sandbox_client_header(&client, "X-RateLimit-Reset"));
    assert_in_range(reset - (long long)time(NULL), 0, 11);
    assert_string_equal(sandbox_client_header(&client, "X-RateLimit-Remaining"), "0");
    json_t *counts = sandbox_client_report(&client, "counts");
    assert_string_equal(text_at(counts, "limited"), "1");
    assert_string_equal(text_at(counts, "famulor.limited"), "1");
    json_decref(counts);

    /* A wrong key is told so, and costs nothing. Other APIs have places of their own. */
    client.token = "wrong";
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 401);
    client.token = "sandbox";
    client.api = "autocalls";
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/assistants/phone-numbers", NULL),
                     200);
    assert_null(sandbox_client_header(&client, "X-RateLimit-Limit"));
}

TEST(documented_limits_are_those_of_each_platform)
{
    static const struct {
        const char *api, *path;
        int admitted; /* of 1001 */
    } cases[] = {{"famulor", "/user/me", 20},
                 {"autocalls", "/user/assistants/phone-numbers", 1001},
                 {"vatel", "/organization", 1001},
                 {"bolna", "/user/me", 1000},
                 {"bolna_trunk", "/user/me", 1000}};
    SANDBOX(client, "", "trunks=0");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client.api = cases[i].api;
        for (int j = 0; j < 1001; j++)
            assert_int_equal(sandbox_client_send(&client, "GET", cases[i].path, NULL),
                             j < cases[i].admitted ? 200 : 429);
        assert_int_equal(sandbox_client_header(&client, "X-RateLimit-Limit") != NULL, i == 0);
    }
}

TEST(chosen_limits_hold_for_every_api)
{
    static const char *const paths[][2] = {{"famulor", "/user/me"},
                                           {"autocalls", "/user/assistants/phone-numbers"},
                                           {"vatel", "/organization"},
                                           {"bolna", "/user/me"},
                                           {"bolna_trunk", "/user/me"}};
    SANDBOX(client, "", "limits=2/600+500/3600");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        client.api = paths[i][0];
        assert_int_equal(sandbox_client_send(&client, "GET", paths[i][1], NULL), 200);
        assert_int_equal(sandbox_client_send(&client, "GET", paths[i][1], NULL), 200);
        assert_int_equal(sandbox_client_send(&client, "GET", paths[i][1], NULL), 429);
        assert_string_equal(sandbox_client_header(&client, "X-RateLimit-Limit"), "2");
        assert_in_range(atol(sandbox_client_header(&client, "Retry-After")), 1, 600);
    }
}

TEST(the_fault_limit_tells_when_to_come_back)
{
    SANDBOX(client, "famulor", "fault=limit=1");
    assert_int_equal(sandbox_client_send(&client, "GET", "/user/me", NULL), 429);
    assert_string_equal(sandbox_client_header(&client, "Retry-After"), "1");
    assert_string_equal(sandbox_client_header(&client, "X-RateLimit-Remaining"), "0");
    client.api = "vatel"; /* without limits there is nothing to tell */
    assert_int_equal(sandbox_client_send(&client, "GET", "/organization", NULL), 429);
    assert_null(sandbox_client_header(&client, "Retry-After"));
}
