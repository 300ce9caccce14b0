#include <stdlib.h>

#include "test.h"

enum { MOST = 64 };

static struct CMUnitTest tests[MOST];
static int lines[MOST];
static size_t count;
static CMFixtureFunction group_set_up, group_tear_down;

void test_enter(struct CMUnitTest test, int line)
{
    if (count == MOST)
        abort();
    size_t at = count++;
    for (; at > 0 && lines[at - 1] > line; at--) {
        tests[at] = tests[at - 1];
        lines[at] = lines[at - 1];
    }
    tests[at] = test;
    lines[at] = line;
}

void test_enter_group(CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
    group_set_up = set_up;
    group_tear_down = tear_down;
}

int main(void)
{
    return _cmocka_run_group_tests("tests", tests, count, group_set_up, group_tear_down);
}
