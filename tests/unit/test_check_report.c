/* check_report: grouped, wrapped, with the verdict last; and the same as JSON. */
#include "unit.h"

#include "base/buf.h"
#include "ui/check_report.h"
#include "ui/plain.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { AWS, SOURCE, DESTINATION };

static const struct check_side_view sides[] = {
    [AWS] = {"aws",         "AWS"                 },
    [SOURCE] = {"source",      "Source db1:5432/shop"},
    [DESTINATION] = {"destination", "Destination"         },
};

/* Counts what the lines say, as the list does. */
static struct check_view view_of(const struct check_line_view *lines, size_t count)
{
    struct check_view v = {
        .sides = sides, .side_count = ARRAY_LEN(sides), .lines = lines, .line_count = count};
    for (size_t i = 0; i < count; i++) {
        v.warnings += lines[i].mark == CHECK_MARK_WARNING ? 1 : 0;
        v.blockers += lines[i].mark == CHECK_MARK_BLOCKER ? 1 : 0;
    }
    return v;
}

static char *text_of(const struct check_line_view *lines, size_t count, bool color)
{
    struct check_view v = view_of(lines, count);
    struct buf out;
    buf_init(&out, 1u << 20);
    check_report_text(&v, color, &out);
    char *text = buf_take(&out);
    assert_non_null(text);
    return text;
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    while (*text != '\0') {
        char line[4096];
        size_t len = strcspn(text, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)len, text);
        size_t columns = plain_columns(line);
        longest = columns > longest ? columns : longest;
        text += len;
        text += *text == '\n' ? 1 : 0;
    }
    return longest;
}

/* ---- groups and the verdict ---- */

struct text_case {
    const char *name;
    const struct check_line_view *lines;
    size_t count;
    const char *want;
};

static const struct check_line_view fine[] = {
    {SOURCE, CHECK_MARK_OK, "tls", "TLSv1.3", NULL},
};
static const struct check_line_view mixed[] = {
    {DESTINATION, CHECK_MARK_BLOCKER, "ledger",          "may not create it", "GRANT CREATE"},
    {SOURCE,      CHECK_MARK_OK,      "tls",             "TLSv1.3",           NULL          },
    {AWS,         CHECK_MARK_WARNING, "destination-iam", "is off",            "turn it on"  },
    {SOURCE,      CHECK_MARK_BLOCKER, "login",           "refused",           "mend it"     },
};
static const struct check_line_view warned[] = {
    {AWS, CHECK_MARK_WARNING, "clock", "is off",  "set it"},
    {AWS, CHECK_MARK_WARNING, "clock", "is late", "set it"},
};

static struct text_case text_cases[] = {
    {"nothing at all",                 NULL,   0,                 "ready to load\n"},
    {"all is well",                    fine,   ARRAY_LEN(fine),
     "Source db1:5432/shop\n"
     "  ok       TLS       TLSv1.3\n"
     "\n"
     "ready to load\n"                                                             },
    {"by side, in the order of sides", mixed,  ARRAY_LEN(mixed),
     "AWS\n"
     "  warning  destination IAM  is off\n"
     "           fix: turn it on\n"
     "\n"
     "Source db1:5432/shop\n"
     "  ok       TLS       TLSv1.3\n"
     "  blocker  login     refused\n"
     "           fix: mend it\n"
     "\n"
     "Destination\n"
     "  blocker  ledger    may not create it\n"
     "           fix: GRANT CREATE\n"
     "\n"
     "2 blockers, 1 warning; a load would not start\n"                             },
    {"only warnings",                  warned, ARRAY_LEN(warned),
     "AWS\n"
     "  warning  clock     is off\n"
     "           fix: set it\n"
     "  warning  clock     is late\n"
     "           fix: set it\n"
     "\n"
     "ready to load, with 2 warnings\n"                                            },
};

static void check_text(void **state)
{
    const struct text_case *c = *state;
    char *text = text_of(c->lines, c->count, false);
    assert_string_equal(text, c->want);
    free(text);
}

static void paints_the_level_and_nothing_else(void **state)
{
    (void)state;
    char *text = text_of(mixed, ARRAY_LEN(mixed), true);
    assert_non_null(strstr(text, "  \x1B[33mwarning\x1B[0m  destination IAM  is off\n"));
    assert_non_null(strstr(text, "  \x1B[31mblocker\x1B[0m  login     refused\n"));
    assert_non_null(strstr(text, "  \x1B[32mok\x1B[0m       TLS       TLSv1.3\n"));
    free(text);
}

/* ---- wrapping ---- */

static void wraps_words(void **state)
{
    (void)state;
    char words[600] = "";
    for (size_t i = 0; i < 100; i++) {
        (void)strncat(words, "word ", sizeof words - strlen(words) - 1);
    }
    const struct check_line_view line = {SOURCE, CHECK_MARK_BLOCKER, "login", words, words};
    char *text = text_of(&line, 1, false);
    assert_int_equal(longest_line(text), CHECK_REPORT_COLUMNS);
    assert_non_null(strstr(text, "word\n                     word"));
    assert_non_null(strstr(text, "  fix: word"));
    assert_non_null(strstr(text, "word\n                word"));
    assert_null(strstr(text, " \n"));
    free(text);
}

static void never_passes_the_margin(void **state)
{
    (void)state;
    const size_t fits = CHECK_REPORT_COLUMNS - 21; /* beside mark and name */
    for (size_t len = 1; len <= fits; len++) {
        char words[400] = "";
        while (strlen(words) + len + 1 < sizeof words) {
            memset(words + strlen(words), 'w', len); /* what follows is zero */
            (void)strncat(words, " ", 1);
        }
        const struct check_line_view line = {SOURCE, CHECK_MARK_WARNING, "login", words, words};
        char *text = text_of(&line, 1, false);
        assert_true(longest_line(text) <= CHECK_REPORT_COLUMNS);
        free(text);
    }
}

/* It has to be usable when it is copied from a terminal, which folds lines without breaking them.
 */
static void leaves_a_statement_whole(void **state)
{
    (void)state;
    static const char statement[] =
        "{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":"
        "\"arn:aws:secretsmanager:us-east-1:111122223333:secret:read-??????\"}";
    char fix[400];
    (void)snprintf(fix, sizeof fix, "allow it with %s there", statement);
    const struct check_line_view line = {AWS, CHECK_MARK_BLOCKER, "source-secret", "denied", fix};
    char *text = text_of(&line, 1, false);
    char want[400];
    (void)snprintf(want, sizeof want,
                   "fix: allow it with\n                %s\n                there\n", statement);
    assert_non_null(strstr(text, want));
    free(text);
}

struct long_case {
    const char *name;
    const char *piece; /* repeated to 400 bytes or more, without a space */
};

static struct long_case long_cases[] = {
    {"letters",                     "x"     },
    {"an ARN",                      "arn:"  },
    {"characters of two columns",   "\u65E5"},
    {"control characters",          "\x01"  },
    {"what is not UTF-8",           "\xFF"  },
    {"characters of several bytes", "\u00E9"},
};

static void check_long(void **state)
{
    const struct long_case *c = *state;
    char word[500] = "";
    while (strlen(word) < 400) {
        (void)strncat(word, c->piece, sizeof word - strlen(word) - 1);
    }
    const struct check_line_view line = {SOURCE, CHECK_MARK_WARNING, "tls", word, word};
    char *text = text_of(&line, 1, false);
    assert_true(strlen(text) > 800);
    assert_null(strchr(text, '\x01'));
    assert_null(strchr(text, '\xFF'));
    free(text);
}

/* Nothing of the words is lost or repeated by wrapping. */
static void keeps_every_character(void **state)
{
    (void)state;
    const char *word =
        "0123456789012345678901234567890123456789/0123456789012345678901234567890123456"
        "789-abcdefghijklmnopqrstuvwxyz,ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const struct check_line_view line = {SOURCE, CHECK_MARK_OK, "tls", word, NULL};
    char *text = text_of(&line, 1, false);
    const char *want = word;
    for (const char *p = strstr(text, "0123"); *want != '\0'; p++) {
        if (*p != '\n' && *p != ' ') {
            assert_int_equal(*p, *want);
            want++;
        }
    }
    free(text);
}

/* ---- many ---- */

static void shows_the_first_of_many(void **state)
{
    (void)state;
    static struct check_line_view many[CHECK_REPORT_LINES + 7];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct check_line_view){SOURCE, CHECK_MARK_BLOCKER, "tables", "missing", "add"};
    }
    char *text = text_of(many, ARRAY_LEN(many), false);
    assert_non_null(strstr(text, "\n  and 7 more; --json lists all\n"));
    assert_non_null(strstr(text, "\n107 blockers; a load would not start\n"));
    free(text);
}

static void says_what_was_left_out(void **state)
{
    (void)state;
    struct check_view v = view_of(fine, ARRAY_LEN(fine));
    struct buf out;
    v.left_out = 3;
    buf_init(&out, 4096);
    check_report_text(&v, false, &out);
    assert_non_null(strstr(buf_str(&out), "\n3 more findings were left out\n"));
    buf_free(&out);
}

/* ---- JSON ---- */

static void writes_json(void **state)
{
    (void)state;
    struct check_view v = view_of(mixed, ARRAY_LEN(mixed));
    struct buf out;
    buf_init(&out, 65536);
    check_report_json(&v, &out);
    assert_int_equal(out.data[out.len - 1], '\n');
    json_t *root = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(root);
    assert_true(json_is_false(json_object_get(root, "ready")));
    assert_int_equal(json_integer_value(json_object_get(root, "blockers")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "warnings")), 1);
    const json_t *findings = json_object_get(root, "findings");
    assert_int_equal(json_array_size(findings), 4);
    const json_t *first = json_array_get(findings, 0);
    assert_string_equal(json_string_value(json_object_get(first, "side")), "destination");
    assert_string_equal(json_string_value(json_object_get(first, "check")), "ledger");
    assert_string_equal(json_string_value(json_object_get(first, "level")), "blocker");
    assert_string_equal(json_string_value(json_object_get(first, "text")), "may not create it");
    assert_string_equal(json_string_value(json_object_get(first, "fix")), "GRANT CREATE");
    const json_t *second = json_array_get(findings, 1);
    assert_string_equal(json_string_value(json_object_get(second, "level")), "ok");
    assert_true(json_is_null(json_object_get(second, "fix")));
    json_decref(root);
    buf_free(&out);
}

static void a_warning_is_no_obstacle_in_json(void **state)
{
    (void)state;
    struct check_view v = view_of(warned, ARRAY_LEN(warned));
    struct buf out;
    buf_init(&out, 65536);
    check_report_json(&v, &out);
    assert_non_null(strstr(buf_str(&out), "{\"ready\":true,\"blockers\":0,\"warnings\":2,"));
    buf_free(&out);
}

static void fails_whole_when_there_is_no_room(void **state)
{
    (void)state;
    struct check_view v = view_of(mixed, ARRAY_LEN(mixed));
    struct buf out;
    buf_init(&out, 40);
    check_report_json(&v, &out);
    assert_true(out.failed);
    buf_free(&out);
    buf_init(&out, 40);
    check_report_text(&v, false, &out);
    assert_true(out.failed);
    buf_free(&out);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(text_cases) + ARRAY_LEN(long_cases) + 10];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(text_cases); i++) {
        tests[count++] = (struct CMUnitTest){
            .name = text_cases[i].name, .test_func = check_text, .initial_state = &text_cases[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(long_cases); i++) {
        tests[count++] = (struct CMUnitTest){
            .name = long_cases[i].name, .test_func = check_long, .initial_state = &long_cases[i]};
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(paints_the_level_and_nothing_else);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(wraps_words);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(never_passes_the_margin);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(leaves_a_statement_whole);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(keeps_every_character);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(shows_the_first_of_many);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(says_what_was_left_out);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(writes_json);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_warning_is_no_obstacle_in_json);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(fails_whole_when_there_is_no_room);
    return cmocka_run_group_tests_name("check_report", tests, NULL, NULL);
}
