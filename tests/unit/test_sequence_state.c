/* sequence_is_ahead: a sequence moves on, never back, in its own direction. */
#include "unit.h"

#include "job/sequences.h"

#include <stdbool.h>

static void ahead_is_further_on_in_its_direction(void **state)
{
    static const struct {
        int64_t from;
        int64_t to;
        bool from_called;
        bool to_called;
        bool up;   /* ahead when the sequence ascends */
        bool down; /* when it descends */
    } rows[] = {
        {2,         1,             true,  true,  true,  false},
        {1,         2,             true,  true,  false, true },
        {2,         1,             false, true,  true,  false},
        {1,         2,             true,  false, false, true },
        {5,         5,             true,  true,  false, false},
        {5,         5,             false, false, false, false},
        {5,         5,             true,  false, true,  true }, /* 5 was given out there, and comes next here */
        {5,         5,             false, true,  false, false},
        {-2,        -1,            true,  true,  false, true },
        {-1,        1,             true,  true,  false, true },
        {0,         0,             true,  false, true,  true },
        {INT64_MAX, INT64_MIN,     true,  true,  true,  false},
        {INT64_MIN, INT64_MAX,     true,  true,  false, true },
        {INT64_MAX, INT64_MAX - 1, true,  true,  true,  false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sequence_state from = {
            .last = rows[i].from, .called = rows[i].from_called, .ascending = true};
        struct sequence_state to = {
            .last = rows[i].to, .called = rows[i].to_called, .ascending = true};
        assert_int_equal(sequence_is_ahead(&from, &to), rows[i].up);
        from.ascending = false;
        to.ascending = false;
        assert_int_equal(sequence_is_ahead(&from, &to), rows[i].down);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ahead_is_further_on_in_its_direction),
    };

    return cmocka_run_group_tests_name("sequence_state", tests, NULL, NULL);
}
