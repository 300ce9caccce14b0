/*
 * Replies of the sandbox that are not what was asked for, at each API: what the client sees, and
 * whether the write was carried out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_client.h"
#include "test.h"

typedef struct api {
    const char *name, *trunks, *method, *change, *field, *value, *create;
    long created;
} api;

static const api apis[] = {
    {"famulor", "/user/phone-numbers/sip-trunks", "PUT", "{\"sip_password\":\"changed-1\"}",
     "sip_password", "changed-1",
     "{\"sip_trunk_type\":\"number\",\"phone_number\":\"+493023125999\",\"sip_username\":\"new-"
     "one\","
     "\"sip_password\":\"changed-1\",\"sip_address\":\"sip.example.com\",\"sip_calling_format\":"
     "\"+e164\",\"inbound_authorization_type\":\"auth\",\"country_code\":\"DE\"}",
     201},
    {"vatel", "/sip-trunks", "PATCH", "{\"inbound_sip_password\":\"changed-1\"}",
     "inbound_sip_password", "changed-1", "{\"pbx\":\"3cx\"}", 201},
    {"bolna", "/sip-trunks/trunks", "PATCH", "{\"auth_password\":\"changed-1\"}", "auth_password",
     "changed-1",
     "{\"name\":\"New\",\"provider\":\"custom\",\"auth_type\":\"userpass\",\"auth_username\":\"u\","
     "\"auth_password\":\"changed-1\",\"gateways\":[{\"gateway_address\":\"a.example.com\"}]}",
     201},
    {"bolna_trunk", "/trunk/trunks", "PATCH",
     "{\"auth_username\":\"u\",\"auth_password\":\"changed-1\"}", "auth_password", "changed-1",
     "{\"name\":\"New\"}", 200},
};

/* What the body is: a trunk with that id, another one, an error, {}, nothing, or something else. */
enum what { OWN, OTHER, FAILURE, EMPTY, NOTHING, WORD, PAGE };

static const struct {
    const char *fault;
    long status; /* 0: that of a yes */
    bool applied;
    enum what change, create;
} cases[] = {
    {"busy", 503, false, FAILURE, FAILURE},       {"timeout_before", 504, false, PAGE, PAGE},
    {"timeout_after", 504, true, PAGE, PAGE},     {"error_200", 200, false, FAILURE, FAILURE},
    {"empty_before", 0, false, EMPTY, EMPTY},     {"empty_after", 0, true, EMPTY, EMPTY},
    {"blank_before", 0, false, NOTHING, NOTHING}, {"blank_after", 0, true, NOTHING, NOTHING},
    {"accepted_before", 202, false, WORD, WORD},  {"accepted_after", 202, true, WORD, WORD},
    {"other_before", 0, false, OTHER, OTHER},     {"other_after", 0, true, OTHER, OTHER},
};

static enum what what_came(sandbox_client *client, const char *id)
{
    json_t *body = client->json, *data = json_at(body, "data");
    json_t *own = json_object_get(data ? data : body, "id");
    if (client->text.len == 0)
        return NOTHING;
    if (!body)
        return PAGE;
    if (own)
        return strcmp(text_at(data ? data : body, "id"), id) == 0 ? OWN : OTHER;
    return json_object_size(body) == 0 ? EMPTY : json_object_get(body, "status") ? WORD : FAILURE;
}

static size_t count_of(sandbox_client *client, const api *a)
{
    json_t *all = sandbox_client_report(client, "state");
    size_t count = json_array_size(json_at(json_object_get(all, a->name), "trunks"));
    json_decref(all);
    return count;
}

static bool has_changed(sandbox_client *client, const api *a)
{
    json_t *all = sandbox_client_report(client, "state");
    json_t *first = json_at(json_object_get(all, a->name), "trunks.0");
    bool changed = strcmp(text_at(first, a->field), a->value) == 0;
    json_decref(all);
    return changed;
}

static void expect(sandbox_client *client, size_t i, const char *name, long status, long yes,
                   enum what wanted, bool applied, const char *id)
{
    long want = cases[i].status ? cases[i].status : yes;
    enum what came = what_came(client, id);
    json_t *log = sandbox_client_report(client, "log");
    json_t *last = json_array_get(log, json_array_size(log) - 1);
    if (status != want || came != wanted || applied != cases[i].applied ||
        json_is_true(json_object_get(last, "applied")) != applied ||
        strcmp(text_at(last, "fault"), cases[i].fault) != 0)
        fail_msg("%s, %s: %ld, body %d, applied %d", name, cases[i].fault, status, came, applied);
    json_decref(log);
}

TEST(each_says_whether_the_write_was_carried_out)
{
    for (size_t n = 0; n < sizeof apis / sizeof apis[0]; n++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const api *a = &apis[n];
            char spec[80], path[128], id[64];
            sandbox_client client;
            snprintf(spec, sizeof spec, "trunks=3,limits=none,fault=%s=1", cases[i].fault);
            sandbox_client_open(&client, a->name, spec);
            json_t *all = sandbox_client_report(&client, "state");
            snprintf(id, sizeof id, "%s",
                     text_at(json_at(json_object_get(all, a->name), "trunks.0"), "id"));
            json_decref(all);
            snprintf(path, sizeof path, "%s/%s", a->trunks, id);
            long status = sandbox_client_send(&client, a->method, path, a->change);
            expect(&client, i, a->name, status, 200, cases[i].change, has_changed(&client, a), id);
            status = sandbox_client_send(&client, "POST", a->trunks, a->create);
            expect(&client, i, a->name, status, a->created, cases[i].create,
                   count_of(&client, a) == 4, "");
            assert_int_equal(sandbox_client_violations(&client), 0);
            sandbox_client_close(&client);
        }
    }
}

/* The reply to a change that was not carried out looks like every other one. */
TEST(an_unchanged_trunk_comes_in_the_reply_to_a_change)
{
    for (size_t n = 0; n < sizeof apis / sizeof apis[0]; n++) {
        const api *a = &apis[n];
        char path[128];
        sandbox_client client;
        sandbox_client_open(&client, a->name, "trunks=3,limits=none,fault=unchanged=1");
        json_t *all = sandbox_client_report(&client, "state");
        json_t *trunk = json_at(json_object_get(all, a->name), "trunks.0");
        snprintf(path, sizeof path, "%s/%s", a->trunks, text_at(trunk, "id"));
        assert_int_equal(sandbox_client_send(&client, a->method, path, a->change), 200);
        json_t *data = json_at(client.json, "data");
        json_t *shown = data ? data : client.json;
        assert_true(json_equal(json_object_get(shown, "id"), json_object_get(trunk, "id")));
        json_t *time = json_object_get(trunk, "updated_at");
        assert_true(!time || json_equal(json_object_get(shown, "updated_at"), time));
        assert_int_equal(json_object_get(client.json, "message") != NULL, n == 0);
        assert_false(has_changed(&client, a));
        /* A trunk that is not there is still not there, and creates are made. */
        assert_int_equal(sandbox_client_send(&client, "POST", a->trunks, a->create), a->created);
        assert_int_equal(count_of(&client, a), 4);
        json_decref(all);
        sandbox_client_close(&client);
    }
}

/* Only a yes is spoiled. */
TEST(a_refusal_stays_one)
{
    static const char *const faults[] = {"empty_after", "blank_after", "accepted_after",
                                         "other_after"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char spec[80];
        sandbox_client client;
        snprintf(spec, sizeof spec, "fault=%s=1", faults[i]);
        sandbox_client_open(&client, "famulor", spec);
        assert_int_equal(sandbox_client_send(&client, "PUT", "/user/phone-numbers/sip-trunks/42",
                                             "{\"sip_password\":\"x\"}"),
                         422);
        sandbox_client_close(&client);
    }
}

TEST(a_list_can_be_answered_by_200_and_an_error)
{
    SANDBOX(client, "bolna", "fault=error_200@GET=1");
    assert_int_equal(sandbox_client_send(&client, "GET", "/sip-trunks/trunks", NULL), 200);
    assert_true(json_is_string(json_at(client.json, "detail")));
}
