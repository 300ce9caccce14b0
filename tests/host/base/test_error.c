#include <string.h>

#include "base/error.h"
#include "test.h"

TEST(failing_sets_kind_and_message_and_returns_the_negative_kind)
{
    th_error err = {0};
    assert_int_equal(th_fail(&err, TH_REFUSED, "trunk %d: %s", 42, "no"), -TH_REFUSED);
    assert_int_equal(err.kind, TH_REFUSED);
    assert_string_equal(err.message, "trunk 42: no");
    th_error_close(&err);
}

TEST(failing_without_a_struct_still_returns_the_kind)
{
    assert_int_equal(th_fail(NULL, TH_TIMEOUT, "%s", "late"), -TH_TIMEOUT);
    th_error_fault(NULL, "field", "rule");
}

TEST(a_later_message_may_quote_the_earlier_one)
{
    th_error err = {0};
    th_error_set_account(&err, "famulor-prod");
    th_error_set_trunk(&err, "42");
    th_error_set_code(&err, "E1");
    th_error_fault(&err, "name", "too long");
    th_fail(&err, TH_NETWORK, "connection refused");
    th_fail(&err, TH_UNKNOWN_OUTCOME, "after 3 attempts: %s", err.message);
    assert_string_equal(err.message, "after 3 attempts: connection refused");
    assert_string_equal(err.account, "famulor-prod");
    assert_string_equal(err.trunk, "42");
    assert_string_equal(err.code, "E1");
    assert_int_equal(err.nfaults, 1);
    th_error_close(&err);
}

TEST(every_fault_is_kept_in_the_order_found)
{
    th_error err = {0};
    for (int i = 0; i < 37; i++)
        th_error_fault(&err, i % 2 ? "odd" : "even", "rule %d", i);
    assert_int_equal(err.nfaults, 37);
    assert_string_equal(err.faults[0].rule, "rule 0");
    assert_string_equal(err.faults[36].rule, "rule 36");
    assert_string_equal(err.faults[35].field, "odd");
    th_error_close(&err);
}

TEST(a_message_is_one_line_of_valid_utf8)
{
    th_error err = {0};
    th_fail(&err, TH_REFUSED, "a\nb\r\tc\x1b[31m d\x7f \xc2\x9b \xc3\xa9 \xff\xc3");
    assert_string_equal(err.message, "a b  c [31m d     \xc3\xa9 ??");
    th_error_fault(&err, "x\ny", "p\nq\xe2\x82");
    assert_string_equal(err.faults[0].field, "x y");
    assert_string_equal(err.faults[0].rule, "p q??");
    th_error_close(&err);
}

TEST(moving_leaves_the_source_empty)
{
    th_error from = {0}, to = {0};
    th_fail(&to, TH_INVALID, "old");
    th_fail(&from, TH_AUTH, "new");
    from.status = 401;
    th_error_move(&to, &from);
    assert_string_equal(to.message, "new");
    assert_int_equal(to.status, 401);
    assert_null(from.message);
    assert_int_equal(from.kind, TH_OK);
    th_error_move(&to, &to);
    assert_string_equal(to.message, "new");
    th_error_close(&to);
}

TEST(closing_twice_is_fine)
{
    th_error err = {0};
    th_error_set_trunk(&err, "1");
    th_error_set_trunk(&err, err.trunk);
    assert_string_equal(err.trunk, "1");
    th_error_set_trunk(&err, NULL);
    assert_null(err.trunk);
    th_error_fault(&err, "a", "b");
    th_error_close(&err);
    th_error_close(&err);
    assert_int_equal(err.nfaults, 0);
}

TEST(every_kind_has_the_name_that_scripts_see)
{
    assert_string_equal(th_kind_name(TH_INVALID), "invalid");
    assert_string_equal(th_kind_name(TH_NOT_FOUND), "not_found");
    assert_string_equal(th_kind_name(TH_UNKNOWN_OUTCOME), "unknown_outcome");
    for (int kind = TH_OK; kind <= TH_UNKNOWN_OUTCOME; kind++)
        assert_non_null(th_kind_name((enum th_kind)kind));
    assert_string_equal(th_kind_name((enum th_kind)99), "unknown");
}
