/* Text is measured by the columns that it takes on a terminal. */
#include <string.h>

#include "base/columns.h"
#include "test.h"

TEST(a_character_counts_the_columns_that_it_takes)
{
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {{"", 0},           {"Front desk", 10}, {"Büro Köln", 9}, {"東京", 4},
                 {"e\xcc\x81", 1},  {"✅", 2},           {"🟢 up", 5},   {"🪐", 2},
                 {"half \xff!", 7}, {"\xe2\x9c", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(th_columns(cases[i].text, strlen(cases[i].text)), cases[i].columns);
}

TEST(what_fits_ends_between_characters)
{
    const char *text = "✅é東";
    assert_int_equal(th_columns_fit(text, strlen(text), 1), 0);
    assert_int_equal(th_columns_fit(text, strlen(text), 2), 3);
    assert_int_equal(th_columns_fit(text, strlen(text), 4), 5);
    assert_int_equal(th_columns_fit(text, strlen(text), 5), strlen(text));
    assert_int_equal(th_columns_fit("e\xcc\x81x", 4, 1), 3);
}
