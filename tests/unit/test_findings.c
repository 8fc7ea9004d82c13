/* findings: all are kept up to the limit, and all are counted. */
#include "unit.h"

#include "base/findings.h"

#include <string.h>

static void keeps_order_and_text(void **state)
{
    (void)state;
    struct findings f = {0};

    findings_add(&f, FINDING_WARNING, ERR_DATA, "table %s: %d large objects", "a", 3);
    findings_add(&f, FINDING_BLOCKER, ERR_USAGE, "table b is missing");
    assert_int_equal(f.count, 2);
    assert_int_equal(f.blockers, 1);
    assert_int_equal(f.items[0].level, FINDING_WARNING);
    assert_int_equal(f.items[0].kind, ERR_DATA);
    assert_string_equal(f.items[0].text, "table a: 3 large objects");
    assert_string_equal(f.items[1].text, "table b is missing");
    findings_free(&f);
    assert_int_equal(f.count, 0);
    assert_null(f.items);
    findings_free(&f);
    findings_free(NULL);
}

struct kind_case {
    const char *name;
    size_t warnings_auth;
    size_t blockers_auth;
    size_t blockers_usage;
    enum err_kind want;
};

static struct kind_case kind_cases[] = {
    {"nothing found",            0, 0, 0, ERR_NONE },
    {"only a warning",           1, 0, 0, ERR_NONE },
    {"only permission",          0, 2, 0, ERR_AUTH },
    {"only usage",               0, 0, 1, ERR_USAGE},
    {"both",                     0, 2, 1, ERR_USAGE},
    {"a warning does not count", 1, 0, 1, ERR_USAGE},
};

static void add_many(struct findings *f, size_t count, enum finding_level level, enum err_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        findings_add(f, level, kind, "number %zu", i);
    }
}

static void check_kind(void **state)
{
    const struct kind_case *c = *state;
    struct findings f = {0};

    add_many(&f, c->warnings_auth, FINDING_WARNING, ERR_AUTH);
    add_many(&f, c->blockers_auth, FINDING_BLOCKER, ERR_AUTH);
    add_many(&f, c->blockers_usage, FINDING_BLOCKER, ERR_USAGE);
    assert_int_equal(findings_kind(&f), c->want);
    findings_free(&f);
}

/* A blocker that is not kept still blocks. */
static void counts_what_it_leaves_out(void **state)
{
    (void)state;
    struct findings f = {0};

    add_many(&f, FINDINGS_MAX, FINDING_WARNING, ERR_DATA);
    assert_int_equal(f.left_out, 0);
    add_many(&f, 5, FINDING_BLOCKER, ERR_AUTH);
    assert_int_equal(f.count, FINDINGS_MAX);
    assert_int_equal(f.left_out, 5);
    assert_int_equal(f.blockers, 5);
    assert_int_equal(findings_kind(&f), ERR_AUTH);
    assert_string_equal(f.items[FINDINGS_MAX - 1].text, "number 999");
    findings_free(&f);
}

static void shows_that_a_long_text_was_cut(void **state)
{
    (void)state;
    char big[5000];
    struct findings f = {0};
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';

    findings_add(&f, FINDING_WARNING, ERR_DATA, "%s", big);
    assert_int_equal(strlen(f.items[0].text), 4095);
    assert_string_equal(f.items[0].text + 4090, "xx...");
    findings_free(&f);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(kind_cases) + 3];
    size_t count = 0;

    for (; count < ARRAY_LEN(kind_cases); count++) {
        tests[count] = (struct CMUnitTest){
            .name = kind_cases[count].name,
            .test_func = check_kind,
            .initial_state = &kind_cases[count],
        };
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(keeps_order_and_text);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(counts_what_it_leaves_out);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(shows_that_a_long_text_was_cut);
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
