/* date: the three ways of writing a moment, strictly read, and that they agree. */
#include "unit.h"

#include "aws/date.h"
#include "base/rng.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define REFUSED INT64_C(-77) /* what the result held before, and must hold still */
#define LAST_S  INT64_C(253402300799)

struct date_case {
    const char *name;
    bool (*parse)(const char *text, int64_t *unix_s);
    const char *text;
    int64_t want;
};

#define ISO  date_parse_iso
#define HTTP date_parse_http

static struct date_case date_cases[] = {
    {"ISO",                         ISO,  "2021-09-21T18:41:26Z",                 1632249686},
    {"ISO, the first second",       ISO,  "1970-01-01T00:00:00Z",                 0         },
    {"ISO, the last second",        ISO,  "9999-12-31T23:59:59Z",                 LAST_S    },
    {"ISO, milliseconds",           ISO,  "2021-09-21T18:41:26.999Z",             1632249686},
    {"ISO, nanoseconds, offset",    ISO,  "2021-09-21T18:41:26.1234567891+00:00", 1632249686},
    {"ISO, ahead of UTC",           ISO,  "2021-09-21T20:11:26+01:30",            1632249686},
    {"ISO, behind UTC",             ISO,  "2021-09-21T11:41:26-07:00",            1632249686},
    {"ISO, minus nothing",          ISO,  "2021-09-21T18:41:26-00:00",            1632249686},
    {"ISO, offset across the year", ISO,  "1971-01-01T00:30:00+01:00",            31534200  },
    {"ISO, a leap day",             ISO,  "2024-02-29T00:00:00Z",                 1709164800},
    {"ISO, 2000 is a leap year",    ISO,  "2000-02-29T12:00:00Z",                 951825600 },
    {"ISO, 2100 is none",           ISO,  "2100-02-29T00:00:00Z",                 REFUSED   },
    {"ISO, 2023 is none",           ISO,  "2023-02-29T00:00:00Z",                 REFUSED   },
    {"ISO, no 31st of April",       ISO,  "2023-04-31T00:00:00Z",                 REFUSED   },
    {"ISO, before 1970 by offset",  ISO,  "1970-01-01T00:59:59+01:00",            REFUSED   },
    {"ISO, after 9999 by offset",   ISO,  "9999-12-31T23:59:59-00:01",            REFUSED   },
    {"ISO, 1969",                   ISO,  "1969-12-31T23:59:59Z",                 REFUSED   },
    {"ISO, month 0",                ISO,  "2021-00-21T18:41:26Z",                 REFUSED   },
    {"ISO, month 13",               ISO,  "2021-13-21T18:41:26Z",                 REFUSED   },
    {"ISO, day 0",                  ISO,  "2021-09-00T18:41:26Z",                 REFUSED   },
    {"ISO, hour 24",                ISO,  "2021-09-21T24:00:00Z",                 REFUSED   },
    {"ISO, minute 60",              ISO,  "2021-09-21T18:60:00Z",                 REFUSED   },
    {"ISO, second 60",              ISO,  "2021-09-21T18:41:60Z",                 REFUSED   },
    {"ISO, offset hour 24",         ISO,  "2021-09-21T18:41:26+24:00",            REFUSED   },
    {"ISO, offset minute 60",       ISO,  "2021-09-21T18:41:26+00:60",            REFUSED   },
    {"ISO, offset without minutes", ISO,  "2021-09-21T18:41:26+00",               REFUSED   },
    {"ISO, offset without colon",   ISO,  "2021-09-21T18:41:26+0000",             REFUSED   },
    {"ISO, no zone",                ISO,  "2021-09-21T18:41:26",                  REFUSED   },
    {"ISO, a blank for T",          ISO,  "2021-09-21 18:41:26Z",                 REFUSED   },
    {"ISO, a fraction of nothing",  ISO,  "2021-09-21T18:41:26.Z",                REFUSED   },
    {"ISO, something behind",       ISO,  "2021-09-21T18:41:26Z ",                REFUSED   },
    {"ISO, something in front",     ISO,  " 2021-09-21T18:41:26Z",                REFUSED   },
    {"ISO, one digit",              ISO,  "2021-9-21T18:41:26Z",                  REFUSED   },
    {"ISO, a sign",                 ISO,  "2021-09-21T+8:41:26Z",                 REFUSED   },
    {"ISO, five digits of a year",  ISO,  "12021-09-21T18:41:26Z",                REFUSED   },
    {"ISO, only a date",            ISO,  "2021-09-21",                           REFUSED   },
    {"ISO, nothing",                ISO,  "",                                     REFUSED   },
    {"ISO, the HTTP form",          ISO,  "Tue, 21 Sep 2021 17:41:25 GMT",        REFUSED   },
    {"HTTP",                        HTTP, "Tue, 21 Sep 2021 17:41:25 GMT",        1632246085},
    {"HTTP, the first second",      HTTP, "Thu, 01 Jan 1970 00:00:00 GMT",        0         },
    {"HTTP, the last second",       HTTP, "Fri, 31 Dec 9999 23:59:59 GMT",        LAST_S    },
    {"HTTP, a leap day",            HTTP, "Thu, 29 Feb 2024 00:00:00 GMT",        1709164800},
    {"HTTP, another weekday",       HTTP, "Mon, 21 Sep 2021 17:41:25 GMT",        REFUSED   },
    {"HTTP, no weekday",            HTTP, "21 Sep 2021 17:41:25 GMT",             REFUSED   },
    {"HTTP, a weekday in full",     HTTP, "Tuesday, 21-Sep-21 17:41:25 GMT",      REFUSED   },
    {"HTTP, the C library's form",  HTTP, "Tue Sep 21 17:41:25 2021",             REFUSED   },
    {"HTTP, names in lower case",   HTTP, "tue, 21 sep 2021 17:41:25 gmt",        REFUSED   },
    {"HTTP, parts of two months",   HTTP, "Tue, 21 epO 2021 17:41:25 GMT",        REFUSED   },
    {"HTTP, UTC",                   HTTP, "Tue, 21 Sep 2021 17:41:25 UTC",        REFUSED   },
    {"HTTP, an offset",             HTTP, "Tue, 21 Sep 2021 17:41:25 +0000",      REFUSED   },
    {"HTTP, one digit",             HTTP, "Wed, 1 Sep 2021 17:41:25 GMT",         REFUSED   },
    {"HTTP, day 31 of September",   HTTP, "Fri, 31 Sep 2021 17:41:25 GMT",        REFUSED   },
    {"HTTP, second 60",             HTTP, "Tue, 21 Sep 2021 17:41:60 GMT",        REFUSED   },
    {"HTTP, something behind",      HTTP, "Tue, 21 Sep 2021 17:41:25 GMT;",       REFUSED   },
    {"HTTP, nothing",               HTTP, "",                                     REFUSED   },
};

static void check_date(void **state)
{
    const struct date_case *c = *state;
    int64_t unix_s = REFUSED;

    assert_int_equal(c->parse(c->text, &unix_s), c->want != REFUSED);
    assert_true(unix_s == c->want);
}

static void writes_the_basic_form(void **state)
{
    char out[DATE_BASIC_MAX];

    assert_ptr_equal(date_basic(1440938160, out), out);
    assert_string_equal(out, "20150830T123600Z");
    assert_string_equal(date_basic(0, out), "19700101T000000Z");
    assert_string_equal(date_basic(LAST_S, out), "99991231T235959Z");
    /* What no date can be said of stays within the years that can. */
    assert_string_equal(date_basic(-1, out), "19700101T000000Z");
    assert_string_equal(date_basic(INT64_MAX, out), "99991231T235959Z");
    (void)state;
}

/* The C library says what the date is, and the three forms must say the same. */
static void random_moments_survive(void **state)
{
    struct rng rng;

    rng_seed(&rng, 5);
    for (unsigned turn = 0; turn < 20000; turn++) {
        int64_t want = (int64_t)rng_between(&rng, 0, turn % 2 == 0 ? LAST_S : 4102444800);
        time_t when = (time_t)want;
        struct tm tm = {0};
        char text[64];
        char basic[DATE_BASIC_MAX];
        int64_t got = REFUSED;

        assert_non_null(gmtime_r(&when, &tm));
        assert_true(strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm) > 0);
        assert_string_equal(date_basic(want, basic), text);
        assert_true(strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        assert_true(date_parse_iso(text, &got) && got == want);
        got = REFUSED;
        assert_true(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
        assert_true(date_parse_http(text, &got) && got == want);
    }
    (void)state;
}

/* Whatever one byte of a date becomes: it is refused, or it is another date of that form. */
static void damaged_dates_are_never_nonsense(void **state)
{
    static const char iso[] = "2021-09-21T18:41:26Z";
    struct rng rng;

    rng_seed(&rng, 6);
    for (unsigned turn = 0; turn < 20000; turn++) {
        char text[sizeof(iso)];
        char basic[DATE_BASIC_MAX];
        char squeezed[sizeof(iso)] = "";
        int64_t got = REFUSED;
        size_t len = 0;

        memcpy(text, iso, sizeof(iso));
        text[rng_between(&rng, 0, sizeof(iso) - 2)] = (char)rng_between(&rng, 1, 255);
        if (!date_parse_iso(text, &got)) {
            assert_true(got == REFUSED);
            continue;
        }
        for (size_t i = 0; text[i] != '\0'; i++) {
            if (text[i] != '-' && text[i] != ':') {
                squeezed[len++] = text[i];
            }
        }
        assert_string_equal(date_basic(got, basic), squeezed);
    }
    (void)state;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(date_cases) + 3];
    size_t count = 0;

    for (; count < ARRAY_LEN(date_cases); count++) {
        tests[count] = (struct CMUnitTest){.name = date_cases[count].name,
                                           .test_func = check_date,
                                           .initial_state = &date_cases[count]};
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(writes_the_basic_form);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(random_moments_survive);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(damaged_dates_are_never_nonsense);
    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
