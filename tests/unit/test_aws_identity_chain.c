/* The default chain beyond the recordings: its order, what ends it, and chains of roles. */
#include "aws_fixture.h"

#include "base/cleanup.h"

#define CONTAINER_URL "http://169.254.170.2/c"
#define IMDS          "http://169.254.169.254/latest/"
#define ROLE_URL      IMDS "meta-data/iam/security-credentials/"
#define STS_URL       "https://sts.us-east-1.amazonaws.com/"
#define ROLE(name)    "arn:aws:iam::123456789012:role/" name

enum has { HAS_ENV = 1, HAS_PROFILE = 2, HAS_WEB = 4, HAS_CONTAINER = 8, HAS_INSTANCE = 16 };

static void expect_role(struct aws_world *w, const char *form, const char *key,
                        const char *expiration)
{
    char body[700];
    const char *operation =
        strstr(form, "WebIdentity") != NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole";

    (void)snprintf(body, sizeof(body),
                   "<%sResponse><%sResult><AssumedRoleUser><Arn>arn:aws:sts::123456789012:"
                   "assumed-role/x/y</Arn></AssumedRoleUser><Credentials><AccessKeyId>%s"
                   "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
                   "</SessionToken><Expiration>%s</Expiration></Credentials></%sResult>"
                   "</%sResponse>",
                   operation, operation, key, expiration, operation, operation);
    fake_platform_expect(w->fake, &(struct fake_reply){.method = "POST",
                                                       .url = STS_URL,
                                                       .body_has = form,
                                                       .headers = "Content-Type: text/xml",
                                                       .body = body});
}

static void expect_get(struct aws_world *w, const char *url, const char *body)
{
    fake_platform_expect(w->fake, &(struct fake_reply){.url = url, .body = body});
}

static void expect_instance(struct aws_world *w)
{
    expect_get(w, IMDS "api/token", "tok");
    expect_get(w, ROLE_URL, "r");
    expect_get(w, ROLE_URL "r",
               "{\"Code\":\"Success\",\"AccessKeyId\":\"INSTANCE\",\"SecretAccessKey\":\"s\","
               "\"Token\":\"t\",\"Expiration\":\"2015-08-30T18:36:00Z\"}");
}

static void begin(struct aws_world *w, unsigned has)
{
    world_begin(w);
    fake_platform_variable(w->fake, "HOME", "/home");
    fake_platform_variable(w->fake, "AWS_REGION", "us-east-1");
    fake_platform_file(w->fake, "/home/.aws/config",
                       has & HAS_PROFILE ? "[default]\naws_access_key_id = PROFILE\n"
                                           "aws_secret_access_key = s\n"
                                         : "[default]\nregion = us-east-1\n");
    if (has & HAS_ENV) {
        fake_platform_variable(w->fake, "AWS_ACCESS_KEY_ID", "ENV");
        fake_platform_variable(w->fake, "AWS_SECRET_ACCESS_KEY", "s");
    }
    if (has & HAS_WEB) {
        fake_platform_variable(w->fake, "AWS_ROLE_ARN", ROLE("web"));
        fake_platform_variable(w->fake, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
        fake_platform_file(w->fake, "/token", "jwt");
    }
    if (has & HAS_CONTAINER) {
        fake_platform_variable(w->fake, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
    }
}

/* Whom the chain gives, with a profile or without; the script is set for whoever should be asked.
 */
static void assert_chain_gives(unsigned has, const char *profile, const char *key)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, has);
    world_open(&w, profile);
    if (strcmp(key, "WEB") == 0) {
        expect_role(&w, "Action=AssumeRoleWithWebIdentity&", "WEB", "2015-08-30T13:36:00Z");
    } else if (strcmp(key, "CONTAINER") == 0) {
        expect_get(&w, CONTAINER_URL, "{\"AccessKeyId\":\"CONTAINER\",\"SecretAccessKey\":\"s\"}");
    } else if (strcmp(key, "INSTANCE") == 0) {
        expect_instance(&w);
    }
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    assert_got(&w, world_get(&w, chain), key);
    aws_identity_free(chain);
    world_end(&w);
}

static void first_that_is_configured_is_used(void **state)
{
    static const char *const names[] = {"ENV", "PROFILE", "WEB", "CONTAINER", "INSTANCE"};

    for (unsigned first = 0; first < ARRAY_LEN(names); first++) {
        unsigned rest = 0x1Fu & ~((1u << first) - 1u);
        assert_chain_gives(rest, NULL, names[first]);
        assert_chain_gives(1u << first, NULL, names[first]);
    }
    (void)state;
}

static void given_profile_leaves_out_keys_and_web_identity_of_the_environment(void **state)
{
    assert_chain_gives(HAS_ENV | HAS_PROFILE | HAS_WEB | HAS_CONTAINER, "default", "PROFILE");
    assert_chain_gives(HAS_ENV | HAS_WEB | HAS_CONTAINER, "default", "CONTAINER");
    assert_chain_gives(HAS_ENV | HAS_WEB, "default", "INSTANCE");
    (void)state;
}

static void profile_by_variable_does_not(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, HAS_ENV | HAS_PROFILE);
    fake_platform_variable(w.fake, "AWS_PROFILE", "default");
    world_open(&w, NULL);
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    assert_got(&w, world_get(&w, chain), "ENV");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

static void nothing_at_all_lists_what_was_looked_at(void **state)
{
    static const char *const parts[] = {
        "no AWS credentials were found",
        "the environment (AWS_ACCESS_KEY_ID is not set)",
        "the shared files (no credentials in profile default)",
        "web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set)",
        "container credentials (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and ",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set)",
        "instance metadata (not reached within 1 s: this is no EC2 instance",
    };
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, 0);
    world_open(&w, NULL);
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
        assert_failed(&w, world_get(&w, chain), ERR_AUTH, parts[i]);
    }
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

static void long_profile_name_leaves_room_for_the_rest(void **state)
{
    char name[1500];
    struct aws_identity *chain = NULL;
    struct aws_world w;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    begin(&w, 0);
    world_open(&w, NULL);
    free(w.session.settings.profile);
    w.session.settings.profile = strdup(name);
    assert_non_null(w.session.settings.profile);
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_failed(&w, world_get(&w, chain), ERR_AUTH, "instance metadata (not reached");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

/* A source that was chosen and fails is not passed over for another identity. */
static void error_of_a_source_is_final(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        const char *part;
    } rows[] = {
        {"AWS_ACCESS_KEY_ID",                      "A",           "AWS_SECRET_ACCESS_KEY is not"},
        {"AWS_SECRET_ACCESS_KEY",                  "hidden",      "AWS_ACCESS_KEY_ID is not"    },
        {"AWS_PROFILE",                            "broken",      "profile broken has"          },
        {"AWS_PROFILE",                            "no-such-arn", "profile no-such-arn: "       },
        {"AWS_PROFILE",                            "long",        "profile long: "              },
        {"AWS_WEB_IDENTITY_TOKEN_FILE",            "/t",          "AWS_ROLE_ARN is not"         },
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI",     "http://evil", "may only be asked over https"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5",        "IPv4 or IPv6"                },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_identity *chain = NULL;
        struct aws_world w;
        begin(&w, 0);
        fake_platform_file(
            w.fake, "/home/.aws/config",
            "[profile broken]\nrole_arn = x\n"
            "[profile no-such-arn]\nrole_arn = hm\ncredential_source = Environment\n"
            "[profile long]\nrole_arn = " ROLE("x") "\nduration_seconds = 1y\n"
                                                    "credential_source = Environment\n");
        fake_platform_variable(w.fake, rows[i].name, rows[i].value);
        world_open(&w, NULL);
        assert_true(aws_identity_chain(&w.session, &chain, &w.err));
        assert_failed(&w, world_get(&w, chain), ERR_USAGE, rows[i].part);
        assert_failed(&w, world_get(&w, chain), ERR_USAGE, rows[i].part); /* and again */
        assert_null(strstr(w.err.msg, "hidden"));
        assert_int_equal(fake_platform_requests(w.fake), 0);
        aws_identity_free(chain);
        world_end(&w);
    }
    (void)state;
}

static void named_source_without_credentials_is_final(void **state)
{
    static const char *const sources[] = {"Environment", "EcsContainer"};

    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct aws_identity *chain = NULL;
        struct aws_world w;
        char config[200];
        char part[100];
        begin(&w, HAS_WEB);
        (void)snprintf(config, sizeof(config),
                       "[default]\nrole_arn = " ROLE("a") "\ncredential_source = %s\n", sources[i]);
        (void)snprintf(part, sizeof(part), "its credential_source %s has no credentials",
                       sources[i]);
        fake_platform_file(w.fake, "/home/.aws/config", config);
        world_open(&w, NULL);
        assert_true(aws_identity_chain(&w.session, &chain, &w.err));
        assert_failed(&w, world_get(&w, chain), ERR_AUTH, part);
        assert_int_equal(fake_platform_requests(w.fake), 0);
        aws_identity_free(chain);
        world_end(&w);
    }
    (void)state;
}

/* The named source is asked even when a profile was given: the profile itself wants it. */
static void named_environment_is_asked_for_a_given_profile(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, HAS_ENV);
    fake_platform_file(w.fake, "/home/.aws/config",
                       "[profile p]\nrole_arn = " ROLE("a") "\ncredential_source = Environment\n");
    world_open(&w, "p");
    expect_role(&w, "Action=AssumeRole&", "ROLE", "2015-08-30T13:36:00Z");
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    assert_got(&w, world_get(&w, chain), "ROLE");
    assert_string_equal(w.got.identity, "role " ROLE("a") " (from the environment)");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

/* What has answered once is there; that it is silent later does not mean "no credentials". */
static void instance_that_falls_silent_is_a_fault(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, HAS_INSTANCE);
    world_open(&w, NULL);
    expect_instance(&w);
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    assert_got(&w, world_get(&w, chain), "INSTANCE");
    fake_platform_advance_ms(w.fake, 21600000);
    fake_platform_expect(w.fake, &(struct fake_reply){.fails = ERR_TRANSIENT});
    assert_failed(&w, world_get(&w, chain), ERR_TRANSIENT, "the instance's metadata service");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

static const char two_roles[] =
    "[default]\n"
    "role_arn = " ROLE("a") "\n"
                            "source_profile = b\n"
                            "external_id = ext\n"
                            "role_session_name = me\n"
                            "duration_seconds = 900\n"
                            "[profile b]\n"
                            "role_arn = " ROLE("b") "\n"
                                                    "source_profile = c\n"
                                                    "[profile c]\n"
                                                    "aws_access_key_id = BASE\n"
                                                    "aws_secret_access_key = s\n";

static void begin_two_roles(struct aws_world *w, struct aws_identity **chain)
{
    begin(w, 0);
    fake_platform_file(w->fake, "/home/.aws/config", two_roles);
    world_open(w, NULL);
    expect_role(w, "%3Arole%2Fb&", "B1", "2015-08-30T13:36:00Z");
    expect_role(w, "%3Arole%2Fa&", "A1", "2015-08-30T12:51:00Z");
    assert_true(aws_identity_chain(&w->session, chain, &w->err));
    assert_got(w, world_get(w, *chain), "A1");
}

static void assert_sent(struct aws_world *w, size_t index, const char *part)
{
    const char *body = fake_platform_request(w->fake, index)->body;

    if (strstr(body, part) == NULL) {
        fail_msg("wanted \"%s\" in %s", part, body);
    }
}

static void roles_are_assumed_one_after_the_other(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin_two_roles(&w, &chain);
    assert_string_equal(w.got.identity,
                        "role " ROLE("a") " (from role " ROLE("b") " (from profile c))");
    assert_string_equal(w.got.account_id, "123456789012");
    assert_sent(&w, 0, "RoleSessionName=sluice-1440938160");
    assert_sent(&w, 1, "RoleSessionName=me");
    assert_sent(&w, 1, "ExternalId=ext");
    assert_sent(&w, 1, "DurationSeconds=900");
    assert_null(strstr(fake_platform_request(w.fake, 0)->body, "ExternalId"));
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

/* The second role lives a quarter of an hour, the first an hour: only the second is asked for. */
static void role_in_the_middle_is_kept(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin_two_roles(&w, &chain);
    fake_platform_advance_ms(w.fake, 900000);
    expect_role(&w, "%3Arole%2Fa&", "A2", "2015-08-30T13:06:00Z");
    assert_got(&w, world_get(&w, chain), "A2");
    fake_platform_advance_ms(w.fake, 2800000);
    expect_role(&w, "%3Arole%2Fb&", "B2", "2015-08-30T15:36:00Z");
    expect_role(&w, "%3Arole%2Fa&", "A3", "2015-08-30T14:06:00Z");
    assert_got(&w, world_get(&w, chain), "A3");
    assert_int_equal(aws_identity_fetches(chain), 3);
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

static void refused_role_is_assumed_anew(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin_two_roles(&w, &chain);
    aws_identity_refused(chain, &w.got);
    expect_role(&w, "%3Arole%2Fa&", "A2", "2015-08-30T13:06:00Z");
    assert_got(&w, world_get(&w, chain), "A2");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

/* Whoever issues tokens replaces the file. */
static void web_identity_reads_its_token_anew(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, HAS_WEB);
    world_open(&w, NULL);
    expect_role(&w, "WebIdentityToken=jwt", "WEB1", "2015-08-30T13:36:00Z");
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    assert_got(&w, world_get(&w, chain), "WEB1");
    fake_platform_file(w.fake, "/token", "second");
    fake_platform_advance_ms(w.fake, 3600000);
    expect_role(&w, "WebIdentityToken=second", "WEB2", "2015-08-30T14:36:00Z");
    assert_got(&w, world_get(&w, chain), "WEB2");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

static void web_identity_of_a_profile_is_sent_as_it_says(void **state)
{
    struct aws_identity *chain = NULL;
    struct aws_world w;

    begin(&w, 0);
    fake_platform_file(w.fake, "/token", "jwt");
    fake_platform_file(
        w.fake, "/home/.aws/config",
        "[default]\nrole_arn = " ROLE("w") "\nweb_identity_token_file = /token\n"
                                           "role_session_name = me\nduration_seconds = 900\n");
    world_open(&w, NULL);
    expect_role(&w, "WebIdentityToken=jwt", "WEB", "2015-08-30T12:51:00Z");
    assert_true(aws_identity_chain(&w.session, &chain, &w.err));
    assert_got(&w, world_get(&w, chain), "WEB");
    assert_sent(&w, 0, "RoleSessionName=me");
    assert_sent(&w, 0, "DurationSeconds=900");
    aws_identity_free(chain);
    world_end(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_that_is_configured_is_used),
        cmocka_unit_test(given_profile_leaves_out_keys_and_web_identity_of_the_environment),
        cmocka_unit_test(profile_by_variable_does_not),
        cmocka_unit_test(nothing_at_all_lists_what_was_looked_at),
        cmocka_unit_test(long_profile_name_leaves_room_for_the_rest),
        cmocka_unit_test(error_of_a_source_is_final),
        cmocka_unit_test(named_source_without_credentials_is_final),
        cmocka_unit_test(named_environment_is_asked_for_a_given_profile),
        cmocka_unit_test(instance_that_falls_silent_is_a_fault),
        cmocka_unit_test(roles_are_assumed_one_after_the_other),
        cmocka_unit_test(role_in_the_middle_is_kept),
        cmocka_unit_test(refused_role_is_assumed_anew),
        cmocka_unit_test(web_identity_reads_its_token_anew),
        cmocka_unit_test(web_identity_of_a_profile_is_sent_as_it_says),
    };

    return cmocka_run_group_tests_name("aws_identity_chain", tests, NULL, NULL);
}
