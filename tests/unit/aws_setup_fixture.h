/* aws_setup_fixture.h: options as the parser would leave them, and looks into the files made. */
#ifndef TESTS_AWS_SETUP_FIXTURE_H
#define TESTS_AWS_SETUP_FIXTURE_H

#include "tests/unit/unit.h"

#include "cli/aws_setup_facts.h"
#include "cli/aws_setup_files.h"

#include <stdbool.h>
#include <string.h>

#define CLUSTER_HOST "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
#define SECRET_ARN   "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/reader-AbCdEf"
#define KEY_ARN      "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define ROLE_ARN     "arn:aws:iam::444455556666:role/team/sluice-reader"

/* What a test gives, as the option parser would. */
struct bench {
    struct spec spec;
    struct setup_facts facts;
    struct setup_files files;
};

static inline void set(char **slot, const char *text)
{
    struct err err;
    assert_true(setup_set(slot, text, &err));
}

static inline void open_bench(struct bench *b, const char *source, const char *destination)
{
    struct err err;

    static char ledger_schema[] = "sluice";
    *b = (struct bench){.spec = {.ledger_schema = ledger_schema}};
    assert_true(secret_set(&b->spec.source, source, &err));
    assert_true(secret_set(&b->spec.destination, destination, &err));
}

static inline void read_facts(struct bench *b)
{
    struct err err = {.kind = ERR_NONE};
    if (!setup_facts_read(&b->spec, &b->facts, &err)) {
        fail_msg("%s", err.msg);
    }
}

static inline void fill_facts(struct bench *b, const char *why)
{
    struct err err = {.kind = ERR_NONE};
    assert_true(setup_facts_fill(&b->facts, why, &err));
}

/* The caller is known. */
static inline void know_caller(struct bench *b)
{
    struct err err;
    set(&b->facts.partition, "aws");
    set(&b->facts.account, "111122223333");
    assert_true(
        setup_set_principal(&b->facts, "arn:aws:sts::111122223333:assumed-role/loader/i-0", &err));
}

static inline void make_files(struct bench *b)
{
    struct err err = {.kind = ERR_NONE};
    if (!setup_files_make(&b->facts, &b->files, &err)) {
        fail_msg("%s", err.msg);
    }
}

static inline void close_bench(struct bench *b)
{
    setup_files_free(&b->files);
    setup_facts_free(&b->facts);
    secret_free(&b->spec.source);
    secret_free(&b->spec.destination);
}

static inline const char *text_of(const struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->files.count; i++) {
        if (strcmp(b->files.items[i].name, name) == 0) {
            return buf_str(&b->files.items[i].text);
        }
    }
    return NULL;
}

static inline void assert_has(const char *text, const char *part)
{
    assert_non_null(text);
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

#endif
