/* session_name: fits the server's 63 bytes, keeps plain names, tells long ones apart. */
#include "unit.h"

#include "job/readers.h"

#include <string.h>

#define TEN   "abcdefghij"
#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789._-"
#define LONG  TEN TEN TEN TEN

static void tags(void **state)
{
    static const struct {
        const char *job;
        const char *tag;
    } rows[] = {
        {"",                          ""                         },
        {"shop-to-shop_new-1a2b3c4d", "shop-to-shop_new-1a2b3c4d"},
        {"a.b_c-d",                   "a.b_c-d"                  },
        {LONG,                        LONG                       }, /* forty bytes are just short enough */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char tag[SESSION_TAG_MAX];
        session_tag(rows[i].job, tag);
        assert_string_equal(tag, rows[i].tag);
    }
    (void)state;
}

static void long_names_are_cut_and_told_apart(void **state)
{
    static const char *const jobs[] = {LONG "1", LONG "2", LONG LONG LONG LONG, LONG "1 "};
    char tag[ARRAY_LEN(jobs)][SESSION_TAG_MAX];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        char again[SESSION_TAG_MAX];
        session_tag(jobs[i], tag[i]);
        session_tag(jobs[i], again);
        assert_string_equal(tag[i], again);
        assert_int_equal(strlen(tag[i]), 40);
        assert_memory_equal(tag[i], TEN TEN TEN "a-", 32);
        assert_int_equal(strspn(tag[i] + 32, "0123456789abcdef"), 8);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(tag[i], tag[k]);
        }
    }
}

/* A taken-over job's writers are ended by this name, so another job must not have it too. */
static void other_names_have_other_tags(void **state)
{
    static const char *const jobs[] = {"my_job", "my job", "my/job", "my\xc3\xa9job", "my__job"};
    char tag[ARRAY_LEN(jobs)][SESSION_TAG_MAX];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        session_tag(jobs[i], tag[i]);
        assert_int_equal(strspn(tag[i], PLAIN), strlen(tag[i]));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(tag[i], tag[k]);
        }
    }
}

static void names_fit_whole(void **state)
{
    static const char *const whats[] = {"control", "reader-255", "writer-255", "holder"};
    char tag[SESSION_TAG_MAX];
    char name[SESSION_NAME_MAX];
    (void)state;

    session_tag(LONG LONG, tag);
    for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
        session_name(tag, whats[i], name);
        assert_memory_equal(name, "sluice/", 7);
        assert_memory_equal(name + 7, tag, strlen(tag));
        assert_int_equal(name[7 + strlen(tag)], '/');
        assert_string_equal(name + 8 + strlen(tag), whats[i]);
        assert_true(strlen(name) <= 63);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags),
        cmocka_unit_test(long_names_are_cut_and_told_apart),
        cmocka_unit_test(other_names_have_other_tags),
        cmocka_unit_test(names_fit_whole),
    };

    return cmocka_run_group_tests_name("session_name", tests, NULL, NULL);
}
