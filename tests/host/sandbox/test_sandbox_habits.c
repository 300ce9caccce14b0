/*
 * What the sandbox can be told to do that no documentation promises or rules out: readers that lag
 * behind, lists in pages, words in Retry-After, others who touch a trunk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>

#include "sandbox_client.h"
#include "test.h"

#define TRUNKS "/user/phone-numbers/sip-trunks"
#define CREATE                                                                                     \
    "{\"sip_trunk_type\":\"number\",\"phone_number\":\"+493023125999\",\"sip_username\":\"new-"    \
    "one\","                                                                                       \
    "\"sip_password\":\"changed-1\",\"sip_address\":\"sip.example.com\",\"sip_calling_format\":"   \
    "\"+e164\",\"inbound_authorization_type\":\"auth\",\"country_code\":\"DE\"}"

static size_t listed(sandbox_client *client)
{
    assert_int_equal(sandbox_client_send(client, "GET", TRUNKS, NULL), 200);
    return json_array_size(json_at(client->json, "data"));
}

/* Sends the request until it is answered so, for as long as the test may run. */
static void until(sandbox_client *client, const char *path, long status)
{
    while (sandbox_client_send(client, "GET", path, NULL) != status)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

TEST(a_create_shows_to_readers_later)
{
    char path[64];
    sandbox_client client;
    sandbox_client_open(&client, "famulor", "trunks=3,limits=none,eventual=60000/0");
    assert_int_equal(sandbox_client_send(&client, "POST", TRUNKS, CREATE), 201);
    snprintf(path, sizeof path, TRUNKS "/%s", text_at(client.json, "data.id"));
    assert_int_equal(sandbox_client_send(&client, "GET", path, NULL), 404);
    assert_int_equal(listed(&client), 3);
    /* Writes meet the truth. */
    assert_int_equal(sandbox_client_send(&client, "POST", TRUNKS, CREATE), 409);
    assert_int_equal(sandbox_client_send(&client, "PUT", path, "{\"nickname\":\"seen\"}"), 200);
    assert_int_equal(sandbox_client_send(&client, "GET", path, NULL), 404);
    json_t *all = sandbox_client_report(&client, "state");
    assert_int_equal(json_array_size(json_at(all, "famulor.trunks")), 4);
    json_decref(all);
    sandbox_client_close(&client);

    sandbox_client_open(&client, "famulor", "trunks=3,limits=none,eventual=300/0");
    sandbox_client_send(&client, "POST", TRUNKS, CREATE);
    snprintf(path, sizeof path, TRUNKS "/%s", text_at(client.json, "data.id"));
    until(&client, path, 200);
    assert_int_equal(listed(&client), 4);
    sandbox_client_close(&client);
}

TEST(a_change_shows_to_readers_later)
{
    char before[64];
    SANDBOX(client, "famulor", "trunks=3,limits=none,eventual=0/60000");
    sandbox_client_send(&client, "GET", TRUNKS "/42", NULL);
    snprintf(before, sizeof before, "%s", text_at(client.json, "data.inbound_trunk_id"));
    sandbox_client_send(&client, "PUT", TRUNKS "/42", "{\"sip_password\":\"changed-1\"}");
    assert_string_not_equal(text_at(client.json, "data.inbound_trunk_id"), before);
    sandbox_client_send(&client, "PUT", TRUNKS "/42", "{\"sip_password\":\"changed-2\"}");
    sandbox_client_send(&client, "GET", TRUNKS "/42", NULL);
    assert_string_equal(text_at(client.json, "data.inbound_trunk_id"), before);
    sandbox_client_send(&client, "GET", TRUNKS, NULL);
    json_t *all = sandbox_client_report(&client, "state");
    assert_string_equal(text_at(all, "famulor.trunks.0.sip_password"), "changed-2");
    json_decref(all);
    /* What is gone is gone at once. */
    assert_int_equal(sandbox_client_send(&client, "DELETE", "/user/phone-numbers/42", NULL), 200);
    assert_int_equal(sandbox_client_send(&client, "GET", TRUNKS "/42", NULL), 404);
}

TEST(a_part_of_a_trunk_shows_to_readers_later)
{
    char path[128];
    SANDBOX(client, "bolna_trunk", "trunks=1,limits=none,eventual=60000");
    json_t *all = sandbox_client_report(&client, "state");
    snprintf(path, sizeof path, "/trunk/trunks/%.36s", text_at(all, "bolna_trunk.trunks.0.id"));
    size_t count = json_array_size(json_at(all, "bolna_trunk.trunks.0.numbers"));
    json_decref(all);
    char numbers[160];
    snprintf(numbers, sizeof numbers, "%s/numbers", path);
    assert_int_equal(sandbox_client_send(&client, "POST", numbers,
                                         "{\"e164\":\"+493099999999\",\"destination_key\":\"9\"}"),
                     200);
    sandbox_client_send(&client, "GET", path, NULL);
    assert_int_equal(json_array_size(json_at(client.json, "numbers")), count);
}

TEST(famulor_pages_as_laravel_does)
{
    sandbox_client client;
    sandbox_client_open(&client, "famulor", "trunks=12,limits=none,page=5");
    assert_int_equal(listed(&client), 5);
    assert_string_equal(text_at(client.json, "meta.total"), "12");
    assert_string_equal(text_at(client.json, "meta.last_page"), "3");
    const char *next = text_at(client.json, "links.next");
    assert_non_null(strstr(next, "/famulor/api" TRUNKS "?page=2"));
    assert_int_equal(sandbox_client_send(&client, "GET", TRUNKS "?page=3", NULL), 200);
    assert_int_equal(json_array_size(json_at(client.json, "data")), 2);
    assert_string_equal(text_at(client.json, "links.next"), "null");
    assert_int_equal(sandbox_client_violations(&client), 0);
    sandbox_client_close(&client);
    /* Nobody asks for pages where none are documented. */
    sandbox_client_open(&client, "famulor", "trunks=12,limits=none");
    assert_int_equal(sandbox_client_send(&client, "GET", TRUNKS "?page=1", NULL), 422);
    sandbox_client_close(&client);
}

TEST(bare_arrays_name_the_next_page_in_headers)
{
    static const struct {
        const char *api, *path;
    } cases[] = {{"vatel", "/sip-trunks"}, {"bolna", "/sip-trunks/trunks"}};
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        sandbox_client client;
        sandbox_client_open(&client, cases[i].api, "trunks=7,limits=none,page=4");
        sandbox_client_send(&client, "GET", cases[i].path, NULL);
        assert_int_equal(json_array_size(client.json), 4);
        assert_string_equal(sandbox_client_header(&client, "X-Total-Count"), "7");
        assert_non_null(strstr(sandbox_client_header(&client, "Link"), "rel=\"next\""));
        snprintf(path, sizeof path, "%s?page=2", cases[i].path);
        assert_int_equal(sandbox_client_send(&client, "GET", path, NULL), 200);
        assert_int_equal(json_array_size(client.json), 3);
        assert_null(sandbox_client_header(&client, "Link"));
        sandbox_client_close(&client);
    }
}

/* The newer Bolna API with pages of 5, of 12 trunks. */
static void page_of(sandbox_client *client, const char *fault, int number)
{
    char spec[80], path[64];
    snprintf(spec, sizeof spec, "trunks=12,limits=none,page=5%s%s", fault ? ",fault=" : "",
             fault ? fault : "");
    sandbox_client_open(client, "bolna_trunk", spec);
    snprintf(path, sizeof path, "/trunk/trunks?page_number=%d&page_size=50", number);
    assert_int_equal(sandbox_client_send(client, "GET", path, NULL), 200);
}

TEST(lists_are_wrong_in_these_ways)
{
    static const struct {
        const char *fault;
        int number;
        const char *items, *total, *page, *more;
    } cases[] = {
        {NULL, 1, "5", "12", "1", "true"},
        {NULL, 3, "2", "12", "3", "false"},
        {"short_list=1", 1, "4", "12", "1", "true"},
        {"short_list=1", 3, "1", "12", "3", "false"},
        {"shifting_list=1", 1, "5", "12", "1", "true"},
        {"shifting_list=1", 2, "5", "11", "2", "true"},
        {"shifting_list=1", 3, "1", "11", "3", "false"},
        {"empty_page=1", 2, "0", "12", "2", "true"},
        {"empty_page=1", 3, "0", "12", "3", "true"},
        {"same_page=1", 2, "5", "12", "1", "true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char items[16];
        sandbox_client client;
        page_of(&client, cases[i].fault, cases[i].number);
        snprintf(items, sizeof items, "%zu", json_array_size(json_at(client.json, "data")));
        if (strcmp(items, cases[i].items) != 0 ||
            strcmp(text_at(client.json, "total"), cases[i].total) != 0 ||
            strcmp(text_at(client.json, "page"), cases[i].page) != 0 ||
            strcmp(text_at(client.json, "has_more"), cases[i].more) != 0)
            fail_msg("%s, page %d: %s", cases[i].fault ? cases[i].fault : "none", cases[i].number,
                     client.text.data);
        sandbox_client_close(&client);
    }
}

/* Where no page is documented the reply says that it is not whole. */
TEST(a_short_list_says_how_many_there_are)
{
    sandbox_client client;
    sandbox_client_open(&client, "famulor", "trunks=4,fault=short_list=1");
    assert_int_equal(listed(&client), 3);
    assert_string_equal(text_at(client.json, "meta.total"), "4");
    sandbox_client_close(&client);
    sandbox_client_open(&client, "vatel", "trunks=4,fault=short_list=1");
    sandbox_client_send(&client, "GET", "/sip-trunks", NULL);
    assert_int_equal(json_array_size(client.json), 3);
    assert_string_equal(sandbox_client_header(&client, "X-Total-Count"), "4");
    sandbox_client_close(&client);
}

TEST(something_else_moves_the_time_of_change)
{
    char before[64], path[96];
    SANDBOX(client, "bolna", "limits=none,fault=touched=1+error_before@PATCH=1");
    json_t *all = sandbox_client_report(&client, "state");
    snprintf(before, sizeof before, "%s", text_at(all, "bolna.trunks.0.updated_at"));
    snprintf(path, sizeof path, "/sip-trunks/trunks/%.26s", text_at(all, "bolna.trunks.0.id"));
    json_decref(all);
    assert_int_equal(sandbox_client_send(&client, "PATCH", path, "{\"auth_password\":\"new-one\"}"),
                     500);
    all = sandbox_client_report(&client, "state");
    assert_string_not_equal(text_at(all, "bolna.trunks.0.updated_at"), before);
    assert_string_not_equal(text_at(all, "bolna.trunks.0.auth_password"), "new-one");
    json_decref(all);
    json_t *log = sandbox_client_report(&client, "log");
    assert_string_equal(text_at(log, "0.fault"), "touched+error_before");
    assert_string_equal(text_at(log, "0.applied"), "false");
    json_decref(log);
}

TEST(retry_after_comes_in_each_form)
{
    static const char *const faults[] = {"limit", "busy", "html"};
    for (size_t i = 0; i < 3; i++) {
        char spec[96];
        sandbox_client client;
        long long now = (long long)time(NULL);
        snprintf(spec, sizeof spec, "fault=%s=1,retry_after=86400", faults[i]);
        sandbox_client_open(&client, "vatel", spec);
        sandbox_client_send(&client, "GET", "/sip-trunks", NULL);
        assert_string_equal(sandbox_client_header(&client, "Retry-After"), "86400");
        sandbox_client_close(&client);

        snprintf(spec, sizeof spec, "fault=%s=1,retry_after=epoch:60", faults[i]);
        sandbox_client_open(&client, "famulor", spec);
        sandbox_client_send(&client, "GET", TRUNKS, NULL);
        long long then = strtoll(sandbox_client_header(&client, "Retry-After"), NULL, 10);
        assert_in_range(then - now, 60, 600);
        if (i == 0)
            assert_string_equal(text_at(client.json, "retry_after"), "60");
        sandbox_client_close(&client);

        snprintf(spec, sizeof spec, "fault=%s=1,retry_after=date:315360000", faults[i]);
        sandbox_client_open(&client, "vatel", spec);
        sandbox_client_send(&client, "GET", "/sip-trunks", NULL);
        time_t date = curl_getdate(sandbox_client_header(&client, "Retry-After"), NULL);
        assert_in_range((long long)date - now, 315360000, 315360600);
        sandbox_client_close(&client);

        snprintf(spec, sizeof spec, "fault=%s=1,retry_after=none", faults[i]);
        sandbox_client_open(&client, "famulor", spec);
        sandbox_client_send(&client, "GET", TRUNKS, NULL);
        assert_null(sandbox_client_header(&client, "Retry-After"));
        sandbox_client_close(&client);
    }
}

static void tell(sandbox_client *client, const char *command, const char *body)
{
    client->api = "";
    assert_int_equal(sandbox_client_send(client, "POST", command, body), 200);
    client->api = "famulor";
}

TEST(habits_can_be_set_while_it_runs)
{
    SANDBOX(client, "famulor", "trunks=4,limits=none,page=3");
    tell(&client, "/_sandbox/reset", "{\"trunks\":5,\"retry_after\":\"7\"}");
    assert_int_equal(listed(&client), 3); /* what is left out stays */
    tell(&client, "/_sandbox/faults", "{\"page\":2,\"eventual\":\"60000/0\"}");
    assert_int_equal(listed(&client), 2);
    sandbox_client_send(&client, "POST", TRUNKS, CREATE);
    listed(&client);
    assert_string_equal(text_at(client.json, "meta.total"), "5");
    tell(&client, "/_sandbox/faults", "{\"fault\":\"busy=1\"}"); /* and here it is off */
    sandbox_client_send(&client, "GET", TRUNKS, NULL);
    assert_null(sandbox_client_header(&client, "Retry-After"));
    tell(&client, "/_sandbox/faults", NULL);
    assert_int_equal(listed(&client), 5);
}
