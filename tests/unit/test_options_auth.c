/* The options that say how a side logs in, and which of them go together. */
#include "tests/unit/options_line.h"

static bool parse_for(enum option_command command, struct parsed *p, const char *line)
{
    parse(p, "--help"); /* lays out nothing of its own */
    spec_free(&p->spec);
    *p = (struct parsed){.verdict = OPTIONS_RUN};
    (void)snprintf(p->text, sizeof p->text, "%s", line);
    for (char *at = *line == '\0' ? NULL : p->text; at != NULL;) {
        char *end = strchr(at, '|');
        p->words[p->count++] = at;
        if (end != NULL) {
            *end++ = '\0';
        }
        at = end;
    }
    p->ok = options_parse(command, p->count, p->words, &p->verdict, &p->spec, &p->err);
    return p->ok;
}

static void each_side_has_its_own(void **state)
{
    struct parsed p;
    parse_good(&p,
               "--source|s|--source-secret|a|--destination-iam|--destination-role-arn|"
               "arn:aws:iam::1:role/r|--destination-external-id|x|--destination-session-tag|k=v=w");
    assert_string_equal(p.spec.source_auth.secret, "a");
    assert_null(p.spec.destination_auth.secret);
    assert_true(p.spec.destination_auth.iam);
    assert_false(p.spec.source_auth.iam);
    assert_string_equal(p.spec.destination_auth.external_id, "x");
    assert_string_equal(p.spec.destination_auth.tags.items[0], "k=v=w");
    spec_free(&p.spec);
    parse_good(&p,
               "--source|s|--source-region|eu-west-1|--kms-context|a=b|--source-kms-context|c=d|"
               "--source-password-kms|f");
    assert_string_equal(p.spec.source_auth.region, "eu-west-1");
    assert_int_equal(p.spec.source_auth.context.count, 2);
    assert_int_equal(p.spec.destination_auth.context.count, 1);
    spec_free(&p.spec);
    (void)state;
}

struct bad_line {
    const char *line;
    const char *needle;
};

static void what_cannot_be(void **state)
{
    static const struct bad_line cases[] = {
        {"--source|s|--source-secret|a|--source-password-kms|f", "leave one out"             },
        {"--source|s|--source-iam|--source-password-kms|f",      "needs no password"         },
        {"--source|s|--source-iam-host|h",                       "add --source-iam"          },
        {"--source|s|--destination-external-id|x",               "add --destination-role-arn"},
        {"--source|s|--source-session-tag|a=b",                  "add --source-role-arn"     },
        {"--source|s|--source-session-tag|=b",                   "not KEY=VALUE"             },
        {"--source|s|--source-session-tag|ab",                   "not KEY=VALUE"             },
        {"--source|s|--source-role-arn|admin",                   "not a role's ARN"          },
        {"--source|s|--source-region|Europe",                    "not a Region"              },
        {"--source|s|--source-secret|",                          "the value is empty"        },
        {"--source|s|--source-secret|a\x01",                     "control character"         },
        {"--source|s|--kms-context|a=b",                         "add --source-password-kms" },
        {"--source|s|--host|h",                                  "unknown option --host"     },
        {"--source|s|--json",                                    "unknown option --json"     },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        if (p.ok || p.err.kind != ERR_USAGE || strstr(p.err.msg, cases[i].needle) == NULL) {
            fail_msg("%s: %s", cases[i].line, p.ok ? "was taken" : p.err.msg);
        }
        spec_free(&p.spec);
    }
    (void)state;
}

static void the_aws_commands_have_theirs(void **state)
{
    struct parsed p;
    assert_true(parse_for(FOR_AWS_TOKEN, &p, "--host|h|--user|u|--port|6000|--region|cn-north-1"));
    assert_string_equal(p.spec.aws.host, "h");
    assert_int_equal(p.spec.aws.port, 6000);
    assert_string_equal(p.spec.aws.auth.region, "cn-north-1");
    spec_free(&p.spec);
    assert_true(parse_for(FOR_AWS_TOKEN, &p, "--host|h|--user|u"));
    assert_int_equal(p.spec.aws.port, 5432);
    spec_free(&p.spec);
    assert_false(parse_for(FOR_AWS_TOKEN, &p, "--host|h"));
    spec_free(&p.spec);
    assert_false(parse_for(FOR_AWS_TOKEN, &p, "--host|h|--user|u|--port|70000"));
    spec_free(&p.spec);
    assert_false(parse_for(FOR_AWS_TOKEN, &p, "--host|h|--user|u|--jobs|3"));
    spec_free(&p.spec);
    assert_false(parse_for(FOR_AWS_WHOAMI, &p, "--session-tag|a=b"));
    spec_free(&p.spec);
    assert_true(parse_for(FOR_AWS_WHOAMI, &p, "--json"));
    assert_true(p.spec.json);
    spec_free(&p.spec);
    assert_true(parse_for(FOR_AWS_SETUP, &p, "--out|dir|--aws-utility"));
    assert_string_equal(p.spec.aws.out, "dir");
    assert_true(p.spec.aws.utility);
    spec_free(&p.spec);
    assert_true(parse_for(FOR_CHECK, &p, "--source|s|--json|-j|8|-t|x"));
    spec_free(&p.spec);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_side_has_its_own, clear_environment),
        cmocka_unit_test_setup(what_cannot_be, clear_environment),
        cmocka_unit_test_setup(the_aws_commands_have_theirs, clear_environment),
    };
    return cmocka_run_group_tests_name("options_auth", tests, clear_environment, NULL);
}
