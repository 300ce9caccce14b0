#include <string.h>

#include <lauxlib.h>

#include "base/buf.h"
#include "provider/provider.h"
#include "provider_fixture.h"
#include "test.h"

static lua_State *L;
static th_provider *famulor, *vatel, *bolna, *bolna_trunk;

#define UUID "3c90c3cc-0d44-4b50-8888-8dd25736052a"

static int open_all(void **state)
{
    (void)state;
    L = provider_state();
    famulor = provider_shipped(L, "famulor");
    vatel = provider_shipped(L, "vatel");
    bolna = provider_shipped(L, "bolna");
    bolna_trunk = provider_shipped(L, "bolna_trunk");
    lua_settop(L, 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    th_provider_destroy(L, famulor);
    th_provider_destroy(L, vatel);
    th_provider_destroy(L, bolna);
    th_provider_destroy(L, bolna_trunk);
    lua_close(L);
    return 0;
}

TEST_GROUP(open_all, close_all)

/* Builds the path for a Lua expression after the text "base", which must stay what it is. */
static int build(const th_provider *p, const char *endpoint, const char *params, th_buf *out,
                 th_error *err)
{
    assert_int_equal(th_buf_puts(out, "base"), 0);
    provider_eval(L, params);
    int rc = th_path_build(L, p, th_provider_endpoint(p, endpoint), -1, out, err);
    lua_pop(L, 1);
    assert_int_equal(lua_gettop(L), 0);
    return rc;
}

static void expect_path(const th_provider *p, const char *endpoint, const char *params,
                        const char *path)
{
    th_buf out = {0};
    th_error err = {0};
    if (build(p, endpoint, params, &out, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(out.data + 4, path);
    th_buf_close(&out);
}

static void expect_refusal(const th_provider *p, const char *endpoint, const char *params,
                           const char *field, const char *rule)
{
    th_buf out = {0};
    th_error err = {0};
    assert_int_equal(build(p, endpoint, params, &out, &err), -TH_INVALID);
    provider_expect_fault(&err, field, rule);
    assert_null(strchr(err.message, '\n'));
    assert_string_equal(out.data, "base");
    assert_int_equal(out.len, 4);
    th_buf_close(&out);
    th_error_close(&err);
}

TEST(an_integral_float_never_shows_its_point)
{
    const char *path = "/user/phone-numbers/sip-trunks/42";
    expect_path(famulor, "get", "42", path);
    expect_path(famulor, "get", "42.0", path);
    expect_path(famulor, "get", "'42'", path);
    expect_path(famulor, "get", "{ id = 42.0 }", path);
    expect_path(famulor, "get", "9007199254740993",
                "/user/phone-numbers/sip-trunks/9007199254740993");
}

TEST(an_integer_id_takes_whole_numbers_above_0_only)
{
    static const char *const wrong[] = {"42.5",  "0",     "-1",    "'42.0'", "'042'",
                                        "'+42'", "' 42'", "'4e1'", "'0x2a'", "1/0",
                                        "0/0",   "'abc'", "-2^63", "'-1'",   "math.mininteger"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refusal(famulor, "get", wrong[i], "id", "whole number above 0");
    expect_refusal(famulor, "get", "true", "id", "string or a whole number");
    expect_refusal(famulor, "get", "null", "id", "string or a whole number");
    expect_refusal(famulor, "get", "secret('42')", "id", "string or a whole number");
}

TEST(an_integer_id_takes_all_of_64_bits_and_says_where_they_end)
{
    static const char *const good[] = {"999999999999999999", "1000000000000000000",
                                       "9223372036854775806", "9223372036854775807"};
    static const char *const large[] = {"'9223372036854775808'", "'99999999999999999999'", "2^63",
                                        "1e300"};
    char value[32], path[80];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(path, sizeof path, "/user/phone-numbers/sip-trunks/%s", good[i]);
        expect_path(famulor, "get", good[i], path);
        snprintf(value, sizeof value, "'%s'", good[i]);
        expect_path(famulor, "get", value, path);
    }
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        expect_refusal(famulor, "get", large[i], "id", "is larger than 9223372036854775807");
}

TEST(an_id_that_would_reach_another_address_is_refused)
{
    expect_refusal(bolna, "delete", "''", "id", "empty");
    expect_refusal(bolna, "delete", "'..'", "id", "dot segment");
    expect_refusal(bolna, "delete", "'.'", "id", "dot segment");
    expect_refusal(bolna, "delete", "'../'", "id", "slash");
    expect_refusal(bolna, "delete", "'../../user'", "id", "slash");
    expect_refusal(bolna, "delete", "'a/b'", "id", "slash");
    expect_refusal(bolna, "delete", "'a\\\\b'", "id", "slash");
    expect_refusal(bolna, "delete", "'a\\nb'", "id", "control character");
    expect_refusal(bolna, "delete", "'a\\0b'", "id", "control character");
    expect_refusal(bolna, "delete", "'\\xff'", "id", "UTF-8");
    expect_refusal(bolna, "delete", "('x'):rep(256)", "id", "255 bytes");
}

TEST(what_is_not_plain_is_percent_encoded)
{
    expect_path(bolna, "get", "'01HXYZ'", "/sip-trunks/trunks/01HXYZ");
    expect_path(bolna, "get", "'a b?c#d%2Fe'", "/sip-trunks/trunks/a%20b%3Fc%23d%252Fe");
    expect_path(bolna, "get", "'ü~-._'", "/sip-trunks/trunks/%C3%BC~-._");
    expect_path(bolna, "get", "7", "/sip-trunks/trunks/7");
}

TEST(a_uuid_must_be_one)
{
    expect_path(vatel, "get", "'" UUID "'", "/sip-trunks/" UUID);
    expect_refusal(vatel, "get", "'42'", "id", "UUID");
    expect_refusal(vatel, "get", "42", "id", "UUID");
    expect_refusal(vatel, "get", "'" UUID "0'", "id", "UUID");
    expect_refusal(vatel, "get", "'3c90c3cc00d44-4b50-8888-8dd25736052a'", "id", "UUID");
}

TEST(several_parameters_come_by_name)
{
    expect_path(bolna, "numbers.remove", "{ id = 'T1', number_id = 'N1' }",
                "/sip-trunks/trunks/T1/numbers/N1");
    expect_path(bolna_trunk, "gateways.remove", "{ id = '" UUID "', gateway_id = 5.0 }",
                "/trunk/trunks/" UUID "/gateways/5");
    expect_path(bolna_trunk, "numbers.assign", "'N1'", "/trunk/numbers/N1");
    expect_refusal(bolna, "numbers.remove", "{ id = 'T1' }", "number_id", "missing");
    expect_refusal(bolna, "numbers.remove", "{ id = 'T1', numberid = 'N1' }", "numberid",
                   "did you mean \"number_id\"");
    expect_refusal(bolna, "numbers.remove", "'T1'", "(parameters)", "table");
    expect_refusal(bolna, "numbers.remove", "nil", "id", "missing");
    expect_refusal(bolna, "numbers.remove", "nil", "number_id", "missing");
}

TEST(a_path_without_parameters_takes_none)
{
    expect_path(bolna_trunk, "edge", "nil", "/trunk/pop");
    expect_path(bolna_trunk, "edge", "{}", "/trunk/pop");
    expect_refusal(bolna_trunk, "edge", "'x'", "(parameters)", "must not be there");
    expect_refusal(bolna_trunk, "edge", "{ id = 1 }", "id", "not a parameter");
    expect_refusal(bolna_trunk, "edge", "{ 1 }", "(parameters)", "not a name");
}

static int query(const th_provider *p, const char *endpoint, const char *params, th_buf *out,
                 th_error *err)
{
    assert_int_equal(th_buf_puts(out, "base"), 0);
    provider_eval(L, params);
    int rc = th_query_build(L, th_provider_endpoint(p, endpoint), -1, out, err);
    lua_pop(L, 1);
    assert_int_equal(lua_gettop(L), 0);
    return rc;
}

static void expect_query(const th_provider *p, const char *endpoint, const char *params,
                         const char *text)
{
    th_buf out = {0};
    th_error err = {0};
    if (query(p, endpoint, params, &out, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(out.data + 4, text);
    th_buf_close(&out);
}

static void expect_query_refusal(const th_provider *p, const char *endpoint, const char *params,
                                 const char *field, const char *rule)
{
    th_buf out = {0};
    th_error err = {0};
    assert_int_equal(query(p, endpoint, params, &out, &err), -TH_INVALID);
    provider_expect_fault(&err, field, rule);
    assert_string_equal(out.data, "base");
    th_buf_close(&out);
    th_error_close(&err);
}

TEST(a_query_has_only_declared_parameters_of_their_types)
{
    expect_query(bolna, "list", "nil", "");
    expect_query(bolna, "list", "{}", "");
    expect_query(bolna, "list", "{ is_active = false }", "?is_active=false");
    expect_query(vatel, "agents.dial", "{ sipTrunkId = '" UUID "', number = '+49 30&1' }",
                 "?number=%2B49%2030%261&sipTrunkId=" UUID);
    expect_query(famulor, "assistants.numbers", "{ type = 'inbound' }", "?type=inbound");
    expect_query(bolna_trunk, "list", "{ page_number = 2.0 }", "?page_number=2");
    expect_query_refusal(bolna, "list", "{ is_activ = true }", "is_activ",
                         "did you mean \"is_active\"");
    expect_query_refusal(bolna, "list", "{ is_active = 'maybe' }", "is_active", "true or false");
    expect_query_refusal(bolna, "list", "'x'", "(query)", "table");
    expect_query_refusal(famulor, "assistants.numbers", "{ type = 'both' }", "type", "not one of");
    expect_query_refusal(vatel, "agents.dial", "{ sipTrunkId = 'x' }", "sipTrunkId", "UUID");
    expect_query_refusal(famulor, "list", "{ page = 1 }", "page", "not a parameter");
}
