/* log: what each call puts on stderr, on a file and on a terminal. */

/* For posix_openpt. */
#define _XOPEN_SOURCE 700 /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "unit.h"

#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_MAX 100000

static char output[OUTPUT_MAX];

/* Runs say with stderr going to fd, and puts the real one back. */
static void run_with_stderr(int fd, void (*say)(void))
{
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    say();
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
}

static const char *said_to_file(void (*say)(void))
{
    FILE *file = tmpfile();
    assert_non_null(file);
    run_with_stderr(fileno(file), say);
    rewind(file);
    size_t len = fread(output, 1, sizeof output - 1, file);
    output[len] = '\0';
    (void)fclose(file);
    return output;
}

#define PIECE_WAIT_MS 100

/* The terminal turns \n into \r\n; nothing else is changed. */
static const char *said_to_terminal(void (*say)(void))
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) {
        print_message("skipped: no pseudo-terminals on this machine\n");
        skip();
    }
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    const char *name = ptsname(master); /* NOLINT(concurrency-mt-unsafe): one thread */
    assert_non_null(name);
    int terminal = open(name, O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    run_with_stderr(terminal, say);
    /* A terminal may hand its bytes over in pieces. */
    size_t len = 0;
    struct pollfd p = {.fd = master, .events = POLLIN};
    while (len + 1 < sizeof output && poll(&p, 1, PIECE_WAIT_MS) > 0) {
        ssize_t n = read(master, output + len, sizeof output - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    output[len] = '\0';
    (void)close(terminal);
    (void)close(master);
    return output;
}

static void say_at_every_level(void)
{
    log_error("e %d", 1);
    log_warning("w");
    log_info("i");
    log_debug("d");
}

struct level_case {
    const char *name;
    enum log_level level;
    const char *want;
};

static struct level_case level_cases[] = {
    {"errors",   LOG_ERROR,   "sluice: error: e 1\n"                                                 },
    {"warnings", LOG_WARNING, "sluice: error: e 1\nsluice: warning: w\n"                             },
    {"info",     LOG_INFO,    "sluice: error: e 1\nsluice: warning: w\nsluice: i\n"                  },
    {"debug",    LOG_DEBUG,   "sluice: error: e 1\nsluice: warning: w\nsluice: i\nsluice: debug: d\n"},
};

static void check_level(void **state)
{
    const struct level_case *c = *state;

    log_open(c->level, LOG_TEXT);
    assert_string_equal(said_to_file(say_at_every_level), c->want);
}

struct escape_case {
    const char *name;
    const char *message;
    const char *text;
    const char *json;
};

static struct escape_case escape_cases[] = {
    {"plain text",              "a b",              "a b",                  "a b"                         },
    {"a quote and a backslash", "\"\\",             "\"\\",                 "\\\"\\\\"                    },
    {"newline and tab",         "a\nb\tc",          "a\\nb\\tc",            "a\\nb\\tc"                   },
    {"an escape sequence",      "\033[2J",          "\\x1b[2J",             "\\u001b[2J"                  },
    {"delete",                  "\x7f",             "\\x7f",                "\\u007f"                     },
    {"umlaut",                  "\xc3\xa4",         "\xc3\xa4",             "\xc3\xa4"                    },
    {"euro",                    "\xe2\x82\xac",     "\xe2\x82\xac",         "\xe2\x82\xac"                },
    {"emoji",                   "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80",     "\xf0\x9f\x98\x80"            },
    {"C1 control in UTF-8",     "\xc2\x9b",         "\\xc2\\x9b",           "\\u00c2\\u009b"              },
    {"Latin-1",                 "\xe4x",            "\\xe4x",               "\\u00e4x"                    },
    {"a character cut short",   "\xe2\x82",         "\\xe2\\x82",           "\\u00e2\\u0082"              },
    {"overlong",                "\xe0\x80\x80",     "\\xe0\\x80\\x80",      "\\u00e0\\u0080\\u0080"       },
    {"overlong in two bytes",   "\xc0\xaf",         "\\xc0\\xaf",           "\\u00c0\\u00af"              },
    {"surrogate",               "\xed\xa0\x80",     "\\xed\\xa0\\x80",      "\\u00ed\\u00a0\\u0080"       },
    {"beyond Unicode",          "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\u00f4\\u0090\\u0080\\u0080"},
};

static const char *message; /* what say_message is to say */

static void say_message(void)
{
    log_warning("%s", message);
}

static void check_escape(void **state)
{
    const struct escape_case *c = *state;
    char want[200];
    message = c->message;

    log_open(LOG_INFO, LOG_TEXT);
    (void)snprintf(want, sizeof want, "sluice: warning: %s\n", c->text);
    assert_string_equal(said_to_file(say_message), want);

    log_open(LOG_INFO, LOG_JSON);
    (void)snprintf(want, sizeof want, "\", \"level\": \"warning\", \"message\": \"%s\"}\n",
                   c->json);
    const char *line = said_to_file(say_message);
    assert_memory_equal(line, "{\"time\": \"20", 12);
    assert_string_equal(strchr(line, 'Z') + 1, want);
}

static char long_text[20000];

static void say_too_much(void)
{
    log_error("%s", long_text);
    log_plain(long_text);
}

static void cuts_what_is_too_long(void **state)
{
    (void)state;
    memset(long_text, '\1', sizeof long_text - 1);
    log_open(LOG_INFO, LOG_JSON);

    const char *said = said_to_file(say_too_much);
    const char *second = strchr(said, '\n');
    assert_non_null(second);
    assert_memory_equal(second - 5, "...\"}\n", 6);
    assert_int_equal(said[strlen(said) - 1], '\n');
    assert_int_equal(strlen(second + 1), (size_t)8191 * 4 + 1);
}

static void say_with_status(void)
{
    log_status("12 %");
    log_info("a line");
    log_status("13 %");
    log_status("");
    log_plain("end");
}

static void a_terminal_has_a_live_line(void **state)
{
    (void)state;
    log_open(LOG_INFO, LOG_TEXT);
    assert_string_equal(said_to_terminal(say_with_status), "12 %"
                                                           "\r\033[Ksluice: a line\r\n12 %"
                                                           "\r\033[K13 %"
                                                           "\r\033[K"
                                                           "end\r\n");
}

static void a_file_has_none(void **state)
{
    (void)state;
    log_open(LOG_INFO, LOG_TEXT);
    assert_string_equal(said_to_file(say_with_status), "sluice: a line\nend\n");
}

static void *say_often(void *letter)
{
    for (int i = 0; i < 200; i++) {
        log_info("%s", (const char *)letter);
    }
    return NULL;
}

static void say_from_two_threads(void)
{
    static char a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static char b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, say_often, a), 0);
    (void)say_often(b);
    assert_int_equal(pthread_join(other, NULL), 0);
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    size_t lines = 0;
    log_open(LOG_INFO, LOG_TEXT);

    const char *at = said_to_file(say_from_two_threads);
    while (*at != '\0') {
        assert_memory_equal(at, "sluice: ", 8);
        assert_int_equal(strspn(at + 8, at[8] == 'a' ? "a" : "b"), 42);
        assert_int_equal(at[50], '\n');
        at += 51;
        lines++;
    }
    assert_int_equal(lines, 400);
}

static struct CMUnitTest row(const char *name, CMUnitTestFunction check, void *c)
{
    return (struct CMUnitTest){.name = name, .test_func = check, .initial_state = c};
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(level_cases) + ARRAY_LEN(escape_cases) + 4];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(level_cases); i++) {
        tests[count++] = row(level_cases[i].name, check_level, &level_cases[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(escape_cases); i++) {
        tests[count++] = row(escape_cases[i].name, check_escape, &escape_cases[i]);
    }
    tests[count++] = row("cuts what is too long", cuts_what_is_too_long, NULL);
    tests[count++] = row("a terminal has a live line", a_terminal_has_a_live_line, NULL);
    tests[count++] = row("a file has none", a_file_has_none, NULL);
    tests[count++] = row("lines of threads do not mix", lines_of_threads_do_not_mix, NULL);
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
