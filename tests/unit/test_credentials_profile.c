/* How a profile is planned: the published vectors for chains of roles, and what they leave open. */
#include "aws_fixture.h"

#include "aws/credentials_profile.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define VECTORS  "tests/vectors/aws-config/assume-role-tests.json"
#define TEXT_MAX 8192

/* What the vectors' errors, which are another program's words, are here. ERR_NONE: no error, but a
 * profile without credentials, after which the default chain goes on. */
static const struct {
    const char *theirs;
    enum err_kind kind;
    const char *ours;
} errors[] = {
    {"profile must contain `source_profile`",                                                       ERR_USAGE,
     "profile A has a role_arn but neither source_profile nor"                                                                                                 },
    {"profile contained both source_profile and credential_source",                                 ERR_USAGE,
     "profile A has both source_profile and credential_source"                                                                                                 },
    {"profile missing aws_secret_access_key",                                                       ERR_USAGE,
     "profile B has aws_access_key_id but no aws_secret_access_key"                                                                                            },
    {"profile missing aws_access_key_id",                                                           ERR_USAGE,
     "profile B has aws_secret_access_key but no aws_access_key_id"                                                                                            },
    {"profile `B` did not contain credential information",                                          ERR_USAGE,
     "profile B, the source_profile of A, has no credentials"                                                                                                  },
    {"profile `A` did not contain credential information",                                          ERR_NONE,  ""                                              },
    {"could not find source profile B referenced from A",                                           ERR_USAGE,
     "there is no profile B, the source_profile of A"                                                                                                          },
    {"No profiles were defined",                                                                    ERR_NONE,  ""                                              },
    {"profile formed an infinite loop",                                                             ERR_USAGE, "profile A: its source profiles form a circle"  },
    {"`role_arn` was missing",                                                                      ERR_USAGE,
     "profile A has a web_identity_token_file but no role_arn"                                                                                                 },
 /* IAM Identity Center is refused, whether its settings are complete or not. */
    {"if `sso_role_name` is set, then `sso_account_id` must also be set",                           ERR_USAGE,
     "profile A signs in through IAM Identity Center"                                                                                                          },
    {"if `sso_account_id` is set, then `sso_role_name` must also be set",                           ERR_USAGE,
     "profile A signs in through IAM Identity Center"                                                                                                          },
    {"`sso_region` can only be specified in the [sso-session] config when a session name is given",
     ERR_USAGE,                                                                                                "profile A signs in through IAM Identity Center"},
    {"sso-session named `oops` (referenced by profile `A`) was not found",                          ERR_USAGE,
     "profile A signs in through IAM Identity Center"                                                                                                          },
};
#define SSO_WORDS "profile A signs in through IAM Identity Center (sso_"

/* ---- a plan as text ---- */

static void say(struct buf *out, const char *what, const char *name)
{
    if (what != NULL) {
        buf_printf(out, " %s=%s", name, what);
    }
}

static void say_base(const struct profile_plan *plan, struct buf *out)
{
    const struct profile_section *p = plan->base_profile;

    if (plan->base == PROFILE_KEYS) {
        buf_puts(out, "AccessKey");
        say(out, profile_value(p, "aws_access_key_id"), "access_key_id");
        say(out, profile_value(p, "aws_secret_access_key"), "secret_access_key");
        say(out, profile_value(p, "aws_account_id"), "account_id");
    } else if (plan->base == PROFILE_WEB_IDENTITY) {
        buf_puts(out, "WebIdentityToken");
        say(out, profile_value(p, "role_arn"), "role_arn");
        say(out, profile_value(p, "web_identity_token_file"), "web_identity_token_file");
        say(out, profile_value(p, "role_session_name"), "role_session_name");
    } else if (plan->base != PROFILE_NOTHING) {
        buf_printf(out, "NamedSource %s",
                   plan->base == PROFILE_ENVIRONMENT ? "Environment"
                   : plan->base == PROFILE_INSTANCE  ? "Ec2InstanceMetadata"
                                                     : "EcsContainer");
    }
    buf_puts(out, "\n");
}

static void say_plan(const struct profile_plan *plan, struct buf *out)
{
    say_base(plan, out);
    for (size_t i = 0; i < plan->role_count; i++) {
        struct aws_role role = {0};
        struct err err = {0};
        assert_true(profile_role(plan->roles[i], &role, &err));
        buf_puts(out, "AssumeRole");
        say(out, role.arn, "role_arn");
        say(out, role.session_name, "role_session_name");
        say(out, role.external_id, "external_id");
        buf_puts(out, "\n");
    }
}

static void say_step(const char *kind, json_t *step, struct buf *out)
{
    static const char *const members[] = {
        "access_key_id",           "secret_access_key", "account_id", "role_arn",
        "web_identity_token_file", "role_session_name", "external_id"};

    buf_puts(out, kind);
    if (json_is_string(step)) {
        buf_printf(out, " %s", json_string_value(step));
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        say(out, vector_text(step, members[i]), members[i]);
    }
    buf_puts(out, "\n");
}

static void say_wanted(json_t *chain, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(chain); i++) {
        const char *kind;
        json_t *step;
        json_object_foreach(json_array_get(chain, i), kind, step)
        {
            say_step(kind, step, out);
        }
    }
}

/* ---- the vectors ---- */

static void write_sections(json_t *sections, const char *kind, struct buf *out)
{
    const char *name;
    const char *key;
    json_t *section;
    json_t *text;

    json_object_foreach(sections, name, section)
    {
        buf_printf(out, "[%s %s]\n", kind, name);
        json_object_foreach(section, key, text)
        {
            buf_printf(out, "%s = %s\n", key, json_string_value(text));
        }
    }
}

static void read_config(struct profiles *profiles, const char *text)
{
    struct err err = {0};

    if (!profiles_read(profiles, PROFILE_CONFIG, "config", text, strlen(text), &err)) {
        fail_msg("%s", err.msg);
    }
}

static void check_error(const char *theirs, bool ok, const struct profile_plan *plan,
                        const struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (strcmp(errors[i].theirs, theirs) == 0) {
            assert_int_equal(ok ? ERR_NONE : err->kind, errors[i].kind);
            assert_non_null(strstr(err->msg, errors[i].ours));
            assert_true(!ok || plan->base == PROFILE_NOTHING);
            return;
        }
    }
    fail_msg("an error that the table does not know: %s", theirs);
}

static void check_chain(json_t *chain, bool ok, const struct profile_plan *plan,
                        const struct err *err)
{
    CLEANUP(buf_free) struct buf got = {0};
    CLEANUP(buf_free) struct buf wanted = {0};

    if (json_object_get(json_array_get(chain, 0), "Sso") != NULL) {
        assert_false(ok);
        assert_int_equal(err->kind, ERR_USAGE);
        assert_non_null(strstr(err->msg, SSO_WORDS));
        return;
    }
    if (!ok) {
        fail_msg("%s", err->msg);
    }
    buf_init(&got, TEXT_MAX);
    buf_init(&wanted, TEXT_MAX);
    say_plan(plan, &got);
    say_wanted(chain, &wanted);
    assert_string_equal(buf_str(&got), buf_str(&wanted));
}

static void check_vector(void **state)
{
    json_t *test = *state;
    json_t *input = json_object_get(test, "input");
    json_t *output = json_object_get(test, "output");
    CLEANUP(profiles_free) struct profiles profiles = {0};
    CLEANUP(buf_free) struct buf text = {0};
    struct profile_plan plan = {0};
    struct err err = {0};

    buf_init(&text, TEXT_MAX);
    write_sections(json_object_get(input, "profiles"), "profile", &text);
    write_sections(json_object_get(input, "sso_sessions"), "sso-session", &text);
    read_config(&profiles, buf_str(&text));
    bool ok = profile_plan_make(&profiles, vector_text(input, "selected_profile"), &plan, &err);
    if (vector_text(output, "Error") != NULL) {
        check_error(vector_text(output, "Error"), ok, &plan, &err);
    } else {
        check_chain(json_object_get(output, "ProfileChain"), ok, &plan, &err);
    }
}

/* ---- what they leave open ---- */

struct plan_row {
    const char *config;
    const char *wanted; /* the plan of profile a, or NULL */
    const char *error;  /* a part of the message of an ERR_USAGE */
};

static const struct plan_row plan_rows[] = {
    {"[profile a]\nrole_arn=r\ncredential_source=environment\n",
     "NamedSource Environment\nAssumeRole role_arn=r\n",                                                                                                                 NULL                                                                              },
    {"[profile a]\nrole_arn=r\ncredential_source=EcsContainer\n",
     "NamedSource EcsContainer\nAssumeRole role_arn=r\n",                                                                                                                NULL                                                                              },
    {"[profile a]\nrole_arn=r\ncredential_source=Ec2\n",                                       NULL,
     "profile a: credential_source is Environment, Ec2InstanceMetadata or EcsContainer, not "
     "\"Ec2\""                                                                                                                                                                                                                                             },
    {"[profile a]\nrole_arn=r\nsource_profile=a\n",                                            NULL,
     "profile a is its own source_profile but has no aws_access_key_id"                                                                                                                                                                                    },
    {"[profile a]\nrole_arn=r\nsource_profile=a\naws_access_key_id=x\n",                       NULL,
     "profile a is its own source_profile but has no aws_access_key_id"                                                                                                                                                                                    },
    {"[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=s\nsource_profile=b\n"
     "aws_access_key_id=x\naws_secret_access_key=y\n",                                    "AccessKey access_key_id=x secret_access_key=y\nAssumeRole role_arn=r\n", NULL                                                                              },
    {"[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=s\nsource_profile=c\n"
     "[profile c]\nrole_arn=t\nsource_profile=b\n",                                       NULL,                                                                     "profile a: its source profiles form a circle"                                    },
    {"[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=s\n"
     "aws_access_key_id=half\nsource_profile=c\n[profile c]\naws_access_key_id=x\n"
     "aws_secret_access_key=y\n",                                                         "AccessKey access_key_id=x secret_access_key=y\nAssumeRole role_arn=s\n"
     "AssumeRole role_arn=r\n",                                                                                                    NULL                                                                              },
 /* A token file wins over a source_profile, as in botocore. */
    {"[profile a]\nrole_arn=r\nsource_profile=b\nweb_identity_token_file=/t\n",
     "WebIdentityToken role_arn=r web_identity_token_file=/t\n",                                                                                                         NULL                                                                              },
    {"[profile a]\naws_access_key_id=x\n",                                                     NULL,
     "profile a has aws_access_key_id but no aws_secret_access_key"                                                                                                                                                                                        },
    {"[profile a]\naws_access_key_id=x\naws_secret_access_key=y\ncredential_process=/bin/p\n",
     "AccessKey access_key_id=x secret_access_key=y\n",                                                                                                                  NULL                                                                              },
    {"[profile b]\naws_access_key_id=x\n",                                                     "\n",                                                                     NULL                                                                              },

    {"[profile a]\ncredential_process=/bin/p --secret hidden\n",                               NULL,
     "profile a gets its keys from a program (credential_process), which is not supported"                                                                                                                                                                 },
    {"[profile a]\nrole_arn=r\nsource_profile=b\nmfa_serial=arn:aws:iam::1:mfa/x\n"
     "[profile b]\naws_access_key_id=x\naws_secret_access_key=y\n",                       NULL,                                                                     "profile a assumes its role with an MFA code (mfa_serial), which is not supported"},
    {"[profile a]\nlogin_session=arn:aws:iam::1:user/x\n",                                     NULL,
     "profile a signs in through the console (login_session), which is not supported"                                                                                                                                                                      },
    {"[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nsso_session=s\n",                NULL,
     "profile b signs in through IAM Identity Center (sso_session), which is not supported here; "
     "get keys first, as with \"aws configure export-credentials --profile b --format env\", and "
     "set them in the environment"                                                                                                                                                                                                                         },
    {"[profile a]\nsso_start_url=https://x\naws_access_key_id=x\naws_secret_access_key=y\n",   NULL,
     "profile a signs in through IAM Identity Center (sso_start_url)"                                                                                                                                                                                      },
};

static void check_row(const struct plan_row *row)
{
    CLEANUP(profiles_free) struct profiles profiles = {0};
    CLEANUP(buf_free) struct buf got = {0};
    struct profile_plan plan = {0};
    struct err err = {0};

    buf_init(&got, TEXT_MAX);
    read_config(&profiles, row->config);
    bool ok = profile_plan_make(&profiles, "a", &plan, &err);
    if (row->error == NULL) {
        assert_true(ok);
        say_plan(&plan, &got);
        assert_string_equal(buf_str(&got), row->wanted);
    } else {
        assert_false(ok);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, row->error));
        assert_null(strstr(err.msg, "hidden"));
    }
}

static void plans_beyond_the_vectors(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(plan_rows); i++) {
        check_row(&plan_rows[i]);
    }
    (void)state;
}

/* A row of count roles above a profile with keys. */
static bool plan_of(unsigned count, struct profile_plan *plan, struct err *err)
{
    CLEANUP(profiles_free) struct profiles profiles = {0};
    CLEANUP(buf_free) struct buf text = {0};

    buf_init(&text, TEXT_MAX);
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&text, "[profile p%u]\nrole_arn=r%u\nsource_profile=p%u\n", i, i, i + 1);
    }
    buf_printf(&text, "[profile p%u]\naws_access_key_id=x\naws_secret_access_key=y\n", count);
    read_config(&profiles, buf_str(&text));
    return profile_plan_make(&profiles, "p0", plan, err);
}

static void roles_in_a_row_are_limited(void **state)
{
    struct profile_plan plan = {0};
    struct err err = {0};

    assert_true(plan_of(PROFILE_ROLES_MAX, &plan, &err));
    assert_int_equal(plan.role_count, PROFILE_ROLES_MAX);
    plan = (struct profile_plan){.role_count = 77};
    assert_false(plan_of(PROFILE_ROLES_MAX + 1, &plan, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, "profile p0: more than 16 roles in a row"));
    assert_int_equal(plan.role_count, 77);
    (void)state;
}

static void keys_of_a_profile(void **state)
{
    CLEANUP(profiles_free) struct profiles profiles = {0};
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};
    struct profile_plan plan = {0};
    struct err err = {0};

    read_config(&profiles, "[profile a]\naws_access_key_id=AKID\naws_secret_access_key=s\n"
                           "aws_session_token=t\naws_account_id=123456789012\n"
                           "[profile b]\naws_access_key_id=AK ID\naws_secret_access_key=s\n");
    assert_true(profile_plan_make(&profiles, "a", &plan, &err));
    assert_true(profile_plan_keys(&plan, &got, &err));
    assert_string_equal(got.access_key_id, "AKID");
    assert_string_equal(secret_reveal(&got.secret_access_key), "s");
    assert_string_equal(secret_reveal(&got.session_token), "t");
    assert_string_equal(got.account_id, "123456789012");
    assert_string_equal(got.identity, "profile a");
    assert_int_equal(got.expires_s, 0);

    assert_true(profile_plan_make(&profiles, "b", &plan, &err));
    assert_false(profile_plan_keys(&plan, &got, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, "profile b"));
    assert_string_equal(got.access_key_id, "AKID");
    (void)state;
}

static void role_of_a_profile(void **state)
{
    static const char *const wrong[] = {"0", "43201", "1h", "-5", "3600s"};
    CLEANUP(profiles_free) struct profiles profiles = {0};
    struct aws_role role = {0};
    struct err err = {0};

    read_config(&profiles, "[profile a]\nrole_arn=r\nexternal_id=e\nrole_session_name=n\n"
                           "duration_seconds=900\n[profile b]\nrole_arn=r\n");
    assert_true(profile_role(profiles_find(&profiles, "profile", "a"), &role, &err));
    assert_string_equal(role.arn, "r");
    assert_string_equal(role.external_id, "e");
    assert_string_equal(role.session_name, "n");
    assert_int_equal(role.duration_s, 900);
    assert_true(profile_role(profiles_find(&profiles, "profile", "b"), &role, &err));
    assert_null(role.external_id);
    assert_null(role.session_name);
    assert_int_equal(role.duration_s, 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(profiles_free) struct profiles bad = {0};
        char text[100];
        (void)snprintf(text, sizeof(text), "[profile a]\nduration_seconds=%s\n", wrong[i]);
        read_config(&bad, text);
        assert_false(profile_role(profiles_find(&bad, "profile", "a"), &role, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.msg, "profile a: "));
    }
    (void)state;
}

static void each_error_of_the_table_is_in_the_vectors(void **state)
{
    json_t *cases = *state;

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        bool there = false;
        for (size_t at = 0; at < json_array_size(cases); at++) {
            json_t *output = json_object_get(json_array_get(cases, at), "output");
            const char *text = vector_text(output, "Error");
            there = there || (text != NULL && strcmp(text, errors[i].theirs) == 0);
        }
        assert_true(there);
    }
    assert_int_equal(json_array_size(cases), 28);
}

int main(void)
{
    CLEANUP(vectors_drop) json_t *cases = vectors_load(VECTORS);
    struct CMUnitTest tests[VECTORS_MAX] = {
        cmocka_unit_test(plans_beyond_the_vectors),
        cmocka_unit_test(roles_in_a_row_are_limited),
        cmocka_unit_test(keys_of_a_profile),
        cmocka_unit_test(role_of_a_profile),
        cmocka_unit_test_prestate(each_error_of_the_table_is_in_the_vectors, cases),
    };

    (void)vectors_add(tests, 5, cases, check_vector);
    return cmocka_run_group_tests_name("credentials_profile", tests, NULL, NULL);
}
