/* canonical: paths, queries and headers as Signature Version 4 compares them. */
#include "unit.h"

#include "aws/canonical.h"

#include <string.h>

struct path_case {
    const char *name;
    const char *path;
    enum canonical_path how;
    const char *want;
};

static struct path_case path_cases[] = {
    {"the root",                     "/",              PATH_NORMALISED, "/"                       },
    {"no path",                      "",               PATH_NORMALISED, "/"                       },
    {"many slashes",                 "////",           PATH_NORMALISED, "/"                       },
    {"slashes within",               "//a///b//",      PATH_NORMALISED, "/a/b/"                   },
    {"a dot",                        "/./a/./b",       PATH_NORMALISED, "/a/b"                    },
    {"a dot at the end",             "/a/.",           PATH_NORMALISED, "/a"                      },
    {"a dot and a slash at the end", "/a/./",          PATH_NORMALISED, "/a/"                     },
    {"two dots",                     "/a/b/../c",      PATH_NORMALISED, "/a/c"                    },
    {"two dots at the end",          "/a/b/..",        PATH_NORMALISED, "/a"                      },
    {"two dots and a slash",         "/a/b/../",       PATH_NORMALISED, "/a/"                     },
    {"up to the root",               "/a/..",          PATH_NORMALISED, "/"                       },
    {"past the root",                "/../../a",       PATH_NORMALISED, "/a"                      },
    {"up twice and down",            "/a/b/../../c",   PATH_NORMALISED, "/c"                      },
    {"names that begin with dots",   "/.a/..b/...",    PATH_NORMALISED, "/.a/..b/..."             },
    {"encoded dots are no dots",     "/a/%2E%2E/b",    PATH_NORMALISED, "/a/%252E%252E/b"         },
    {"a blank",                      "/a b",           PATH_NORMALISED, "/a%20b"                  },
    {"encoded once more",            "/a%20b",         PATH_NORMALISED, "/a%2520b"                },
    {"UTF-8",                        "/\xE1\x88\xB4",  PATH_NORMALISED, "/%E1%88%B4"              },
    {"what others leave alone",      "/a:b@c+d*e~f=g", PATH_NORMALISED, "/a%3Ab%40c%2Bd%2Ae~f%3Dg"},
    {"kept, but encoded",            "//a/./../b c/",  PATH_KEPT,       "//a/./../b%20c/"         },
    {"kept, encoded once more",      "/a%2Fb",         PATH_KEPT,       "/a%252Fb"                },
    {"raw",                          "//a/../b%20:c/", PATH_RAW,        "//a/../b%20:c/"          },
};

static void check_path(void **state)
{
    const struct path_case *c = *state;
    struct buf out = {.max_bytes = 1000};

    canonical_path(&out, c->path, c->how);
    assert_string_equal(buf_str(&out), c->want);
    buf_free(&out);
}

struct query_case {
    const char *name;
    const char *query;
    const char *want;
};

static struct query_case query_cases[] = {
    {"none",                       "",                                     ""                               },
    {"only separators",            "&&",                                   ""                               },
    {"separators too many",        "&b=2&&a=1&",                           "a=1&b=2"                        },
    {"a name alone",               "uploads",                              "uploads="                       },
    {"a name and nothing",         "a=",                                   "a="                             },
    {"a value without a name",     "b=1&=x",                               "=x&b=1"                         },
    {"neither",                    "=",                                    "="                              },
    {"an equals sign in a value",  "a=b=c",                                "a=b%3Dc"                        },
    {"by name and not by pair",    "id-type=2&id=1",                       "id=1&id-type=2"                 },
    {"a name that begins another", "ab=1&a=2&abc=0",                       "a=2&ab=1&abc=0"                 },
    {"then by value",              "a=c&a=&a=b&a=B",                       "a=&a=B&a=b&a=c"                 },
    {"the same twice",             "a=b&a=b",                              "a=b&a=b"                        },
    {"capitals first",             "b=1&a=1&B=1",                          "B=1&a=1&b=1"                    },
    {"by encoded name",            "a=1&%7E=2&%E1%88%B4=3&\xE1\x88\xB5=4", "%E1%88%B4=3&%E1%88%B5=4&a=1&~=2"},
    {"by encoded value",           "a=z&a=%2F&a=%7E",                      "a=%2F&a=z&a=~"                  },
    {"needlessly encoded",         "%61%62=%31",                           "ab=1"                           },
    {"encoded in lower case",      "a=%2f%c3%bc",                          "a=%2F%C3%BC"                    },
    {"not encoded",                "a=/ :@",                               "a=%2F%20%3A%40"                 },
    {"an encoded separator",       "a=1%26b%3D2",                          "a=1%26b%3D2"                    },
    {"a plus is a plus",           "a=b+c",                                "a=b%2Bc"                        },
    {"a percent sign alone",       "a=100%&b=%zz",                         "a=100%25&b=%25zz"               },
    {"a zero byte",                "a=%00&a=",                             "a=&a=%00"                       },
    {"a question mark",            "a=?",                                  "a=%3F"                          },
};

static void check_query(void **state)
{
    const struct query_case *c = *state;
    struct err err = {0};
    struct buf out = {.max_bytes = 1000};

    assert_true(canonical_query(&out, c->query, &err));
    assert_string_equal(buf_str(&out), c->want);
    buf_free(&out);
}

struct header_case {
    const char *name;
    struct http_header headers[5];
    const char *want_lines;
    const char *want_names;
};

static struct header_case header_cases[] = {
    {"sorted, in lower case",
     {{"X-b", "2"}, {"Host", "H"}, {"x-A", "1"}},
     "host:H\nx-a:1\nx-b:2\n",                                                                       "host;x-a;x-b"           },
    {"a name that begins another",
     {{"x-amz-meta-b", "2"}, {"x-amz-meta", "1"}},
     "x-amz-meta:1\nx-amz-meta-b:2\n",                                                               "x-amz-meta;x-amz-meta-b"},
    {"repeated, in the order given",
     {{"My", "c"}, {"a", "0"}, {"my", "a"}, {"MY", "b"}},
     "a:0\nmy:c,a,b\n",                                                                              "a;my"                   },
    {"repeated and empty",              {{"my", ""}, {"my", " "}, {"my", "x"}}, "my:,,x\n",          "my"                     },
    {"an empty value",                  {{"my", ""}},                           "my:\n",             "my"                     },
    {"only blanks",                     {{"my", " \t "}},                       "my:\n",             "my"                     },
    {"blanks at both ends and within",  {{"my", "  a   b \t c  "}},             "my:a b c\n",        "my"                     },
    {"more than one line",              {{"my", "a\n  b\r\n\tc"}},              "my:a b c\n",        "my"                     },
    {"blanks in quotes too",            {{"my", "\"a   b\""}},                  "my:\"a b\"\n",      "my"                     },
    {"commas stay",                     {{"my", "a, b"}, {"my", "c"}},          "my:a, b,c\n",       "my"                     },
    {"UTF-8 stays",                     {{"my", "\xE1\x88\xB4"}},               "my:\xE1\x88\xB4\n", "my"                     },
    {"what changes on the way",
     {{"User-Agent", "u"},
      {"host", "h"},
      {"EXPECT", "e"},
      {"X-Amzn-Trace-Id", "t"},
      {"connection", "c"}},
     "host:h\n",                                                                                     "host"                   },
    {"an underscore sorts by its byte",
     {{"a_b", "1"}, {"aZb", "2"}, {"a-b", "3"}},
     "a-b:3\na_b:1\nazb:2\n",                                                                        "a-b;a_b;azb"            },
};

static void check_headers(void **state)
{
    const struct header_case *c = *state;
    struct err err = {0};
    size_t count = 0;
    struct buf lines = {.max_bytes = 1000};
    struct buf names = {.max_bytes = 1000};

    while (count < ARRAY_LEN(c->headers) && c->headers[count].name != NULL) {
        count++;
    }
    assert_true(canonical_headers(&lines, &names, c->headers, count, &err));
    assert_string_equal(buf_str(&lines), c->want_lines);
    assert_string_equal(buf_str(&names), c->want_names);
    buf_free(&lines);
    buf_free(&names);
}

static void names_are_compared_as_ascii(void **state)
{
    assert_true(same_header("X-Amz-Date", "x-aMZ-dATE"));
    assert_false(same_header("host", "hos"));
    assert_false(same_header("hos", "host"));
    assert_false(same_header("a[", "a{"));
    assert_false(same_header("\xC4", "\xE4"));
    (void)state;
}

static void a_text_does_not_move_and_ends_at_its_limit(void **state)
{
    struct buf b = {0};
    struct err err = {0};

    text_open(&b, 5000);
    const char *at = b.data;
    assert_non_null(at);
    assert_int_equal(b.len, 0);
    for (unsigned i = 0; i < 5000; i++) {
        buf_puts(&b, "x");
        assert_ptr_equal(b.data, at);
    }
    assert_true(buf_ok(&b, &err));
    buf_puts(&b, "x");
    assert_false(buf_ok(&b, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    text_free(&b);
    text_free(&b);
    text_free(NULL);
    text_open(&b, 0);
    assert_true(buf_ok(&b, &err));
    text_free(&b);
    (void)state;
}

/* The caller's limit is kept, as an error. */
static void a_full_buffer_is_an_error(void **state)
{
    static const struct http_header header = {"my", "a value"};
    struct err err = {0};
    struct buf small;
    struct buf other;

    buf_init(&small, 5);
    assert_false(canonical_query(&small, "a=1&b=2", &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    buf_init(&small, 5);
    buf_init(&other, 5);
    assert_false(canonical_headers(&small, &other, &header, 1, &err));
    buf_free(&other);
    buf_init(&small, 5);
    canonical_path(&small, "/a/long/path", PATH_NORMALISED);
    assert_false(buf_ok(&small, &err));
    (void)state;
}

#define CASES(rows, check) rows, sizeof((rows)[0]), ARRAY_LEN(rows), check

/* Each row begins with its name. */
static size_t add_cases(struct CMUnitTest *tests, size_t count, void *rows, size_t size, size_t n,
                        CMUnitTestFunction check)
{
    for (size_t i = 0; i < n; i++) {
        void *row = (char *)rows + i * size;
        tests[count++] = (struct CMUnitTest){
            .name = *(const char *const *)row, .test_func = check, .initial_state = row};
    }
    return count;
}

int main(void)
{
    struct CMUnitTest
        tests[ARRAY_LEN(path_cases) + ARRAY_LEN(query_cases) + ARRAY_LEN(header_cases) + 3];
    size_t count = add_cases(tests, 0, CASES(path_cases, check_path));

    count = add_cases(tests, count, CASES(query_cases, check_query));
    count = add_cases(tests, count, CASES(header_cases, check_headers));
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(names_are_compared_as_ascii);
    tests[count++] =
        (struct CMUnitTest)cmocka_unit_test(a_text_does_not_move_and_ends_at_its_limit);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_full_buffer_is_an_error);
    return cmocka_run_group_tests_name("canonical", tests, NULL, NULL);
}
