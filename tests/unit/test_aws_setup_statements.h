/* test_aws_setup_statements.h: looks into the policies that "aws setup" makes. */
#ifndef TESTS_TEST_AWS_SETUP_STATEMENTS_H
#define TESTS_TEST_AWS_SETUP_STATEMENTS_H

#include "aws_setup_fixture.h"

#include <jansson.h>
#include <stdbool.h>

/* The caller is known; nothing else is asked of AWS. */
static inline void read_as_loader(struct bench *b)
{
    read_facts(b);
    know_caller(b);
}

static inline void fill_and_make(struct bench *b)
{
    fill_facts(b, "");
    make_files(b);
}

/* The statements of a policy file; the caller gives them back. */
static inline json_t *statements_of(const struct bench *b, const char *name)
{
    json_error_t why;
    const char *text = text_of(b, name);
    assert_non_null(text);
    json_t *root = json_loads(text, 0, &why);
    assert_non_null(root);
    if (json_is_array(root)) {
        return root;
    }
    assert_string_equal(json_string_value(json_object_get(root, "Version")), "2012-10-17");
    json_t *list = json_incref(json_object_get(root, "Statement"));
    json_decref(root);
    assert_true(json_array_size(list) > 0);
    return list;
}

static inline json_t *statement(json_t *list, const char *sid)
{
    size_t i = 0;
    json_t *s = NULL;
    json_array_foreach(list, i, s)
    {
        if (strcmp(json_string_value(json_object_get(s, "Sid")), sid) == 0) {
            assert_string_equal(json_string_value(json_object_get(s, "Effect")), "Allow");
            return s;
        }
    }
    return NULL;
}

/* "Condition/StringEquals/..." would not do: condition keys have slashes in them. */
static inline const char *condition(json_t *s, const char *how, const char *key)
{
    json_t *c = json_object_get(json_object_get(s, "Condition"), how);
    return json_string_value(json_object_get(c, key));
}

static inline bool has_word(json_t *s, const char *key, const char *word)
{
    json_t *list = json_object_get(s, key);
    size_t i = 0;
    json_t *item = NULL;
    if (json_is_string(list)) {
        return strcmp(json_string_value(list), word) == 0;
    }
    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), word) == 0) {
            return true;
        }
    }
    return false;
}

/* The one that know_caller knows, and nobody else. */
static inline void assert_is_for_loader(json_t *s)
{
    assert_string_equal(json_string_value(json_object_get(json_object_get(s, "Principal"), "AWS")),
                        "arn:aws:iam::111122223333:role/loader");
}

#endif
