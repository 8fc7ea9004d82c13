/* options_line.h: a command line as one text, split at '|' into words, so that words may hold
 * spaces. */
#ifndef TESTS_OPTIONS_LINE_H
#define TESTS_OPTIONS_LINE_H

#include "tests/unit/unit.h"

#include "cli/options.h"
#include "cli/options_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24
#define SERVERS   "--source|s|--destination|d|"

struct parsed {
    char text[1024]; /* the words, which the parser may overwrite */
    char *words[WORDS_MAX];
    int count;
    enum options_verdict verdict;
    struct spec spec;
    struct err err;
    bool ok;
};

static inline void parse(struct parsed *p, const char *line)
{
    *p = (struct parsed){.verdict = OPTIONS_RUN};
    assert_in_range(snprintf(p->text, sizeof(p->text), "%s", line), 0, sizeof(p->text) - 1);
    for (char *at = *line == '\0' ? NULL : p->text; at != NULL;) {
        char *end = strchr(at, '|');
        assert_in_range(p->count, 0, WORDS_MAX - 1);
        p->words[p->count++] = at;
        if (end != NULL) {
            *end++ = '\0';
        }
        at = end;
    }
    p->ok = options_parse(FOR_LOAD, p->count, p->words, &p->verdict, &p->spec, &p->err);
    if (!p->ok) {
        assert_int_not_equal(p->err.kind, ERR_NONE);
    }
}

static inline void parse_good(struct parsed *p, const char *line)
{
    parse(p, line);
    if (!p->ok) {
        fail_msg("%s: %s", line, p->err.msg);
    }
}

/* NULL takes the variable away. */
static inline void put_variable(const char *name, const char *value)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a unit test has one thread. */
    int rc = value == NULL ? unsetenv(name) : setenv(name, value, 1);
    assert_int_equal(rc, 0);
}

static inline int clear_environment(void **state)
{
    for (size_t i = 0; i < options_count(); i++) {
        if (option_at(i)->variable != NULL) {
            put_variable(option_at(i)->variable, NULL);
        }
    }
    (void)state;
    return 0;
}

#endif
