/* aws_whoami: one answer, for people and for machines. */
#include "unit.h"

#include "cli/aws_whoami.h"

#include <jansson.h>
#include <string.h>

#define NOW_S 1700000000 /* 2023-11-14T22:13:20Z */

static struct whoami somebody(void)
{
    return (struct whoami){.arn = "arn:aws:iam::111122223333:user/anna",
                           .account = "111122223333",
                           .user_id = "AIDAEXAMPLE",
                           .credentials = "profile \"dev\"",
                           .now_s = NOW_S,
                           .region = "eu-west-1",
                           .endpoint = "https://sts.eu-west-1.amazonaws.com"};
}

static void text_for_people(void **state)
{
    static const struct {
        int64_t expires_s, skew_s;
        const char *region, *want;
    } rows[] = {
        {0,            0,   "eu-west-1", "\nexpires      never: long-term keys\n"                   },
        {NOW_S + 5400, 0,   "eu-west-1", "\nexpires      2023-11-14T23:43:20Z (in 1 h 30 min)\n"    },
        {NOW_S - 90,   0,   "eu-west-1", "\nexpires      2023-11-14T22:11:50Z (1 min 30 s ago)\n"   },
        {0,            0,   "",          "\nregion       not set ("                                 },
        {0,            0,   "eu-west-1", "\nclock        agrees with AWS's"                         },
        {0,            600, "eu-west-1", "\nclock        this machine's is 10 min 00 s behind AWS's"},
        {0,            -90, "eu-west-1", "is 1 min 30 s ahead of AWS's; "                           },
        {0,            0,   "eu-west-1", "\ncredentials  profile \"dev\"\n"                         },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct whoami w = somebody();
        struct buf out;
        w.expires_s = rows[i].expires_s;
        w.skew_s = rows[i].skew_s;
        w.region = rows[i].region;
        buf_init(&out, 10000);
        whoami_text(&w, &out);
        if (strstr(buf_str(&out), rows[i].want) == NULL) {
            fail_msg("\"%s\" is not in:\n%s", rows[i].want, buf_str(&out));
        }
        buf_free(&out);
    }
}

static json_t *json_of(const struct whoami *w)
{
    struct buf out;
    struct err err = {.kind = ERR_NONE};
    buf_init(&out, 10000);
    assert_true(whoami_json(w, &out, &err));
    json_t *root = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(root);
    buf_free(&out);
    return root;
}

static void json_for_machines(void **state)
{
    struct whoami w = somebody();
    (void)state;
    w.expires_s = NOW_S + 60;
    w.skew_s = -7;
    json_t *root = json_of(&w);
    assert_string_equal(json_string_value(json_object_get(root, "credentials")), "profile \"dev\"");
    assert_string_equal(json_string_value(json_object_get(root, "expires")),
                        "2023-11-14T22:14:20Z");
    assert_int_equal(json_integer_value(json_object_get(root, "expires_in_s")), 60);
    assert_int_equal(json_integer_value(json_object_get(root, "clock_behind_s")), -7);
    json_decref(root);
}

static void what_is_not_known_is_null(void **state)
{
    struct whoami w = somebody();
    (void)state;
    w.region = "";
    json_t *root = json_of(&w);
    assert_true(json_is_null(json_object_get(root, "expires")));
    assert_true(json_is_null(json_object_get(root, "expires_in_s")));
    assert_true(json_is_null(json_object_get(root, "region")));
    assert_string_equal(json_string_value(json_object_get(root, "account")), "111122223333");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_for_people),
        cmocka_unit_test(json_for_machines),
        cmocka_unit_test(what_is_not_known_is_null),
    };

    return cmocka_run_group_tests_name("aws_whoami", tests, NULL, NULL);
}
