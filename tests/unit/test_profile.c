/* profile: the published vectors, and what they leave open. */
#include "unit.h"

#include "aws/profile.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS     "tests/vectors/aws-config/profile-parser-tests.json"
#define VECTORS_MAX 200
#define TESTS_MAX   (VECTORS_MAX + 100) /* cmocka passes over those that stay empty */

static bool read_text(struct profiles *p, enum profile_file file, const char *text, struct err *err)
{
    static const char *const paths[] = {"/c/config", "/c/credentials"};
    if (text == NULL) {
        return true;
    }

    size_t len = strlen(text);
    char *exact = malloc(len + 1); /* so that ASan sees one byte too many; the NUL is not read */
    assert_non_null(exact);
    memcpy(exact, text, len + 1);
    exact[len] = 'x';
    bool ok = profiles_read(p, file, paths[file], exact, len, err);
    free(exact);
    return ok;
}

/* ---- the vectors ---- */

static void compare_section(const struct profile_section *got, json_t *want)
{
    const char *name;
    json_t *value;

    assert_non_null(got);
    assert_int_equal(got->count, json_object_size(want));
    json_object_foreach(want, name, value)
    {
        assert_non_null(profile_value(got, name));
        assert_string_equal(profile_value(got, name), json_string_value(value));
    }
}

static void compare_kind(const struct profiles *got, const char *kind, json_t *want)
{
    size_t count = 0;
    const char *name;
    json_t *section;

    for (size_t i = 0; i < got->count; i++) {
        count += strcmp(got->items[i].kind, kind) == 0;
    }
    assert_int_equal(count, json_object_size(want));
    json_object_foreach(want, name, section)
    {
        compare_section(profiles_find(got, kind, name), section);
    }
}

static void check_vector(void **state)
{
    json_t *test = *state;
    json_t *input = json_object_get(test, "input");
    json_t *output = json_object_get(test, "output");
    json_t *config = json_object_get(output, "config");
    const char *reason = json_string_value(json_object_get(output, "errorContaining"));
    struct profiles got = {0};
    struct err err = {0};

    bool ok = read_text(&got, PROFILE_CONFIG,
                        json_string_value(json_object_get(input, "configFile")), &err) &&
              read_text(&got, PROFILE_CREDENTIALS,
                        json_string_value(json_object_get(input, "credentialsFile")), &err);
    if (reason != NULL) {
        assert_false(ok);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, reason));
    } else {
        assert_true(ok);
        assert_non_null(config);
        compare_kind(&got, "profile", json_object_get(config, "profiles"));
        compare_kind(&got, "sso-session", json_object_get(config, "sso_sessions"));
    }
    profiles_free(&got);
}

/* ---- cases of our own ---- */

struct own_case {
    const char *name;
    const char *config;
    const char *credentials;
    const char *kind;
    const char *section;
    const char *property; /* NULL: the section must not be there */
    const char *want;     /* NULL: the property must not be there */
};

#define P "profile"

static struct own_case own_cases[] = {
    {"CRLF everywhere",                          "[profile foo]\r\na = 1\r\n b\r\n\r\nc = 2\r\n",          NULL,                                       P,             "foo",      "a",
     "1\nb"                                                                                                                                                                                                              },
    {"a header with CRLF",                       "[profile foo]\r\n",                                      NULL,                                       P,             "foo",      "a",                 NULL              },
    {"a comment with CRLF",                      "#x\r\n[profile foo] # x\r\na = 1 # x\r\n",               NULL,                                       P,             "foo",      "a",                 "1"               },
    {"a nested property with CRLF",              "[profile foo]\r\ns3 =\r\n a = b\r\n",                    NULL,                                       P,             "foo",      "s3",
     "\na = b"                                                                                                                                                                                                           },
    {"a byte order mark",                        "\xEF\xBB\xBF[profile foo]\na = 1",                       NULL,                                       P,             "foo",      "a",                 "1"               },
    {"a byte order mark before a comment",       "\xEF\xBB\xBF# x\n[default]\na = 1",                      NULL,                                       P,             "default",
     "a",                                                                                                                                                                                              "1"               },
    {"a byte order mark in credentials",         NULL,                                                     "\xEF\xBB\xBF[foo]\na = 1",                 P,             "foo",      "a",                 "1"               },
    {"tabs around everything",                   "[\tprofile\t\tfoo\t]\t\na\t=\t1\t",                      NULL,                                       P,             "foo",      "a",                 "1"               },
    {"a tab before a comment",                   "[profile foo]\na = 1\t# x",                              NULL,                                       P,             "foo",      "a",                 "1"               },
    {"a tab begins a continuation",              "[profile foo]\na = 1\n\tb",                              NULL,                                       P,             "foo",      "a",                 "1\nb"            },
    {"no line feed at the end",                  "[profile foo]\na = 1",                                   NULL,                                       P,             "foo",      "a",                 "1"               },
    {"no line feed after a header",              "[profile foo]\na = 1\n[profile bar]",                    NULL,                                       P,             "bar",      "a",
     NULL                                                                                                                                                                                                                },
    {"a name in double quotes",                  "[profile \"foo\"]\na = 1",                               NULL,                                       P,             "foo",      "a",                 "1"               },
    {"a name in single quotes",                  "[profile 'foo']\na = 1",                                 NULL,                                       P,             "foo",      "a",                 "1"               },
    {"a quoted name with a space",               "[profile \"my foo\"]\na = 1",                            NULL,                                       P,             "my foo",   "a",                 "1"               },
    {"half a pair of quotes",                    "[profile \"foo]\na = 1",                                 NULL,                                       P,             "\"foo",    NULL,                NULL              },
    {"an empty quoted name",                     "[profile \"\"]\na = 1",                                  NULL,                                       P,             "",         NULL,                NULL              },
    {"quotes in credentials are no name",        NULL,                                                     "[\"foo\"]\na = 1",                         P,             "foo",      NULL,                NULL              },
    {"quotes in a value stay",                   "[profile foo]\na = \"1\"",                               NULL,                                       P,             "foo",      "a",                 "\"1\""           },
    {"default alone",                            "[default]\na = 1",                                       NULL,                                       P,             "default",  "a",                 "1"               },
    {"default with blanks",                      "[ default ]\na = 1",                                     NULL,                                       P,             "default",  "a",                 "1"               },
    {"profile default hides default",            "[default]\na = 1\n[profile default]\nb = 1",             NULL,                                       P,
     "default",                                                                                                                                                                   "a",                 NULL              },
    {"default in quotes is the prefixed one",    "[default]\na = 1\n[profile \"default\"]\nb = 1",
     NULL,                                                                                                                                             P,             "default",  "a",                 NULL              },
    {"default of credentials wins",              "[profile default]\na = 1",                               "[default]\na = 2",                         P,             "default",
     "a",                                                                                                                                                                                              "2"               },
    {"default of credentials onto the bare one", "[default]\nb = 1",                                       "[default]\na = 2",                         P,
     "default",                                                                                                                                                                   "b",                 "1"               },
    {"duplicate sections in credentials",        NULL,                                                     "[foo]\na = 1\n[bar]\n[foo]\nb = 2\na = 3", P,
     "foo",                                                                                                                                                                       "a",                 "3"               },
    {"a duplicate keeps what it does not say",   NULL,                                                     "[foo]\na = 1\nb = 1\n[foo]\na = 3",        P,             "foo",
     "b",                                                                                                                                                                                              "1"               },
    {"a duplicate drops old continuations",      "[profile foo]\na = 1\n b\na = 2",                        NULL,                                       P,             "foo",      "a",
     "2"                                                                                                                                                                                                                 },
    {"a value with a number sign",               NULL,                                                     "[foo]\naws_secret_access_key = ab#c/+d;e", P,             "foo",
     "aws_secret_access_key",                                                                                                                                                                          "ab#c/+d;e"       },
    {"a value that begins with one",             "[profile foo]\na =#1",                                   NULL,                                       P,             "foo",      "a",                 "#1"              },
    {"a value that is all comment",              "[profile foo]\na = # 1",                                 NULL,                                       P,             "foo",      "a",                 ""                },
    {"a value with many equals signs",           NULL,                                                     "[foo]\na==b==",                            P,             "foo",      "a",                 "=b=="            },
    {"a name without blanks around",             "[profile foo]\na=1",                                     NULL,                                       P,             "foo",      "a",                 "1"               },
    {"an upper-case name",                       NULL,                                                     "[foo]\nAWS_ACCESS_KEY_ID = x",             P,             "foo",      "aws_access_key_id",
     "x"                                                                                                                                                                                                                 },
    {"profile names keep their case",            "[profile Foo]\na = 1\n[profile foo]\na = 2",             NULL,                                       P,             "Foo",
     "a",                                                                                                                                                                                              "1"               },
    {"a capital Profile is no prefix",           "[Profile foo]\na = 1",                                   NULL,                                       P,             "foo",      NULL,                NULL              },
    {"profile without a name",                   "[profile]\na = 1\n[profile ]\nb = 1",                    NULL,                                       P,             "profile",  NULL,
     NULL                                                                                                                                                                                                                },
    {"profile is a name in credentials",         NULL,                                                     "[profile]\na = 1",                         P,             "profile",  "a",                 "1"               },
    {"an empty header",                          "[]\na = 1\n[profile foo]",                               NULL,                                       P,             "",         NULL,                NULL              },
    {"a header with two brackets",               "[profile foo]]\na = 1",                                  NULL,                                       P,             "foo",      NULL,                NULL              },
    {"other sections are skipped whole",         "[plugins]\nno equals sign\n what\n[profile foo]\na = 1",
     NULL,                                                                                                                                             P,             "foo",      "a",                 "1"               },
    {"a skipped section's continuation",         "[profile foo]\na = 1\n[foo!]\n b",                       NULL,                                       P,             "foo",      "a",
     "1"                                                                                                                                                                                                                 },
    {"a skipped property's continuation",        "[profile foo]\na = 1\nb c = 2\n d",                      NULL,                                       P,             "foo",      "a",
     "1"                                                                                                                                                                                                                 },
    {"property names with the other signs",      "[profile foo]\na/b.c%d@e:f+g = 1",                       NULL,                                       P,             "foo",
     "a/b.c%d@e:f+g",                                                                                                                                                                                  "1"               },
    {"services",                                 "[services dev]\ns3 =\n endpoint_url = http://x\n",       NULL,                                       "services",    "dev",      "s3",
     "\nendpoint_url = http://x"                                                                                                                                                                                         },
    {"services are no profile",                  "[services dev]\na = 1",                                  NULL,                                       P,             "dev",      NULL,                NULL              },
    {"services only in the config file",         NULL,                                                     "[services dev]\na = 1",                    "services",    "dev",      NULL,
     NULL                                                                                                                                                                                                                },
    {"a session only in the config file",        NULL,                                                     "[sso-session dev]\na = 1",                 "sso-session", "dev",
     NULL,                                                                                                                                                                                             NULL              },
    {"a session in quotes",                      "[sso-session 'dev']\na = 1",                             NULL,                                       "sso-session", "dev",      "a",                 "1"               },
    {"a profile named services",                 "[profile services]\na = 1",                              NULL,                                       P,             "services", "a",                 "1"               },
    {"an indented comment before all",           "  # x\n[profile foo]\na = 1",                            NULL,                                       P,             "foo",      "a",                 "1"               },
    {"an indented comment after a header",       "[profile foo]\n  ; x\na = 1",                            NULL,                                       P,             "foo",      "a",                 "1"               },
    {"an indented comment among nested ones",    "[profile foo]\ns3 =\n  # x\n  a = b",                    NULL,                                       P,             "foo",
     "s3",                                                                                                                                                                                             "\na = b"         },
    {"an indented comment continues a value",    "[profile foo]\na = 1\n # x",                             NULL,                                       P,             "foo",      "a",
     "1\n# x"                                                                                                                                                                                                            },
    {"an indented header continues a value",     "[profile foo]\na = 1\n [profile bar]",                   NULL,                                       P,             "foo",
     "a",                                                                                                                                                                                              "1\n[profile bar]"},
    {"a comment line in a continued value",      "[profile foo]\na = 1\n# x\n b",                          NULL,                                       P,             "foo",      "a",
     "1\nb"                                                                                                                                                                                                              },
    {"nested ones can be empty",                 "[profile foo]\ns3 =\nb = 1",                             NULL,                                       P,             "foo",      "s3",                ""                },
    {"nested with equals signs",                 "[profile foo]\ns3 =\n a = b=c",                          NULL,                                       P,             "foo",      "s3",
     "\na = b=c"                                                                                                                                                                                                         },
    {"a carriage return inside a value stays",   "[profile foo]\na = b\rc",                                NULL,                                       P,             "foo",      "a",
     "b\rc"                                                                                                                                                                                                              },
    {"nothing but blank lines",                  "\n\r\n \n\t\n",                                          NULL,                                       P,             "default",  NULL,                NULL              },
};

static void check_own(void **state)
{
    const struct own_case *c = *state;
    struct profiles got = {0};
    struct err err = {0};

    if (!read_text(&got, PROFILE_CONFIG, c->config, &err) ||
        !read_text(&got, PROFILE_CREDENTIALS, c->credentials, &err)) {
        fail_msg("%s", err.msg);
    }
    const struct profile_section *s = profiles_find(&got, c->kind, c->section);
    assert_int_equal(s != NULL, c->property != NULL);
    if (c->property != NULL && c->want == NULL) {
        assert_null(profile_value(s, c->property));
    } else if (c->property != NULL) {
        assert_non_null(profile_value(s, c->property));
        assert_string_equal(profile_value(s, c->property), c->want);
    }
    profiles_free(&got);
}

struct bad_case {
    const char *text;
    const char *msg;
};

static void errors_name_path_and_line_and_no_value(void **state)
{
    (void)state;
    static const struct bad_case cases[] = {
        {"[profile foo]\na = 1\n\n# x\nSECRET",
         "/c/config:5: Expected an '=' sign defining a property"                                       },
        {"SECRET = SECRET",                     "/c/config:1: Expected a profile definition"           },
        {"\r\n\r\n SECRET",                     "/c/config:3: Expected a profile definition"           },
        {"[profile foo]\n  a = SECRET",
         "/c/config:2: Expected a property definition, found continuation"                             },
        {"[profile foo]\n= SECRET",             "/c/config:2: Property did not have a name"            },
        {"[profile foo]\n # x\n=SECRET",        "/c/config:3: Property did not have a name"            },
        {"[profile foo]\na # = SECRET",         "/c/config:2: Expected an '=' sign defining a property"},
        {"[profile SECRET] x",                  "/c/config:1: Profile definition must end with ']'"    },
        {"[profile SEC#RET]",                   "/c/config:1: Profile definition must end with ']'"    },
        {"[",                                   "/c/config:1: Profile definition must end with ']'"    },
        {"[profile foo]\ns3 =\n SECRET",
         "/c/config:3: Expected an '=' sign defining a sub-property"                                   },
        {"[profile foo]\ns3 =\n = SECRET",      "/c/config:3: Sub-property did not have a name"        },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct profiles p = {0};
        struct err err = {0};
        assert_false(read_text(&p, PROFILE_CONFIG, cases[i].text, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(err.msg, cases[i].msg);
        assert_int_equal(p.count, 0);
    }
}

static void failed_file_changes_nothing(void **state)
{
    (void)state;
    struct profiles p = {0};
    struct err err = {0};

    assert_true(read_text(&p, PROFILE_CONFIG, "[profile foo]\na = 1", &err));
    assert_false(read_text(&p, PROFILE_CREDENTIALS, "[foo]\na = 2\n[bar]\nb", &err));
    assert_string_equal(err.msg, "/c/credentials:4: Expected an '=' sign defining a property");
    assert_int_equal(p.count, 1);
    assert_string_equal(profile_value(profiles_find(&p, P, "foo"), "a"), "1");
    profiles_free(&p);
    profiles_free(&p);
    profiles_free(NULL);
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    static const char texts[][32] = {"[profile foo]\na = b\0c", "[profile foo]\na\0 = bcd",
                                     "[profile f\0o]\na = bcd", "\0[profile foo]\na = b",
                                     "[other]\nx = y\0          "};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct profiles p = {0};
        struct err err = {0};
        assert_false(profiles_read(&p, PROFILE_CONFIG, "x", texts[i], 21, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, "NUL"));
    }
}

static void empty_input_needs_no_memory(void **state)
{
    (void)state;
    struct profiles p = {0};
    struct err err = {0};

    assert_true(profiles_read(&p, PROFILE_CONFIG, "x", "", 0, &err));
    assert_true(profiles_read(&p, PROFILE_CONFIG, "x", "\xEF\xBB\xBF", 3, &err));
    assert_int_equal(p.count, 0);
    assert_null(p.items);
    assert_null(profile_value(NULL, "a"));
    assert_null(profiles_find(&p, P, "default"));
}

static void long_lines_and_large_files_have_limits(void **state)
{
    (void)state;
    static const char head[] = "[profile foo]\na = ";
    const size_t head_len = sizeof(head) - 1;
    struct profiles p = {0};
    struct err err = {0};
    char *text = malloc(PROFILE_FILE_MAX + 1);

    assert_non_null(text);
    memset(text, 'v', PROFILE_FILE_MAX + 1);
    memcpy(text, head, head_len);
    assert_true(profiles_read(&p, PROFILE_CONFIG, "x", text, PROFILE_FILE_MAX, &err));
    assert_int_equal(strlen(profile_value(profiles_find(&p, P, "foo"), "a")),
                     PROFILE_FILE_MAX - head_len);
    assert_false(profiles_read(&p, PROFILE_CONFIG, "x", text, PROFILE_FILE_MAX + 1, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    profiles_free(&p);
    /* The same size in the shortest continuation lines. */
    for (size_t i = head_len + 1; i + 2 < PROFILE_FILE_MAX; i += 3) {
        text[i] = '\n';
        text[i + 1] = ' ';
    }
    assert_true(profiles_read(&p, PROFILE_CONFIG, "x", text, PROFILE_FILE_MAX, &err));
    assert_memory_equal(profile_value(profiles_find(&p, P, "foo"), "a"), "v\nv\nv\nv", 7);
    profiles_free(&p);
    free(text);
}

/* count lines made of a number, behind a first one. The caller frees. */
static char *numbered(const char *first, const char *fmt_before, const char *fmt_after, int count)
{
    size_t room = PROFILE_FILE_MAX;
    char *text = malloc(room);
    assert_non_null(text);

    size_t used = (size_t)snprintf(text, room, "%s", first);
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s%d%s\n", fmt_before, i, fmt_after);
        assert_true(used < room);
    }
    return text;
}

static void sections_and_properties_are_counted(void **state)
{
    (void)state;
    struct profiles p = {0};
    struct err err = {0};
    char *properties = numbered("[foo]\n", "p", " = 1", PROFILE_PROPERTIES_MAX + 1);
    char *sections = numbered("", "[s", "]", PROFILE_SECTIONS_MAX + 1);

    assert_false(read_text(&p, PROFILE_CREDENTIALS, properties, &err));
    assert_non_null(strstr(err.msg, ":1002: Too many properties"));
    *strrchr(properties, 'p') = '\0';
    assert_true(read_text(&p, PROFILE_CREDENTIALS, properties, &err));
    assert_int_equal(p.items[0].count, PROFILE_PROPERTIES_MAX);
    profiles_free(&p);

    assert_false(read_text(&p, PROFILE_CREDENTIALS, sections, &err));
    assert_non_null(strstr(err.msg, ":10001: Too many sections"));
    *strrchr(sections, '[') = '\0';
    assert_true(read_text(&p, PROFILE_CREDENTIALS, sections, &err));
    assert_int_equal(p.count, PROFILE_SECTIONS_MAX);
    profiles_free(&p);
    free(properties);
    free(sections);
}

static void nested_values_are_found(void **state)
{
    (void)state;
    static const char text[] =
        "[services dev]\n"
        "s3 =\n  endpoint_url = http://one\n  Endpoint_URL = http://two # x\n"
        "  empty =\n  long = 123456789\n"
        "  endpoint_urls = no\n"
        "kms = endpoint_url = http://three\n"
        "sts =\n";
    struct profiles p = {0};
    struct err err = {0};
    char out[11] = "before";

    assert_true(read_text(&p, PROFILE_CONFIG, text, &err));
    const struct profile_section *s = profiles_find(&p, "services", "dev");
    assert_true(profile_nested(s, "s3", "endpoint_url", out, sizeof out));
    assert_string_equal(out, "http://two");
    assert_false(profile_nested(s, "s3", "endpoint_url", out, sizeof out - 1));
    assert_true(profile_nested(s, "s3", "empty", out, sizeof out));
    assert_string_equal(out, "");
    assert_true(profile_nested(s, "s3", "long", out, 10));
    assert_false(profile_nested(s, "s3", "long", out, 9));
    assert_string_equal(out, "123456789");
    assert_false(profile_nested(s, "s3", "endpoint", out, sizeof out));
    assert_false(profile_nested(s, "kms", "endpoint_url", out, sizeof out));
    assert_false(profile_nested(s, "sts", "endpoint_url", out, sizeof out));
    assert_false(profile_nested(s, "rds", "endpoint_url", out, sizeof out));
    assert_false(profile_nested(NULL, "s3", "endpoint_url", out, sizeof out));
    assert_string_equal(out, "123456789");
    profiles_free(&p);
}

static void kinds_do_not_meet(void **state)
{
    (void)state;
    struct profiles p = {0};
    struct err err = {0};

    assert_true(read_text(&p, PROFILE_CONFIG,
                          "[services x]\na = 1\n[profile x]\na = 2\n[sso-session x]\na = 3", &err));
    assert_int_equal(p.count, 3);
    assert_string_equal(profile_value(profiles_find(&p, "services", "x"), "a"), "1");
    assert_string_equal(profile_value(profiles_find(&p, "profile", "x"), "a"), "2");
    assert_string_equal(profile_value(profiles_find(&p, "sso-session", "x"), "a"), "3");
    profiles_free(&p);
}

static struct CMUnitTest case_test(const char *name, CMUnitTestFunction run, void *state)
{
    return (struct CMUnitTest){.name = name, .test_func = run, .initial_state = state};
}

/* A published case that cannot be read fails as a test, not as a program that ends early. */
static void vectors_are_there(void **state)
{
    assert_int_equal(json_array_size(*state), 65);
}

int main(void)
{
    struct CMUnitTest tests[TESTS_MAX] = {{0}};
    size_t count = 0;
    json_t *file = json_load_file(VECTORS, 0, NULL);
    json_t *vectors = json_object_get(file, "tests");

    for (size_t i = 0; i < json_array_size(vectors) && i < VECTORS_MAX; i++) {
        json_t *test = json_array_get(vectors, i);
        tests[count++] =
            case_test(json_string_value(json_object_get(test, "name")), check_vector, test);
    }
    for (size_t i = 0; i < ARRAY_LEN(own_cases); i++) {
        tests[count++] = case_test(own_cases[i].name, check_own, &own_cases[i]);
    }
    tests[count++] = case_test("vectors_are_there", vectors_are_there, vectors);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(errors_name_path_and_line_and_no_value);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(failed_file_changes_nothing);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(nul_bytes_are_refused);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(empty_input_needs_no_memory);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(long_lines_and_large_files_have_limits);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(sections_and_properties_are_counted);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(nested_values_are_found);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(kinds_do_not_meet);

    int failed = cmocka_run_group_tests_name("profile", tests, NULL, NULL);
    json_decref(file);
    return failed;
}
