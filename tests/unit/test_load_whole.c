/* load_whole: what attempts at a part of the schema add up to. */
#include "unit.h"

#include "job/load_whole.h"

struct row {
    const char *what;
    struct schema_done attempts[3];
    size_t count;
    struct schema_done sum;
};

static const struct row rows[] = {
    {"nothing was left to do",                                        {{.before = 7}}, 1, {.before = 7}                                   },
    {"one attempt",
     {{.made = 5, .before = 2, .there = 1, .moved = 3}},
     1,                                                                                   {.made = 5, .before = 2, .there = 1, .moved = 3}},
    {"a second one goes on: what the first made is no earlier run's",
     {{.made = 5, .there = 1, .before = 2}, {.made = 4, .before = 8}},
     2,                                                                                   {.made = 9, .there = 1, .before = 2}            },
    {"an attempt that ended before it counted",
     {{.made = 5, .before = 2}, {.made = 0}, {.made = 1, .before = 7}},
     3,                                                                                   {.made = 6, .before = 2}                        },
    {"the first one ended before it counted",
     {{.made = 0}, {.made = 3, .before = 4}},
     2,                                                                                   {.made = 3, .before = 4}                        },
    {"a crash of the server took steps back: they are made twice",
     {{.made = 5, .before = 2}, {.made = 3, .before = 4}},
     2,                                                                                   {.made = 8, .before = 2}                        },
    {"failures are those of the last attempt",
     {{.made = 1, .failed = 2}, {.made = 1, .before = 1, .failed = 1}},
     2,                                                                                   {.made = 2, .failed = 1}                        },
};

static void attempts_add_up(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct schema_done sum = {.made = 0};
        for (size_t k = 0; k < r->count; k++) {
            load_whole_add(&sum, &r->attempts[k]);
        }
        if (sum.made != r->sum.made || sum.before != r->sum.before || sum.there != r->sum.there ||
            sum.moved != r->sum.moved || sum.failed != r->sum.failed) {
            fail_msg("%s: made %zu before %zu there %zu moved %zu failed %zu", r->what, sum.made,
                     sum.before, sum.there, sum.moved, sum.failed);
        }
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attempts_add_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
