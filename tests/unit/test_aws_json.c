/* aws/json: fields as the services' readers take them, and nothing of a value in an error. */
#include "unit.h"

#include "aws/http.h"
#include "aws/json.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *text)
{
    json_t *root = NULL;
    struct err err = {0};

    if (!aws_json_parse(text, strlen(text), &root, &err)) {
        fail_msg("%s", err.msg);
    }
    return root;
}

static void what_is_no_object_is_no_answer(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "[]",
        "\"sesame\"",
        "7",
        "{",
        "{}x",
        "{\"a\":sesame}",
        "{\"a\":1,\"a\":2}",
        "{'a':1}",
        "{\"\xff\":1}",
        "{\"a\":01}",
        "\xef\xbb\xbf{}",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_t *root = NULL;
        struct err err = {0};
        assert_false(aws_json_parse(texts[i], strlen(texts[i]), &root, &err));
        assert_int_equal(err.kind, ERR_TRANSIENT);
        assert_null(root);
        assert_null(strstr(err.msg, "sesame"));
    }
}

static void size_and_depth_have_limits(void **state)
{
    char *text = malloc(HTTP_REPLY_MAX + 1);
    json_t *root = NULL;
    struct err err = {0};
    (void)state;

    assert_non_null(text);
    memset(text, ' ', HTTP_REPLY_MAX + 1);
    text[0] = '{';
    text[1] = '}';
    assert_true(aws_json_parse(text, HTTP_REPLY_MAX, &root, &err));
    aws_json_free(&root);
    assert_false(aws_json_parse(text, HTTP_REPLY_MAX + 1, &root, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    (void)snprintf(text, HTTP_REPLY_MAX, "{\"a\":");
    memset(text + strlen(text), '[', HTTP_REPLY_MAX - 5);
    assert_false(aws_json_parse(text, HTTP_REPLY_MAX, &root, &err));
    assert_null(root);
    free(text);
}

static void texts_are_read(void **state)
{
    CLEANUP(aws_json_free)
    json_t *root = parsed("{\"a\":\"abc\",\"n\":null,\"i\":7,\"z\":\"a\\u0000b\",\"e\":\"\"}");
    char out[4] = "old";
    struct err err = {0};
    (void)state;

    assert_true(aws_json_text(root, "a", out, sizeof out, &err));
    assert_string_equal(out, "abc");
    assert_false(aws_json_text(root, "a", out, 3, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_false(aws_json_text(root, "i", out, sizeof out, &err));
    assert_false(aws_json_text(root, "z", out, sizeof out, &err));
    assert_string_equal(out, "abc");
    assert_true(aws_json_text(root, "n", out, sizeof out, &err));
    assert_string_equal(out, "");
    assert_true(aws_json_text(root, "none", out, sizeof out, &err));
    assert_true(aws_json_text(NULL, "a", out, sizeof out, &err));
    assert_string_equal(out, "");
}

static void secrets_and_flags_are_read(void **state)
{
    CLEANUP(aws_json_free)
    json_t *root = parsed("{\"s\":\"a\\u0000b\",\"e\":\"\",\"b\":\"AGE=\",\"bad\":\"sesame\","
                          "\"t\":true,\"f\":false,\"n\":null}");
    CLEANUP(secret_free) struct secret out = {0};
    struct err err = {0};
    bool found = false;
    bool flag = false;
    (void)state;

    assert_true(aws_json_secret(root, "s", &out, &found, &err));
    assert_true(found);
    assert_int_equal(out.len, 3);
    assert_true(aws_json_base64(root, "b", &out, NULL, &err));
    assert_int_equal(out.len, 2);
    assert_false(aws_json_base64(root, "bad", &out, &found, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_null(strstr(err.msg, "sesame"));
    assert_int_equal(out.len, 2);
    assert_true(aws_json_secret(root, "e", &out, &found, &err));
    assert_true(found);
    assert_int_equal(out.len, 0);
    assert_true(aws_json_secret(root, "n", &out, &found, &err));
    assert_false(found);
    assert_false(aws_json_secret(root, "t", &out, &found, &err));

    assert_true(aws_json_flag(root, "t", &flag, &err));
    assert_true(flag);
    assert_false(aws_json_flag(root, "s", &flag, &err));
    assert_true(flag);
    assert_true(aws_json_flag(root, "f", &flag, &err));
    assert_false(flag);
    flag = true;
    assert_true(aws_json_flag(root, "none", &flag, &err));
    assert_false(flag);
}

static void objects_are_written(void **state)
{
    CLEANUP(aws_json_free) json_t *object = json_object();
    CLEANUP(secret_free) struct secret out = {0};
    struct err err = {0};
    (void)state;

    assert_true(aws_json_put(object, "a", "x\"y\n", &err));
    assert_true(aws_json_put(object, "b", NULL, &err));
    assert_false(aws_json_put(object, "c", "\xff", &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_true(aws_json_write(object, &out, &err));
    assert_string_equal(secret_reveal(&out), "{\"a\":\"x\\\"y\\n\"}");
    assert_false(aws_json_write(NULL, &out, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_object_is_no_answer),
        cmocka_unit_test(size_and_depth_have_limits),
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(secrets_and_flags_are_read),
        cmocka_unit_test(objects_are_written),
    };
    return cmocka_run_group_tests_name("aws_json", tests, NULL, NULL);
}
