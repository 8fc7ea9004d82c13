/* exit_status: every kind of error has its documented status. */
#include "tests/unit/unit.h"

#include "job/exit_status.h"

static void each_kind_has_its_status(void **state)
{
    assert_int_equal(exit_status_of(ERR_NONE), 0);
    assert_int_equal(exit_status_of(ERR_DATA), 1);
    assert_int_equal(exit_status_of(ERR_SYSTEM), 1);
    assert_int_equal(exit_status_of(ERR_LOST_SNAPSHOT), 1);
    assert_int_equal(exit_status_of(ERR_USAGE), 2);
    assert_int_equal(exit_status_of(ERR_AUTH), 3);
    assert_int_equal(exit_status_of(ERR_TRANSIENT), 4);
    assert_int_equal(exit_status_of(ERR_CANCELLED), 5);
    assert_int_equal(exit_status_of(ERR_BUSY), 8);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_has_its_status)};
    return cmocka_run_group_tests_name("exit_status", tests, NULL, NULL);
}
