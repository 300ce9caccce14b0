#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/secret.h"
#include "provider/provider.h"
#include "provider_fixture.h"
#include "test.h"
#include "json/json.h"

static const char *const names[] = {"famulor", "autocalls", "vatel", "bolna", "bolna_trunk"};
enum { PROVIDERS = sizeof names / sizeof *names };

static lua_State *L;
static th_provider *providers[PROVIDERS];

static int open_all(void **state)
{
    (void)state;
    L = provider_state();
    for (int i = 0; i < PROVIDERS; i++)
        providers[i] = provider_shipped(L, names[i]);
    lua_settop(L, 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (int i = 0; i < PROVIDERS; i++)
        th_provider_destroy(L, providers[i]);
    lua_close(L);
    return th_secret_count() == 0 ? 0 : -1;
}

TEST_GROUP(open_all, close_all)

static const th_provider *named(const char *name)
{
    for (int i = 0; i < PROVIDERS; i++)
        if (strcmp(names[i], name) == 0)
            return providers[i];
    fail_msg("no provider %s", name);
    return NULL;
}

/* `call` is "famulor update". Pushes the body that was given, and on success the copy. */
static int validate(const char *call, const char *body, const char *const *grants, th_error *err)
{
    char provider[32];
    size_t len = strcspn(call, " ");
    memcpy(provider, call, len);
    provider[len] = '\0';
    const th_provider *p = named(provider);
    const th_endpoint *endpoint = th_provider_endpoint(p, call + len + 1);
    assert_non_null(endpoint);
    provider_eval(L, body);
    int top = lua_gettop(L);
    int rc = th_validate(L, p, endpoint, -1, grants, err);
    assert_int_equal(lua_gettop(L), rc == 0 ? top + 1 : top);
    return rc;
}

static void accepts_with(const char *call, const char *body, const char *const *grants)
{
    th_error err = {0};
    if (validate(call, body, grants, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(err.nfaults, 0);
    lua_settop(L, 0);
}

static void accepts(const char *call, const char *body)
{
    accepts_with(call, body, NULL);
}

/* Exactly one fault, at the field. */
static void refuses_with(const char *call, const char *body, const char *const *grants,
                         const char *field, const char *rule)
{
    th_error err = {0};
    if (validate(call, body, grants, &err) == 0)
        fail_msg("accepted by %s: %s", call, body);
    assert_int_equal(err.kind, TH_INVALID);
    provider_expect_fault(&err, field, rule);
    if (err.nfaults != 1)
        fail_msg("more than one fault: %s", err.message);
    assert_non_null(strstr(err.message, field));
    assert_null(strchr(err.message, '\n'));
    th_error_close(&err);
    lua_settop(L, 0);
}

static void refuses(const char *call, const char *body, const char *field, const char *rule)
{
    refuses_with(call, body, NULL, field, rule);
}

/* Refused as a dangerous change; accepted once the field is granted, and only that field. */
static void needs_a_grant(const char *call, const char *body, const char *field, const char *grant)
{
    const char *const other[] = {"name", "id", NULL};
    const char *const granted[] = {"name", grant, NULL};
    refuses(call, body, field, "granted");
    refuses_with(call, body, other, field, "granted");
    accepts_with(call, body, granted);
}

TEST(a_rotation_is_accepted_on_every_platform)
{
    accepts("famulor update", "{ sip_password = secret('abcdefghijklmnop') }");
    accepts("autocalls update", "{ sip_password = 'abcdefghijklmnop' }");
    accepts("vatel update", "{ inbound_sip_password = secret('abcdefghijklmnop') }");
    accepts("vatel update", "{ outbound_sip_password = secret('abcdefghijklmnop') }");
    accepts("bolna update", "{ auth_username = 'u', auth_password = secret('abcdefghijkl') }");
    accepts("bolna_trunk update",
            "{ auth_username = 'u', auth_password = secret('abcdefghijkl') }");
}

#define FAMULOR_TRUNK                                                                              \
    "sip_trunk_type = 'extension', phone_number = '1000', sip_username = 'user',"                  \
    "sip_password = 'abcdefghijkl', sip_address = 'sip.example.com', sip_calling_format = "        \
    "'+e164',"                                                                                     \
    "inbound_authorization_type = 'auth', country_code = 'DE'"

TEST(a_whole_trunk_is_accepted_on_create)
{
    accepts("famulor create", "{ " FAMULOR_TRUNK " }");
    accepts("autocalls create", "{ " FAMULOR_TRUNK ", nickname = 'Main', outbound_proxy = true }");
    accepts("famulor create", "{ " FAMULOR_TRUNK ", nickname = null, allowed_inbound_ips = null }");
    accepts("vatel create", "{ pbx = 'generic' }");
    accepts("bolna create",
            "{ name = 'a', provider = 'custom', auth_type = 'userpass',"
            "  auth_username = 'u', auth_password = secret('abcdefgh'),"
            "  gateways = { { gateway_address = 'sip.example.com', port = 5060.0 } },"
            "  phone_numbers = {} }");
    accepts("bolna create",
            "{ name = 'a', provider = 'custom', auth_type = 'ip-based',"
            "  ip_identifiers = { { ip_address = '15.207.90.192/31' } },"
            "  gateways = { { gateway_address = '198.51.100.7', priority = 2 } } }");
    accepts("bolna_trunk create", "{ name = 'a' }");
}

TEST(every_missing_field_is_named)
{
    th_error err = {0};
    assert_int_equal(validate("famulor create", "{}", NULL, &err), -TH_INVALID);
    assert_int_equal(err.nfaults, 8);
    provider_expect_fault(&err, "sip_trunk_type", "is required");
    provider_expect_fault(&err, "sip_password", "is required");
    provider_expect_fault(&err, "country_code", "is required");
    th_error_close(&err);
    lua_settop(L, 0);
    refuses("bolna_trunk gateways.add", "{ port = 5060 }", "host", "is required");
}

TEST(all_faults_come_at_once_in_one_sorted_line)
{
    th_error err = {0};
    assert_int_equal(validate("famulor update",
                              "{ sip_username = 'ab', sip_pasword = 'x', outbound_proxy = 1,"
                              "  country_code = 'Germany', id = 3 }",
                              NULL, &err),
                     -TH_INVALID);
    assert_int_equal(err.nfaults, 5);
    provider_expect_fault(&err, "sip_username", "at least 3 characters");
    provider_expect_fault(&err, "sip_pasword", "did you mean \"sip_password\"");
    provider_expect_fault(&err, "outbound_proxy", "must be a boolean, not a number");
    provider_expect_fault(&err, "country_code", "two-letter");
    provider_expect_fault(&err, "id", "set by the platform");
    for (size_t i = 1; i < err.nfaults; i++)
        assert_true(strcmp(err.faults[i - 1].field, err.faults[i].field) <= 0);
    assert_true(strncmp(err.message, "famulor update was not sent: country_code ", 42) == 0);
    assert_null(strchr(err.message, '\n'));
    th_error_close(&err);
    lua_settop(L, 0);
}

TEST(types_are_exact)
{
    refuses("famulor update", "{ phone_number = 1000 }", "phone_number", "a string, not a number");
    refuses("famulor update", "{ outbound_proxy = 'true' }", "outbound_proxy", "a boolean");
    refuses("famulor update", "{ sip_address = true }", "sip_address", "a string, not a boolean");
    refuses("famulor update", "{ sip_username = {} }", "sip_username", "a string, not a table");
    refuses("famulor update", "{ sip_password = 123456 }", "sip_password", "a string");
    refuses("bolna update", "{ qualify_frequency = '60' }", "qualify_frequency", "whole number");
    refuses("bolna update", "{ qualify_frequency = 1.5 }", "qualify_frequency", "whole number");
    refuses("bolna update", "{ qualify_frequency = 1e300 }", "qualify_frequency", "whole number");
    refuses("bolna update", "{ qualify_frequency = 0/0 }", "qualify_frequency", "whole number");
    refuses("bolna update", "{ media_encryption = false }", "media_encryption", "a string");
    refuses("vatel update", "{ caller_id_transforms = 'x' }", "caller_id_transforms", "a list");
    refuses("famulor update", "{ sip_username = secret('user') }", "sip_username", "take a secret");
    accepts("bolna update", "{ qualify_frequency = 0 }");
    accepts("bolna update", "{ qualify_frequency = 9007199254740993 }");
}

TEST(lengths_count_characters_not_bytes)
{
    accepts("famulor update", "{ nickname = ('ü'):rep(50) }");
    refuses("famulor update", "{ nickname = ('ü'):rep(51) }", "nickname", "at most 50");
    refuses("famulor update", "{ sip_username = 'ab' }", "sip_username", "at least 3");
    accepts("famulor update", "{ sip_username = ('x'):rep(128) }");
    refuses("famulor update", "{ sip_username = ('x'):rep(129) }", "sip_username", "has 129");
    refuses("famulor update", "{ nickname = '\\xff' }", "nickname", "UTF-8");
    refuses("bolna_trunk update", "{ channels = 0 }", "channels", "at least 1");
    refuses("bolna_trunk update", "{ channels = 1001 }", "channels", "at most 1000");
}

TEST(enumerations_list_what_is_allowed)
{
    refuses("famulor update", "{ sip_calling_format = '+e146' }", "sip_calling_format",
            "must be one of \"+e164\", \"e164\", \"national\" (did you mean \"+e164\"?)");
    refuses("bolna update", "{ transport = 'TLS' }", "transport", "\"transport-tls\"");
    refuses("bolna update", "{ media_encryption = '' }", "media_encryption", "must be one of");
    refuses("bolna_trunk update", "{ codecs = 'PCMU,PCMU' }", "codecs", "must be one of");
    accepts("bolna_trunk update", "{ codecs = 'PCMA,PCMU' }");
}

TEST(null_is_accepted_where_the_platform_knows_it)
{
    accepts("famulor update", "{ nickname = null }");
    accepts("bolna_trunk update", "{ description = null, preset = null }");
    accepts("bolna_trunk numbers.assign", "{ agent_id = null }");
    refuses("famulor update", "{ sip_username = null }", "sip_username", "must not be null");
    refuses("bolna update", "{ name = null }", "name", "must not be null");
    refuses("bolna update", "{ auth_password = null }", "auth_password", "must not be null");
}

TEST(create_and_update_accept_different_fields)
{
    refuses("famulor update", "{ sip_trunk_type = 'number' }", "sip_trunk_type",
            "cannot be changed after");
    refuses("bolna update", "{ auth_type = 'ip-based' }", "auth_type", "cannot be changed after");
    refuses("bolna update", "{ direct_media = true }", "direct_media", "cannot be changed after");
    refuses("bolna_trunk update", "{ gateways = { { host = 'a.example' } } }", "gateways",
            "cannot be changed after");
    refuses("vatel update", "{ inbound_registration_status = 'registered' }",
            "inbound_registration_status", "set by the platform");
    refuses("bolna create",
            "{ name = 'a', provider = 'b', auth_type = 'userpass', auth_username = 'u',"
            "  auth_password = 'abcdefgh', gateways = { { gateway_address = 'a.example' } },"
            "  is_active = false }",
            "is_active", "not accepted on create");
}

TEST(items_are_named_with_their_index)
{
    refuses("bolna update",
            "{ gateways = { { gateway_address = 'a.example' },"
            " { gateway_address = 'b.example', port = 70000 } } }",
            "gateways[2].port", "at most 65535");
    refuses("bolna update",
            "{ gateways = { { gateway_addres = 'a.example', gateway_address = 'b' } } }",
            "gateways[1].gateway_addres", "did you mean \"gateway_address\"");
    refuses("bolna update", "{ gateways = { { port = 5060 } } }", "gateways[1].gateway_address",
            "is required");
    refuses("bolna update", "{ gateways = { 'a.example' } }", "gateways[1]", "an object");
    refuses("bolna update", "{ gateways = { { gateway_address = 'a.example', id = 'x' } } }",
            "gateways[1].id", "set by the platform");
    refuses("bolna update", "{ gateways = { gateway_address = 'a.example' } }", "gateways",
            "must be a list");
    refuses("bolna update", "{ gateways = { { gateway_address = 'a.example' }, x = 1 } }",
            "gateways", "must be a list");
    refuses("famulor update", "{ allowed_inbound_ips = { '192.0.2.1', 'sip.example' } }",
            "allowed_inbound_ips[2]", "IPv4 or IPv6 address");
    refuses("famulor update", "{ allowed_inbound_ips = { '192.0.2.1', 7 } }",
            "allowed_inbound_ips[2]", "a string");
    refuses("famulor update", "{ allowed_inbound_ips = { null } }", "allowed_inbound_ips[1]",
            "null");
    refuses("vatel update",
            "{ caller_id_transforms = { { type = 'add_prefix', value = '0' },"
            " { type = 'strip_digits_start' } } }",
            "caller_id_transforms[2].number", "is required when type is \"strip_digits_start\"");
}

TEST(formats_say_what_they_want)
{
    static const struct {
        const char *call, *field, *values[12];
    } good[] = {
        {"famulor update",
         "sip_address",
         {"sip.example.com", "SIP.Example", "192.0.2.1", "2001:db8::1", "a_b.example", "x"}},
        {"famulor update",
         "phone_number",
         {"1000", "+14155551234", "+123456789012345", "a.b-1", "123456789012345"}},
        {"famulor update", "country_code", {"DE", "US"}},
        {"bolna numbers.add",
         "phone_number",
         {"+4930123456", "4930123456", "+49 (30) 123-456", "0049/30.123456", "1000", "anna", "*21#",
          "10.1.2.3", "E10"}},
        {"vatel assignments.update", "number", {"+4930123456", "1000"}},
        {"bolna_trunk acls.add",
         "cidr",
         {"192.0.2.1", "192.0.2.0/28", "10.0.0.0/8", "2001:db8::/32", "::1", "192.0.2.1/32"}},
        {"vatel update", "inbound_host", {"192.0.2.0/24", "pbx.example.com", "2001:db8::1"}},
        {"vatel update",
         "outbound_host",
         {"sip.example.com", "sip.example.com:5061", "192.0.2.1:5060", "[2001:db8::1]:5060",
          "2001:db8::1"}},
    };
    static const struct {
        const char *call, *field, *rule, *values[14];
    } bad[] = {
        {"bolna numbers.add",
         "phone_number",
         "what a spreadsheet makes of one",
         {"4.93E+10", "4,93E+10", "#REF!", "#N/A", "TRUE", "FALSCH", "Mar-24", "24. Dez 26",
          "2026-03-01", "01.03.2026", "10.0", "Err:502", "####"}},
        {"bolna numbers.add",
         "phone_number",
         "number",
         {"0", "+", "+000", "a;b", "10:30", "4+9", " ", "1000 ", " 1000"}},
        {"vatel assignments.update", "number", "number", {"4.93E+10", "#REF!", "0"}},
        {"vatel assignments.update", "alternate_number", "number", {"4.93E+10", "Mar-24"}},
        {"famulor update", "phone_number", "extension", {"Mar-24", "TRUE", "10.0", "#NV"}},
        {"famulor update",
         "sip_address",
         "without a port",
         {"sip.example.com:5060", "192.0.2.1:5060"}},
        {"famulor update",
         "sip_address",
         "not a URI",
         {"sip:sip.example.com", "https://a.example"}},
        {"famulor update",
         "sip_address",
         "must be a host name",
         {"", " ", "a b.example", "a..example", "-a.example", "a-.example", ".a", "a.",
          "192.0.2.300", "192.0.2", "*", "a/b", "exämple"}},
        {"famulor update",
         "phone_number",
         "extension of 1 to 15",
         {"", "1234567890123456", "+1234567890123456", "+0123", "10 00", "+", "++49"}},
        {"famulor update", "country_code", "two-letter", {"de", "DEU", "", "D", "D1"}},
        {"bolna_trunk acls.add",
         "cidr",
         "address or a range",
         {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/08", "192.0.2/24", "example.com", "::/129", "",
          "192.0.2.0/-1"}},
        {"vatel update",
         "outbound_host",
         "must be a host name",
         {"sip.example.com:0", "sip.example.com:65536", "sip.example.com:x", "a:b:c", "[::1]",
          "[example]:5060x", ":5060"}},
        {"bolna_trunk update",
         "default_inbound_agent_id",
         "UUID",
         {"agent-1", "", "3c90c3cc-0d44-4b50-8888-8dd25736052",
          "3c90c3cc0d444b5088888dd25736052a"}},
    };
    char body[256];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (size_t v = 0; good[i].values[v]; v++) {
            snprintf(body, sizeof body, "{ %s = '%s' }", good[i].field, good[i].values[v]);
            accepts(good[i].call, body);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t v = 0; bad[i].values[v]; v++) {
            snprintf(body, sizeof body, "{ %s = '%s' }", bad[i].field, bad[i].values[v]);
            refuses(bad[i].call, body, bad[i].field, bad[i].rule);
        }
    }
    refuses("famulor update", "{ sip_address = 'a.example\\0b' }", "sip_address", "zero byte");
    refuses("bolna_trunk numbers.add", "{ e164 = '4930123456', destination_key = '1' }", "e164",
            "a plus sign");
    refuses("bolna_trunk numbers.add", "{ e164 = '+49301', destination_key = '1' }", "e164",
            "7 to 15 digits");
    accepts("bolna_trunk numbers.add", "{ e164 = '+4930123456', destination_key = '4930123456' }");
}

TEST(rules_across_fields_hold)
{
    refuses("famulor update", "{ inbound_authorization_type = 'ip' }", "allowed_inbound_ips",
            "is required when inbound_authorization_type is \"ip\"");
    refuses("famulor create", "{ " FAMULOR_TRUNK ", inbound_authorization_type = 'ip' }",
            "allowed_inbound_ips", "is required");
    accepts("famulor update",
            "{ inbound_authorization_type = 'ip', allowed_inbound_ips = { '192.0.2.1' } }");
    accepts("famulor update", "{ inbound_authorization_type = 'auth' }");
    refuses("bolna_trunk update", "{ auth_username = 'u' }", "auth_password", "together");
    refuses("bolna_trunk update", "{ auth_password = 'abcdefgh' }", "auth_username", "together");
    refuses("bolna_trunk create", "{ name = 'a', auth_username = 'u' }", "auth_password",
            "together");
    refuses("bolna create",
            "{ name = 'a', provider = 'b', auth_type = 'ip-based',"
            "  gateways = { { gateway_address = 'a.example' } } }",
            "ip_identifiers", "is required when auth_type is \"ip-based\"");
    /* on create a transport that is not given is the default, UDP; on update it is unknown */
    refuses("bolna create",
            "{ name = 'a', provider = 'b', auth_type = 'userpass', auth_username = 'u',"
            "  auth_password = 'abcdefgh', gateways = { { gateway_address = 'a.example' } },"
            "  media_encryption = 'sdes' }",
            "transport", "media_encryption is \"sdes\" only when transport is \"transport-tls\"");
    refuses("bolna update", "{ media_encryption = 'sdes', transport = 'transport-udp' }",
            "transport", "does not fit");
    accepts("bolna update", "{ media_encryption = 'sdes' }");
    accepts("bolna update", "{ media_encryption = 'sdes', transport = 'transport-tls' }");
}

TEST(an_empty_or_short_secret_needs_a_grant)
{
    needs_a_grant("famulor update", "{ sip_password = '' }", "sip_password", "sip_password");
    needs_a_grant("famulor update", "{ sip_password = 'ab' }", "sip_password", "sip_password");
    needs_a_grant("famulor update", "{ sip_password = secret('ab') }", "sip_password",
                  "sip_password");
    needs_a_grant("vatel update", "{ inbound_sip_password = '' }", "inbound_sip_password",
                  "inbound_sip_password");
    needs_a_grant("vatel update", "{ outbound_sip_password = null }", "outbound_sip_password",
                  "outbound_sip_password");
    needs_a_grant("bolna update", "{ auth_password = 'abcde' }", "auth_password", "auth_password");
    accepts("famulor update", "{ sip_password = 'abc' }");
    /* two characters of two bytes each are still two */
    needs_a_grant("famulor update", "{ sip_password = 'üü' }", "sip_password", "sip_password");
}

TEST(switching_authentication_off_needs_a_grant)
{
    const char *const half[] = {"auth_password", NULL};
    const char *const both[] = {"auth_password", "auth_username", NULL};
    needs_a_grant("vatel update", "{ inbound_auth_type = 'none' }", "inbound_auth_type",
                  "inbound_auth_type");
    needs_a_grant("vatel update", "{ inbound_auth_type = null }", "inbound_auth_type",
                  "inbound_auth_type");
    needs_a_grant("vatel create", "{ pbx = 'generic', inbound_auth_type = 'none' }",
                  "inbound_auth_type", "inbound_auth_type");
    needs_a_grant("vatel update", "{ inbound_sip_username = '' }", "inbound_sip_username",
                  "inbound_sip_username");
    needs_a_grant("vatel update", "{ outbound_host = '' }", "outbound_host", "outbound_host");
    needs_a_grant("vatel update", "{ outbound_host = null }", "outbound_host", "outbound_host");
    needs_a_grant("bolna update", "{ auth_username = '' }", "auth_username", "auth_username");
    refuses_with("bolna_trunk update", "{ auth_username = null, auth_password = null }", half,
                 "auth_username", "granted");
    accepts_with("bolna_trunk update", "{ auth_username = null, auth_password = null }", both);
    /* no grant makes a half pair right */
    refuses_with("bolna_trunk update", "{ auth_username = 'u', auth_password = null }", both,
                 "auth_password", "null in all of them or in none");
}

TEST(an_allow_list_that_admits_nearly_everyone_needs_a_grant)
{
    static const char *const wide[] = {
        "0.0.0.0/0", "::/0",     "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7",    "0.0.0.0",
        "::",        "2000::/3", "2001::/15", "::/16",       "::ffff:0:0/96", "::ffff:0.0.0.0/103",
    };
    static const char *const narrow[] = {"10.0.0.0/8",    "192.0.2.0/24", "2001::/16",
                                         "2001:db8::/32", "::1",          "::ffff:192.0.2.0/120"};
    char body[128];
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        snprintf(body, sizeof body,
                 "{ ip_identifiers = { { ip_address = '192.0.2.1' },"
                 " { ip_address = '%s' } } }",
                 wide[i]);
        needs_a_grant("bolna update", body, "ip_identifiers[2].ip_address", "ip_identifiers");
        snprintf(body, sizeof body, "{ cidr = '%s' }", wide[i]);
        needs_a_grant("bolna_trunk acls.add", body, "cidr", "cidr");
        snprintf(body, sizeof body, "{ inbound_host = '%s' }", wide[i]);
        needs_a_grant("vatel update", body, "inbound_host", "inbound_host");
    }
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        snprintf(body, sizeof body, "{ cidr = '%s' }", narrow[i]);
        accepts("bolna_trunk acls.add", body);
    }
    needs_a_grant("famulor update", "{ allowed_inbound_ips = { '192.0.2.1', '0.0.0.0' } }",
                  "allowed_inbound_ips[2]", "allowed_inbound_ips");
    needs_a_grant("bolna_trunk create", "{ name = 'a', ip_acls = { { cidr = '0.0.0.0/0' } } }",
                  "ip_acls[1].cidr", "ip_acls");
}

TEST(replacing_a_list_by_an_empty_one_needs_a_grant)
{
    needs_a_grant("bolna update", "{ gateways = {} }", "gateways", "gateways");
    needs_a_grant("bolna update", "{ ip_identifiers = array {} }", "ip_identifiers",
                  "ip_identifiers");
    needs_a_grant("vatel update", "{ caller_id_transforms = {} }", "caller_id_transforms",
                  "caller_id_transforms");
    needs_a_grant("famulor update", "{ allowed_inbound_ips = {} }", "allowed_inbound_ips",
                  "allowed_inbound_ips");
    needs_a_grant("famulor update", "{ allowed_inbound_ips = null }", "allowed_inbound_ips",
                  "allowed_inbound_ips");
    /* nothing is replaced on create, but the list must still be right */
    accepts("vatel create", "{ pbx = '3cx', caller_id_transforms = {} }");
    refuses("famulor create", "{ " FAMULOR_TRUNK ", allowed_inbound_ips = {} }",
            "allowed_inbound_ips", "at least 1 item");
}

TEST(nothing_of_a_secret_gets_into_a_message)
{
    static const char *const bodies[] = {
        "{ sip_password = 'zq' }",
        "{ sip_password = secret('zq') }",
        "{ sip_password = 'zqzqzqzq\\n' }",
        "{ sip_password = 'zqzqzqzq\\xff' }",
        "{ sip_username = secret('zqzqzqzq') }",
        "{ nickname = secret('zqzqzqzq') }",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        th_error err = {0};
        assert_int_equal(validate("famulor update", bodies[i], NULL, &err), -TH_INVALID);
        assert_null(strstr(err.message, "zq"));
        th_error_close(&err);
        lua_settop(L, 0);
    }
}

TEST(a_line_end_in_a_secret_is_refused)
{
    refuses("famulor update", "{ sip_password = 'abcdefghijkl\\r' }", "sip_password",
            "control character");
    refuses("famulor update", "{ sip_password = secret('abcdefgh\\0ijkl') }", "sip_password",
            "control character");
}

TEST(a_body_must_be_a_table_of_fields)
{
    refuses("famulor update", "nil", "(body)", "not a nil");
    refuses("famulor update", "'sip_password'", "(body)", "not a string");
    refuses("famulor update", "{}", "(body)", "nothing to change");
    refuses("vatel update", "{}", "(body)", "nothing to change");
    refuses("bolna_trunk numbers.assign", "{}", "(body)", "nothing to change");
    refuses("famulor update", "{ 'sip_password' }", "(body)", "not a name");
    accepts("famulor get", "nil");
    accepts("famulor delete", "{}");
    refuses("famulor delete", "{ id = 4 }", "(body)", "takes none");
}

TEST(a_body_that_nests_without_end_is_refused)
{
    provider_eval(L, "(function() local d = require 'trunkhost.providers.bolna';"
                     " d.objects.gateway.fields.more = { type = 'list', of = 'gateway',"
                     "   create = 'optional' }; return d end)()");
    th_provider *p = NULL;
    th_error err = {0};
    assert_int_equal(th_provider_parse(L, -1, &p, &err), 0);
    provider_eval(L, "(function() local g = { gateway_address = 'a' }; g.more = { g };"
                     " return { gateways = { g } } end)()");
    assert_int_equal(th_validate(L, p, th_provider_endpoint(p, "update"), -1, NULL, &err),
                     -TH_INVALID);
    assert_non_null(strstr(err.message, "nested too deeply"));
    th_error_close(&err);
    th_provider_destroy(L, p);
    lua_settop(L, 0);
}

/* Evaluates a Lua condition on the copy, as `b`, and on the body that was given, as `given`. */
static void expect_copy(const char *call, const char *body, const char *const *grants,
                        const char *condition)
{
    th_error err = {0};
    if (validate(call, body, grants, &err) != 0)
        fail_msg("%s", err.message);
    lua_setglobal(L, "b");
    lua_setglobal(L, "given");
    provider_eval(L, condition);
    if (!lua_toboolean(L, -1))
        fail_msg("not so: %s", condition);
    lua_settop(L, 0);
}

TEST(the_copy_is_normalised_and_the_original_is_left_alone)
{
    const char *const grants[] = {"gateways", "caller_id_transforms", NULL};
    expect_copy("bolna update", "{ qualify_frequency = 60.0 }", NULL,
                "math.type(b.qualify_frequency) == 'integer' and b.qualify_frequency == 60"
                " and math.type(given.qualify_frequency) == 'float'");
    expect_copy("bolna update", "{ gateways = { { gateway_address = 'a', port = 5060.0 } } }", NULL,
                "math.type(b.gateways[1].port) == 'integer' and b.gateways ~= given.gateways");
    expect_copy("bolna update", "{ gateways = {} }", grants,
                "getmetatable(b.gateways) == getmetatable(array {})"
                " and getmetatable(given.gateways) == nil");
    expect_copy("famulor update", "{ allowed_inbound_ips = { '192.0.2.1' } }", NULL,
                "getmetatable(b.allowed_inbound_ips) == getmetatable(array {})");
    expect_copy("famulor update", "{ nickname = null }", NULL, "b.nickname == null");
    expect_copy("famulor update",
                "(function() s = secret('abcdefgh'); return { sip_password = s } end)()", NULL,
                "rawequal(b.sip_password, s)");
    expect_copy("famulor get", "nil", NULL, "b == nil");
    provider_eval(L, "(function() b, given, s = nil; collectgarbage() end)() or true");
    lua_settop(L, 0);
}

struct call {
    const th_provider *provider;
    const char *const *grants;
    th_error *err;
};

static int run(lua_State *S) // body call
{
    const struct call *call = lua_touserdata(S, 2);
    lua_settop(S, 1);
    int rc = th_validate(S, call->provider, th_provider_endpoint(call->provider, "update"), 1,
                         call->grants, call->err);
    lua_pushinteger(S, rc);
    return 1;
}

/* When memory runs out while the copy is made, no fault is lying in err, and nothing is lost. */
TEST(memory_that_runs_out_raises_with_nothing_in_hand)
{
    long left;
    lua_State *S = provider_state_failing(&left);
    th_provider *p = provider_shipped(S, "bolna");
    th_error err = {0};
    struct call call = {.provider = p, .err = &err};
    bool done = false;
    for (long n = 0; n < 1000 && !done; n++) {
        lua_settop(S, 0);
        provider_eval(S, "{ name = 'a', gateways = { { gateway_address = 'a', port = 5060 } } }");
        lua_pushcfunction(S, run);
        lua_pushvalue(S, 1);
        lua_pushlightuserdata(S, &call);
        left = n;
        done = lua_pcall(S, 2, 1, 0) == LUA_OK;
        left = -1;
        assert_int_equal(err.nfaults, 0);
        assert_null(err.message);
    }
    assert_true(done);
    /* faults need no Lua memory at all */
    lua_settop(S, 0);
    provider_eval(S,
                  "{ name = 1, gatways = {}, gateways = { { port = '1' } }, auth_password = '' }");
    lua_pushcfunction(S, run);
    lua_pushvalue(S, 1);
    lua_pushlightuserdata(S, &call);
    left = 2; /* the frame of the call */
    assert_int_equal(lua_pcall(S, 2, 1, 0), LUA_OK);
    left = -1;
    assert_int_equal(lua_tointeger(S, -1), -TH_INVALID);
    assert_int_equal(err.nfaults, 5);
    th_error_close(&err);
    th_provider_destroy(S, p);
    lua_close(S);
}
