#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "provider/provider.h"
#include "provider_fixture.h"
#include "test.h"

static const char *const shipped[] = {"famulor", "autocalls", "vatel", "bolna", "bolna_trunk"};
enum { SHIPPED = sizeof shipped / sizeof *shipped };

TEST(every_shipped_description_is_without_a_fault)
{
    lua_State *L = provider_state();
    for (int i = 0; i < SHIPPED; i++) {
        th_provider *p = provider_shipped(L, shipped[i]);
        assert_string_equal(th_provider_name(p), shipped[i]);
        assert_true(strncmp(th_provider_base_url(p), "https://", 8) == 0);
        th_provider_destroy(L, p);
    }
    lua_close(L);
}

TEST(the_documented_limits_are_the_defaults)
{
    lua_State *L = provider_state();
    th_provider *p = provider_shipped(L, "famulor");
    size_t n;
    const th_window *windows = th_provider_windows(p, &n);
    assert_int_equal(n, 2);
    assert_int_equal(windows[0].requests, 100);
    assert_true(windows[0].seconds == 60);
    assert_int_equal(windows[1].requests, 20);
    assert_true(windows[1].seconds == 10);
    assert_int_equal(th_provider_concurrency(p), 8);
    th_provider_destroy(L, p);
    p = provider_shipped(L, "bolna");
    windows = th_provider_windows(p, &n);
    assert_int_equal(n, 1);
    assert_int_equal(windows[0].requests, 1000);
    th_provider_destroy(L, p);
    lua_close(L);
}

static const struct {
    const char *provider, *endpoint, *request;
} documented[] = {
    {"famulor", "list", "GET /user/phone-numbers/sip-trunks"},
    {"famulor", "get", "GET /user/phone-numbers/sip-trunks/{id}"},
    {"famulor", "create", "POST /user/phone-numbers/sip-trunks"},
    {"famulor", "update", "PUT /user/phone-numbers/sip-trunks/{id}"},
    {"famulor", "delete", "DELETE /user/phone-numbers/{id}"},
    {"famulor", "check", "GET /user/me"},
    {"famulor", "numbers.all", "GET /user/phone-numbers/all"},
    {"famulor", "numbers.rename", "PUT /user/phone-numbers/{id}"},
    {"famulor", "assistants.numbers", "GET /user/assistants/phone-numbers"},
    {"famulor", "assistants.assign", "PUT /user/assistant/{assistant_id}"},
    {"autocalls", "update", "PUT /user/phone-numbers/sip-trunks/{id}"},
    {"autocalls", "delete", "DELETE /user/phone-numbers/{id}"},
    {"autocalls", "check", "GET /user/phone-numbers/sip-trunks"},
    {"autocalls", "assistants.numbers", "GET /user/assistants/phone-numbers"},
    {"vatel", "list", "GET /sip-trunks"},
    {"vatel", "get", "GET /sip-trunks/{id}"},
    {"vatel", "create", "POST /sip-trunks"},
    {"vatel", "update", "PATCH /sip-trunks/{id}"},
    {"vatel", "delete", "DELETE /sip-trunks/{id}"},
    {"vatel", "check", "GET /organization"},
    {"vatel", "assignments.list", "GET /sip-trunks/{id}/assignments"},
    {"vatel", "assignments.create", "POST /sip-trunks/{id}/assignments"},
    {"vatel", "assignments.get", "GET /sip-trunks/assignments/{assignment_id}"},
    {"vatel", "assignments.update", "PATCH /sip-trunks/assignments/{assignment_id}"},
    {"vatel", "assignments.delete", "DELETE /sip-trunks/assignments/{assignment_id}"},
    {"vatel", "agents.dial", "POST /agents/{agent_id}/dial"},
    {"bolna", "list", "GET /sip-trunks/trunks"},
    {"bolna", "get", "GET /sip-trunks/trunks/{id}"},
    {"bolna", "create", "POST /sip-trunks/trunks"},
    {"bolna", "update", "PATCH /sip-trunks/trunks/{id}"},
    {"bolna", "delete", "DELETE /sip-trunks/trunks/{id}"},
    {"bolna", "check", "GET /user/me"},
    {"bolna", "numbers.list", "GET /sip-trunks/trunks/{id}/numbers"},
    {"bolna", "numbers.add", "POST /sip-trunks/trunks/{id}/numbers"},
    {"bolna", "numbers.remove", "DELETE /sip-trunks/trunks/{id}/numbers/{number_id}"},
    {"bolna", "agents.map", "POST /inbound/setup"},
    {"bolna", "agents.unmap", "POST /inbound/unlink"},
    {"bolna_trunk", "list", "GET /trunk/trunks"},
    {"bolna_trunk", "get", "GET /trunk/trunks/{id}"},
    {"bolna_trunk", "create", "POST /trunk/trunks"},
    {"bolna_trunk", "update", "PATCH /trunk/trunks/{id}"},
    {"bolna_trunk", "delete", "DELETE /trunk/trunks/{id}"},
    {"bolna_trunk", "gateways.add", "POST /trunk/trunks/{id}/gateways"},
    {"bolna_trunk", "gateways.remove", "DELETE /trunk/trunks/{id}/gateways/{gateway_id}"},
    {"bolna_trunk", "acls.add", "POST /trunk/trunks/{id}/ip-acls"},
    {"bolna_trunk", "acls.remove", "DELETE /trunk/trunks/{id}/ip-acls/{acl_id}"},
    {"bolna_trunk", "numbers.add", "POST /trunk/trunks/{id}/numbers"},
    {"bolna_trunk", "numbers.remove", "DELETE /trunk/trunks/{id}/numbers/{number_id}"},
    {"bolna_trunk", "numbers.assign", "PATCH /trunk/numbers/{number_id}"},
    {"bolna_trunk", "edge", "GET /trunk/pop"},
};

TEST(every_documented_endpoint_has_a_name)
{
    lua_State *L = provider_state();
    th_provider *p = NULL;
    for (size_t i = 0; i < sizeof documented / sizeof *documented; i++) {
        if (!p || strcmp(th_provider_name(p), documented[i].provider) != 0) {
            th_provider_destroy(L, p);
            p = provider_shipped(L, documented[i].provider);
        }
        const th_endpoint *e = th_provider_endpoint(p, documented[i].endpoint);
        if (!e)
            fail_msg("%s has no %s", documented[i].provider, documented[i].endpoint);
        char request[128];
        snprintf(request, sizeof request, "%s %s", th_method_name(e->method), e->path);
        assert_string_equal(request, documented[i].request);
    }
    th_provider_destroy(L, p);
    lua_close(L);
}

TEST(a_post_is_never_repeatable_and_other_writes_are)
{
    lua_State *L = provider_state();
    for (int i = 0; i < SHIPPED; i++) {
        th_provider *p = provider_shipped(L, shipped[i]);
        for (const char *const *name = th_provider_endpoint_names(p); *name; name++) {
            const th_endpoint *e = th_provider_endpoint(p, *name);
            assert_int_equal(e->repeatable, e->method != TH_POST);
        }
        th_provider_destroy(L, p);
    }
    lua_close(L);
}

TEST(envelopes_and_shapes_are_those_of_the_platform)
{
    lua_State *L = provider_state();
    th_provider *p = provider_shipped(L, "famulor");
    const th_endpoint *e = th_provider_endpoint(p, "list");
    assert_true(e->returns_list);
    assert_string_equal(e->reply, "data");
    assert_false(e->reply_optional);
    assert_string_equal(th_provider_endpoint(p, "delete")->guard, "list");
    const th_error_paths *paths = th_provider_error_paths(p);
    assert_string_equal(paths->message[0], "message");
    assert_string_equal(paths->faults, "errors");
    assert_string_equal(paths->retry_after, "retry_after");
    assert_int_equal(th_provider_id_type(p), TH_INTEGER);
    th_provider_destroy(L, p);

    p = provider_shipped(L, "vatel");
    assert_null(th_provider_endpoint(p, "list")->reply);
    assert_true(th_provider_endpoint(p, "delete")->returns_nothing);
    assert_int_equal(th_endpoint_kind(th_provider_endpoint(p, "agents.dial"), 403), TH_REFUSED);
    assert_int_equal(th_endpoint_kind(th_provider_endpoint(p, "agents.dial"), 404), TH_OK);
    assert_int_equal(th_endpoint_kind(th_provider_endpoint(p, "update"), 403), TH_OK);
    th_provider_destroy(L, p);

    p = provider_shipped(L, "bolna_trunk");
    e = th_provider_endpoint(p, "list");
    assert_true(e->reply_optional);
    assert_string_equal(e->page_number, "page_number");
    assert_null(e->page_size);
    assert_null(th_provider_endpoint(p, "nothing"));
    th_provider_destroy(L, p);
    lua_close(L);
}

TEST(fields_carry_what_the_platform_says_of_them)
{
    lua_State *L = provider_state();
    th_provider *p = provider_shipped(L, "famulor");
    const th_object *trunk = th_provider_object(p, "trunk");
    const th_field *f = th_object_field(trunk, "sip_password");
    assert_true(f->secret && f->required && f->update && !f->read);
    assert_true(f->has_min && f->min == 3 && !f->has_max);
    f = th_object_field(trunk, "inbound_trunk_id");
    assert_true(f->read && f->detail && !f->create && !f->update);
    f = th_object_field(trunk, "allowed_inbound_ips");
    assert_true(f->replaces && f->admits && f->nullable);
    assert_int_equal(f->item_format, TH_FORMAT_IP);
    assert_null(th_object_field(trunk, "sip_passwor"));
    th_provider_destroy(L, p);
    lua_close(L);
}

TEST(the_description_is_there_for_scripts)
{
    lua_State *L = provider_state();
    th_provider *p = provider_shipped(L, "bolna"); // description
    lua_gc(L, LUA_GCCOLLECT, 0);
    th_provider_push(L, p); // description again
    assert_true(lua_rawequal(L, -1, -2));
    lua_getfield(L, -1, "secrets");
    lua_rawgeti(L, -1, 1);
    lua_getfield(L, -1, "otherwise");
    assert_non_null(strstr(lua_tostring(L, -1), "userpass"));
    th_provider_destroy(L, p);
    lua_close(L);
}

/* A description with all there is to be mistaken in; each case spoils one thing. */
static const char good[] =
    "(function() return {"
    " name = 'own', title = 'Own', base_url = 'https://voice.example/v1', auth = 'bearer',"
    " id = 'string', limits = { { 5, per = 1 }, source = 'page' },"
    " objects = {"
    "  trunk = { fields = {"
    "   id = { type = 'string', read = true },"
    "   user = { type = 'string', min = 1, max = 9, create = 'required', update = true, read = "
    "true },"
    "   pass = { type = 'string', secret = true, create = 'required', update = true },"
    "   mode = { type = 'string', enum = { 'on', 'off' }, default = 'on', create = 'optional',"
    "            read = true },"
    "   hops = { type = 'list', of = 'hop', replaces = true, create = 'optional', read = true },"
    "   stamp = { type = 'string', read = true } },"
    "   rules = { { need = { 'hops' }, when = { mode = 'on' } } } },"
    "  hop = { fields = { port = { type = 'integer', min = 1, create = 'required' } } } },"
    " endpoints = {"
    "  list = { 'GET', '/trunks', returns = 'list', reply = 'data' },"
    "  get = { 'GET', '/trunks/{id}' },"
    "  update = { 'PATCH', '/trunks/{id}', body = 'trunk', mode = 'update', repeatable = true } },"
    " errors = { message = { 'error' } },"
    " evidence = { updated = 'stamp' },"
    " secrets = { { field = 'pass', legs = { 'outbound' }, with = { 'user' }, present = { 'user' },"
    "   otherwise = 'no user' } },"
    " label = 'user' } end)()";

/* Parses `good` after running the Lua statements on it as `d`. */
static int parse_spoiled(lua_State *L, const char *statements, th_error *err)
{
    lua_pushfstring(L, "(function() local d = %s; %s; return d end)()", good, statements);
    provider_eval(L, lua_tostring(L, -1)); // text description
    th_provider *p = NULL;
    int rc = th_provider_parse(L, -1, &p, err);
    th_provider_destroy(L, p);
    lua_pop(L, 2); //
    return rc;
}

static const struct {
    const char *statements, *field, *rule;
} spoiled[] = {
    {"d.name = 'Own'", "name", "lower-case"},
    {"d.name = nil", "name", "is missing"},
    {"d.title = 3", "title", "must be text"},
    {"d.titel = 'x'", "titel", "did you mean \"title\""},
    {"d.base_url = 'http://voice.example'", "base_url", "https://"},
    {"d.base_url = 'https://voice.example/'", "base_url", "slash"},
    {"d.base_url = 'https://voice.example?x=1'", "base_url", "query"},
    {"d.auth = 'basic'", "auth", "bearer"},
    {"d.id = 'int'", "id", "one of: integer, uuid, string"},
    {"d.limits.source = nil", "limits.source", "is missing"},
    {"d.limits[1].per = 0", "limits[1].per", "above 0"},
    {"d.limits[1][1] = 1.5", "limits[1]", "whole number"},
    {"d.limits.concurrency = 0", "limits.concurrency", "whole number"},
    {"d.limits.burst = 3", "limits.burst", "not a known member"},
    {"d.objects.trunk = nil", "objects.trunk", "is missing"},
    {"d.objects.String = { fields = {} }", "objects.String", "is not a name"},
    {"d.objects.trunk.fields.user.type = 'text'", "objects.trunk.fields.user.type",
     "must be one of"},
    {"d.objects.trunk.fields.user.type = nil", "objects.trunk.fields.user.type", "is missing"},
    {"d.objects.trunk.fields.user.mni = 1", "objects.trunk.fields.user.mni",
     "did you mean \"min\""},
    {"d.objects.trunk.fields.user.min = 10", "objects.trunk.fields.user.min", "above max"},
    {"d.objects.trunk.fields.user.min = -1", "objects.trunk.fields.user.min", "negative"},
    {"d.objects.trunk.fields.user.create = true", "objects.trunk.fields.user.create",
     "must be text"},
    {"d.objects.trunk.fields.user.update = 'yes'", "objects.trunk.fields.user.update",
     "true or false"},
    {"d.objects.trunk.fields.user.read = 'list'", "objects.trunk.fields.user.read", "detail"},
    {"d.objects.trunk.fields.user.format = 'phone'", "objects.trunk.fields.user.format", "e164"},
    {"d.objects.trunk.fields.user.recreates = { 'both' }", "objects.trunk.fields.user.recreates",
     "leg"},
    {"d.objects.trunk.fields.user.default = 3", "objects.trunk.fields.user.default", "type"},
    {"d.objects.trunk.fields.mode.default = 'maybe'", "objects.trunk.fields.mode.default", "enum"},
    {"d.objects.trunk.fields.mode.off = 'none'", "objects.trunk.fields.mode.off", "enum"},
    {"d.objects.trunk.fields.mode.enum = {}", "objects.trunk.fields.mode.enum", "empty"},
    {"d.objects.trunk.fields.mode.enum = { 'a', 'a' }", "objects.trunk.fields.mode.enum[2]",
     "twice"},
    {"d.objects.trunk.fields.pass.read = true", "objects.trunk.fields.pass.read",
     "does not come back"},
    {"d.objects.trunk.fields.hops.of = 'hopp'", "objects.trunk.fields.hops.of",
     "did you mean \"hop\""},
    {"d.objects.trunk.fields.hops.of = nil", "objects.trunk.fields.hops.of", "is missing"},
    {"d.objects.hop.fields.key = { type = 'string', secret = true, create = 'optional' }",
     "objects.hop.fields.key.secret", "top of a body only"},
    {"d.objects.trunk.fields.hops.of = 'trunk'", "objects.trunk.fields.pass.secret",
     "top of a body only"},
    {"d.objects.trunk.fields.user.of = 'hop'", "objects.trunk.fields.user.of", "lists and objects"},
    {"d.objects.trunk.fields.user.replaces = true", "objects.trunk.fields.user.replaces", "lists"},
    {"d.objects.trunk.fields.lost = { type = 'string' }", "objects.trunk.fields.lost", "neither"},
    {"d.objects.trunk.fields['a b'] = 1", "objects.trunk.fields[\"a b\"]", "must be a table"},
    {"d.objects.trunk.fields[1] = {}", "objects.trunk.fields", "item [1]"},
    {"d.objects.trunk.rules[1].need = { 'hop' }", "objects.trunk.rules[1].need",
     "did you mean \"hops\""},
    {"d.objects.trunk.rules[1].when.mode = 'maybe'", "objects.trunk.rules[1].when.mode", "enum"},
    {"d.objects.trunk.rules[1].when = nil", "objects.trunk.rules[1].when", "is missing"},
    {"d.objects.trunk.rules[1].only = { mode = 'on' }", "objects.trunk.rules[1]", "one of: need"},
    {"d.objects.trunk.rules[1].on = { 'delete' }", "objects.trunk.rules[1].on", "create"},
    {"d.objects.trunk.rules.x = {}", "objects.trunk.rules", "must be a list"},
    {"d.endpoints.list = nil", "endpoints.list", "is missing"},
    {"d.endpoints.list.returns = nil", "endpoints.list.returns", "must be \"list\""},
    {"d.endpoints.get[1] = 'FETCH'", "endpoints.get", "must begin with a method"},
    {"d.endpoints.get[2] = nil", "endpoints.get", "must have a path"},
    {"d.endpoints.get[2] = 'trunks/{id}'", "endpoints.get", "single slash"},
    {"d.endpoints.get[2] = '/trunks'", "endpoints.get", "{id}"},
    {"d.endpoints.get[2] = '/trunks/{id}?x=1'", "endpoints.get", "character"},
    {"d.endpoints.get[2] = '/trunks/{id}/{hop_id}'", "endpoints.get.params", "{hop_id}"},
    {"d.endpoints.get.params = { hop_id = 'uuid' }", "endpoints.get.params.hop_id",
     "not a parameter"},
    {"d.endpoints.get.body = 'trunk'", "endpoints.get.body", "GET has none"},
    {"d.endpoints.update.mode = nil", "endpoints.update.mode", "is missing"},
    {"d.endpoints.update.body = 'hop'", "endpoints.update.body", "must be \"trunk\""},
    {"d.endpoints.update.empty = 'accept'", "endpoints.update.empty", "refuse"},
    {"d.endpoints.update[1] = 'POST'", "endpoints.update.repeatable", "never sent again"},
    {"d.endpoints.update.guard = 'lst'", "endpoints.update.guard", "did you mean \"list\""},
    {"d.endpoints.update.guard = 'get'", "endpoints.update.guard", "returns a list"},
    {"d.endpoints.list.query = { a = 'text' }", "endpoints.list.query.a", "must be one of"},
    {"d.endpoints.list.pages = { number = 'p', more = 'm', size = 's' }", "endpoints.list.pages",
     "both"},
    {"d.endpoints.get.status = { [200] = 'refused' }", "endpoints.get.status", "400 to 599"},
    {"d.endpoints.get.status = { [409] = 'clash' }", "endpoints.get.status", "conflict"},
    {"d.endpoints['Bad Name'] = { 'GET', '/x' }", "endpoints[\"Bad Name\"]", "is not a name"},
    {"d.endpoints.ping = 'GET'", "endpoints.ping", "must be a table"},
    {"d.errors.message = {}", "errors.message", "empty"},
    {"d.errors = nil", "errors", "is missing"},
    {"d.evidence.updated = 'stmp'", "evidence.updated", "did you mean \"stamp\""},
    {"d.evidence.updated = 'pass'", "evidence.updated", "never comes back"},
    {"d.evidence.infrastructure = { inbound = 'no' }", "evidence.infrastructure.inbound", "field"},
    {"d.evidence.registration = { settled = { 'up' }, proven = 'up', refused = 'no' }",
     "evidence.registration.refused", "settled"},
    {"d.secrets[1].field = 'user'", "secrets[1].field", "must be a secret"},
    {"d.secrets[1].legs = nil", "secrets[1].legs", "is missing"},
    {"d.secrets[1].with = { 'mode' }", "secrets[1].with", "accepted on update"},
    {"d.secrets[1].otherwise = nil", "secrets[1].otherwise", "is missing"},
    {"d.secrets[1].min = 0", "secrets[1].min", "whole number"},
    {"d.secrets.pass = {}", "secrets", "must be a list"},
    {"d.label = 'pass'", "label", "never comes back"},
};

/* Two levels down, and reached from an object that is only read: the same. */
TEST(a_secret_below_the_top_of_a_body_is_a_fault)
{
    lua_State *L = provider_state();
    th_error err = {0};
    assert_int_equal(parse_spoiled(L,
                                   "d.objects.deep = { fields = { key = { type = 'string',"
                                   " secret = true, update = true } } };"
                                   "d.objects.hop.fields.auth = { type = 'object', of = 'deep',"
                                   " update = true }",
                                   &err),
                     -TH_INVALID);
    assert_int_equal(err.nfaults, 1);
    provider_expect_fault(&err, "objects.deep.fields.key.secret", "top of a body only");
    th_error_close(&err);
    assert_int_equal(parse_spoiled(L,
                                   "d.objects.other = { fields = { key = { type = 'string',"
                                   " secret = true, update = true } } }",
                                   &err),
                     0);
    lua_close(L);
}

TEST(every_mistake_is_named_with_its_place_and_its_rule)
{
    lua_State *L = provider_state();
    th_error err = {0};
    assert_int_equal(parse_spoiled(L, "", &err), 0);
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        assert_int_equal(parse_spoiled(L, spoiled[i].statements, &err), -TH_INVALID);
        assert_int_equal(err.kind, TH_INVALID);
        provider_expect_fault(&err, spoiled[i].field, spoiled[i].rule);
        th_error_close(&err);
    }
    assert_int_equal(lua_gettop(L), 0);
    lua_close(L);
}

TEST(all_mistakes_are_listed_at_once)
{
    lua_State *L = provider_state();
    th_error err = {0};
    int rc = parse_spoiled(L,
                           "d.name = nil; d.id = 'x'; d.objects.trunk.fields.user.type = 'x';"
                           "d.endpoints.get[1] = 'x'; d.secrets[1].field = 'x'; d.extra = 1",
                           &err);
    assert_int_equal(rc, -TH_INVALID);
    provider_expect_fault(&err, "name", "");
    provider_expect_fault(&err, "id", "");
    provider_expect_fault(&err, "objects.trunk.fields.user.type", "");
    provider_expect_fault(&err, "endpoints.get", "");
    provider_expect_fault(&err, "secrets[1].field", "");
    provider_expect_fault(&err, "extra", "");
    assert_null(strchr(err.message, '\n'));
    th_error_close(&err);
    lua_close(L);
}

TEST(what_is_no_table_is_refused)
{
    static const char *const values[] = {"nil", "42", "'famulor'", "print", "{}"};
    lua_State *L = provider_state();
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        provider_eval(L, values[i]);
        th_provider *p = NULL;
        th_error err = {0};
        assert_int_equal(th_provider_parse(L, -1, &p, &err), -TH_INVALID);
        assert_null(p);
        assert_true(err.nfaults > 0);
        th_error_close(&err);
    }
    lua_close(L);
}

TEST(too_many_fields_are_refused)
{
    lua_State *L = provider_state();
    th_error err = {0};
    assert_int_equal(parse_spoiled(L,
                                   "for i = 1, 65 do d.objects.hop.fields['f' .. i] = "
                                   "{ type = 'string', read = true } end",
                                   &err),
                     -TH_INVALID);
    provider_expect_fault(&err, "objects.hop.fields", "64");
    th_error_close(&err);
    lua_close(L);
}

/* The sanitizers and valgrind see what a lost block would be. */
TEST(memory_that_runs_out_at_any_point_loses_nothing)
{
    long left;
    lua_State *L = provider_state_failing(&left);
    provider_eval(L, good); // description
    bool parsed = false;
    for (long n = 0; n < 100000 && !parsed; n++) {
        lua_gc(L, LUA_GCCOLLECT, 0);
        th_provider *p = NULL;
        th_error err = {0};
        left = n;
        int rc = th_provider_parse(L, -1, &p, &err);
        left = -1;
        parsed = rc == 0;
        if (!parsed) {
            assert_null(p);
            assert_non_null(strstr(err.message, "memory"));
        }
        assert_int_equal(lua_gettop(L), 1);
        th_provider_destroy(L, p);
        th_error_close(&err);
    }
    assert_true(parsed);
    lua_close(L);
}
