/*
 * What goes wrong in the sandbox when it is told to: what the client sees, and what really
 * happened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/faults.h"
#include "sandbox_client.h"
#include "test.h"

#define TRUNK "/user/phone-numbers/sip-trunks/42"
#define BODY  "{\"sip_password\":\"changed\"}"

TEST(each_fault_does_what_it_says)
{
    static const struct {
        const char *fault;
        CURLcode code;
        long status;
        bool applied;
        const char *text; /* in the reply */
    } cases[] = {
        {"drop", CURLE_GOT_NOTHING, 0, false, NULL},
        {"html", CURLE_OK, 503, false, "<html>"},
        {"limit", CURLE_OK, 429, false, "Rate limit exceeded"},
        {"error_before", CURLE_OK, 500, false, "Failed to update SIP trunk."},
        {"error_after", CURLE_OK, 500, true, "Failed to update SIP trunk."},
        {"lost_reply", CURLE_GOT_NOTHING, 0, true, NULL},
        {"cut_body", CURLE_PARTIAL_FILE, 0, true, "{\"message\":\"SIP trunk updated"},
        {"slow", CURLE_OK, 200, true, "SIP trunk updated successfully."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char spec[64];
        sandbox_client client;
        snprintf(spec, sizeof spec, "fault=%s=1", cases[i].fault);
        sandbox_client_open(&client, "famulor", spec);
        sandbox_client_send(&client, "PUT", TRUNK, BODY);
        if (client.code != cases[i].code || client.status != cases[i].status)
            fail_msg("%s: code %d, status %ld", cases[i].fault, client.code, client.status);
        if (cases[i].text)
            assert_non_null(strstr(client.text.data, cases[i].text));
        json_t *all = sandbox_client_report(&client, "state");
        bool changed = strcmp(text_at(all, "famulor.trunks.0.sip_password"), "changed") == 0;
        assert_int_equal(changed, cases[i].applied);
        json_decref(all);
        json_t *log = sandbox_client_report(&client, "log");
        assert_string_equal(text_at(log, "0.fault"), cases[i].fault);
        assert_string_equal(text_at(log, "0.applied"), cases[i].applied ? "true" : "false");
        json_decref(log);
        json_t *counts = sandbox_client_report(&client, "counts");
        assert_int_equal(
            json_integer_value(json_at(json_at(counts, "famulor.faults"), cases[i].fault)), 1);
        json_decref(counts);
        sandbox_client_close(&client);
    }
}

/* The whole length is announced, and half of it comes. */
TEST(a_cut_body_announces_its_whole_length)
{
    SANDBOX(client, "vatel", "fault=cut_body=1");
    sandbox_client_send(&client, "GET", "/sip-trunks", NULL);
    assert_int_equal(client.code, CURLE_PARTIAL_FILE);
    size_t length = strtoul(sandbox_client_header(&client, "Content-Length"), NULL, 10);
    assert_int_equal(client.text.len, length / 2);
}

/* A reply without a body cannot be cut: it is lost. */
TEST(a_cut_204_is_a_lost_one)
{
    char path[64];
    SANDBOX(client, "vatel", "fault=cut_body@DELETE=1");
    json_t *all = sandbox_client_report(&client, "state");
    snprintf(path, sizeof path, "/sip-trunks/%.36s", text_at(all, "vatel.trunks.0.id"));
    json_decref(all);
    sandbox_client_send(&client, "DELETE", path, NULL);
    assert_int_equal(client.code, CURLE_GOT_NOTHING);
    assert_int_equal(sandbox_client_send(&client, "GET", path, NULL), 404);
}

TEST(a_fault_can_be_kept_to_one_method)
{
    SANDBOX(client, "famulor", "fault=error_after@PUT=1");
    assert_int_equal(sandbox_client_send(&client, "GET", TRUNK, NULL), 200);
    assert_int_equal(sandbox_client_send(&client, "PUT", TRUNK, BODY), 500);
    assert_int_equal(sandbox_client_send(&client, "DELETE", "/user/phone-numbers/42", NULL), 200);
}

/* The platform's 500 after a write leaves the documented body of that operation. */
TEST(a_failing_create_and_delete_have_their_own_texts)
{
    SANDBOX(client, "famulor", "fault=error_before=1");
    sandbox_client_send(&client, "POST", "/user/phone-numbers/sip-trunks", "{}");
    assert_string_equal(text_at(client.json, "error"),
                        "Failed to create SIP trunk. Please try again or contact support.");
    sandbox_client_send(&client, "DELETE", "/user/phone-numbers/42", NULL);
    assert_int_equal(strncmp(text_at(client.json, "error"), "Failed to release phone number", 30),
                     0);
}

TEST(faults_follow_from_the_seed_and_order)
{
    enum { REQUESTS = 400 };
    sb_faults one, two, other;
    int hits = 0, same = 0;
    assert_int_equal(sb_faults_init(&one, "drop=0.25", 5, NULL), 0);
    assert_int_equal(sb_faults_init(&two, "drop=0.25,slow=0.5", 5, NULL), 0);
    assert_int_equal(sb_faults_init(&other, "drop=0.25", 6, NULL), 0);
    for (int i = 0; i < REQUESTS; i++) {
        bool hit = sb_faults_hit(&one, SB_DROP, "GET");
        sb_faults_hit(&two, SB_SLOW, "GET"); /* another fault changes nothing */
        assert_int_equal(sb_faults_hit(&two, SB_DROP, "GET"), hit);
        same += sb_faults_hit(&other, SB_DROP, "GET") == hit;
        hits += hit;
    }
    assert_in_range(hits, REQUESTS / 5, REQUESTS * 3 / 10);
    assert_true(same < REQUESTS);
    sb_faults_reset(&one);
    sb_faults_init(&two, "drop=0.25", 5, NULL);
    for (int i = 0; i < REQUESTS; i++)
        assert_int_equal(sb_faults_hit(&one, SB_DROP, "GET"), sb_faults_hit(&two, SB_DROP, "GET"));
}

TEST(rates_of_zero_and_one_are_never_and_always)
{
    sb_faults faults;
    sb_faults_init(&faults, "drop=0,slow=1,html@POST=1", 1, NULL);
    for (int i = 0; i < 1000; i++) {
        assert_false(sb_faults_hit(&faults, SB_DROP, "GET"));
        assert_true(sb_faults_hit(&faults, SB_SLOW, "GET"));
        assert_true(sb_faults_hit(&faults, SB_HTML, "POST"));
        assert_false(sb_faults_hit(&faults, SB_HTML, "GET"));
        assert_false(sb_faults_hit(&faults, SB_SLOW, "BREW"));
    }
}

TEST(wrong_specifications_are_refused)
{
    static const char *const wrong[] = {
        "drop",        "drop=",           "drop=2",           "drop=-1",   "drop=x",
        "drop=0.1x",   "drop=0.1,",       "drop=0.1,,slow=1", "nothing=1", "drop@=1",
        "drop@BREW=1", "drop=0.1;slow=1", "drop=0.1.1",       "=1",        "drop=0.1 slow=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sb_faults faults;
        th_error err = {0};
        if (sb_faults_init(&faults, wrong[i], 1, &err) == 0)
            fail_msg("\"%s\" was accepted", wrong[i]);
        assert_non_null(strstr(err.message, wrong[i]));
        assert_non_null(strstr(err.message, "lost_reply"));
        th_error_close(&err);
    }
}
