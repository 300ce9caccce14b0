#include <string.h>

#include <lauxlib.h>

#include "provider/provider.h"
#include "provider_fixture.h"
#include "test.h"

static lua_State *L;
static th_provider *famulor, *autocalls, *vatel;

enum { NONE = 0, IN = TH_INBOUND, OUT = TH_OUTBOUND, BOTH = TH_INBOUND | TH_OUTBOUND };

static int open_all(void **state)
{
    (void)state;
    L = provider_state();
    famulor = provider_shipped(L, "famulor");
    autocalls = provider_shipped(L, "autocalls");
    vatel = provider_shipped(L, "vatel");
    lua_settop(L, 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    th_provider_destroy(L, famulor);
    th_provider_destroy(L, autocalls);
    th_provider_destroy(L, vatel);
    lua_close(L);
    return 0;
}

TEST_GROUP(open_all, close_all)

static unsigned impact(const th_provider *p, const char *trunk, const char *fields)
{
    provider_eval(L, trunk);
    provider_eval(L, fields);
    unsigned legs = th_impact(L, p, -2, -1);
    lua_pop(L, 2);
    assert_int_equal(lua_gettop(L), 0);
    return legs;
}

static const char trunk[] =
    "{ id = 42, phone_number = '1000', sip_username = 'user', sip_address = 'sip.example',"
    "  sip_calling_format = '+e164', inbound_authorization_type = 'ip', country_code = 'DE',"
    "  allowed_inbound_ips = { '203.0.113.10', '198.51.100.20' }, outbound_proxy = false }";

TEST(changes_recreate_the_legs_of_the_documented_table)
{
    static const struct {
        const char *fields;
        unsigned legs;
    } table[] = {
        {"{ sip_username = 'other' }", BOTH},
        {"{ sip_password = secret('123456789012') }", BOTH},
        {"{ phone_number = '1001' }", BOTH},
        {"{ sip_address = 'sip2.example' }", OUT},
        {"{ outbound_proxy = true }", OUT},
        {"{ inbound_authorization_type = 'auth' }", IN},
        {"{ allowed_inbound_ips = { '203.0.113.11' } }", IN},
        {"{ sip_calling_format = 'e164' }", NONE},
        {"{ country_code = 'US' }", NONE},
        {"{ nickname = 'x' }", NONE},
        {"{ outbound_proxy = true, allowed_inbound_ips = { '203.0.113.11' } }", BOTH},
        {"{}", NONE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(impact(famulor, trunk, table[i].fields), table[i].legs);
        assert_int_equal(impact(autocalls, trunk, table[i].fields), table[i].legs);
    }
}

TEST(what_stays_as_it_is_recreates_nothing)
{
    assert_int_equal(impact(famulor, trunk, trunk), NONE);
    assert_int_equal(impact(famulor, trunk, "{ sip_address = 'sip.example' }"), NONE);
}

TEST(lists_are_compared_by_their_items)
{
    const char *same = "{ allowed_inbound_ips = array { '203.0.113.10', '198.51.100.20' } }";
    assert_int_equal(impact(famulor, trunk, same), NONE);
    assert_int_equal(
        impact(famulor, trunk, "{ allowed_inbound_ips = { '198.51.100.20', '203.0.113.10' } }"),
        IN);
    assert_int_equal(impact(famulor, trunk, "{ allowed_inbound_ips = { '203.0.113.10' } }"), IN);
    assert_int_equal(impact(famulor, "{ allowed_inbound_ips = { '203.0.113.10' } }",
                            "{ allowed_inbound_ips = { '203.0.113.10', '203.0.113.11' } }"),
                     IN);
}

TEST(null_is_the_same_as_absent)
{
    assert_int_equal(impact(famulor, "{}", "{ allowed_inbound_ips = null }"), NONE);
    assert_int_equal(
        impact(famulor, "{ allowed_inbound_ips = null }", "{ allowed_inbound_ips = null }"), NONE);
    assert_int_equal(impact(famulor, trunk, "{ allowed_inbound_ips = null }"), IN);
    assert_int_equal(impact(famulor, "{}", "{ sip_address = 'sip.example' }"), OUT);
}

TEST(what_cannot_be_read_counts_as_changed)
{
    assert_int_equal(impact(famulor, "{ sip_password = 'same' }", "{ sip_password = 'same' }"),
                     BOTH);
    assert_int_equal(impact(famulor, "nil", "{ sip_address = 'sip.example' }"), OUT);
    assert_int_equal(impact(famulor, "nil", trunk), BOTH);
}

TEST(a_platform_without_the_table_recreates_nothing)
{
    assert_int_equal(impact(vatel, "{}", "{ outbound_sip_password = 'x', pbx = 'generic' }"), NONE);
}

TEST(names_and_values_that_are_no_fields_are_passed_over)
{
    assert_int_equal(impact(famulor, trunk, "{ unknown = 1, [1] = 2, [true] = 3 }"), NONE);
    assert_int_equal(impact(famulor, trunk, "'text'"), NONE);
    provider_eval(L,
                  "(function() local t = {}; t[1] = t; return { allowed_inbound_ips = t } end)()");
    lua_pushvalue(L, -1);
    assert_int_equal(th_impact(L, famulor, -2, -1), NONE); /* the very same table */
    provider_eval(L,
                  "(function() local t = {}; t[1] = t; return { allowed_inbound_ips = t } end)()");
    assert_int_equal(th_impact(L, famulor, 1, -1), IN); /* ends, and errs on the safe side */
    lua_settop(L, 0);
}
