/* Roles that are assumed: with another identity's keys, and with a web identity's token. */
#include "aws_fixture.h"

#include "aws/credentials_web.h"
#include "base/cleanup.h"

#define ARN "arn:aws:iam::123456789012:role/r"
#define ANSWER(operation)                                                                 \
    "<" operation "Response><" operation "Result><AssumedRoleUser><Arn>arn:aws:sts::"     \
    "123456789012:assumed-role/r/y</Arn></AssumedRoleUser><Credentials><AccessKeyId>ROLE" \
    "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"    \
    "<Expiration>2015-08-30T13:36:00Z</Expiration></Credentials></" operation             \
    "Result></" operation "Response>"

static void expect(struct aws_world *w, const char *url, const char *form, const char *answer)
{
    fake_platform_expect(w->fake, &(struct fake_reply){.method = "POST",
                                                       .url = url,
                                                       .body_has = form,
                                                       .headers = "Content-Type: text/xml",
                                                       .body = answer});
}

static void begin(struct aws_world *w, const char *region)
{
    world_begin(w);
    fake_platform_variable(w->fake, "AWS_REGION", region);
    world_open(w, NULL);
}

static void assert_sent(struct aws_world *w, const char *part)
{
    const char *body = fake_platform_request(w->fake, 0)->body;

    if (strstr(body, part) == NULL) {
        fail_msg("wanted \"%s\" in %s", part, body);
    }
}

/* ---- with another identity's keys ---- */

static bool base_keys(void *arg, struct aws_credentials *out, struct err *err)
{
    const enum err_kind *fails = arg;

    if (*fails != ERR_NONE) {
        return err_set(err, *fails, "no base");
    }
    (void)snprintf(out->identity, sizeof(out->identity), "the base");
    return aws_credentials_set(out, "the base", "BASE", "s", NULL, err);
}

struct role_world {
    struct aws_world w;
    enum err_kind fails;
    struct aws_identity *base;
    struct aws_identity *role;
};

static void begin_role(struct role_world *r, const char *region, const struct aws_role *role)
{
    memset(r, 0, sizeof(*r));
    begin(&r->w, region);
    assert_true(aws_identity_custom(&r->w.session, base_keys, &r->fails, &r->base, &r->w.err));
    if (!aws_identity_role(&r->w.session, r->base, role, &r->role, &r->w.err)) {
        fail_msg("%s", r->w.err.msg);
    }
}

static void end_role(struct role_world *r)
{
    aws_identity_free(r->role);
    aws_identity_free(r->base);
    world_end(&r->w);
}

/* The caller's texts are gone when the role is assumed. */
static void everything_that_was_given_is_copied_and_sent(void **state)
{
    char arn[] = ARN;
    char name[] = "me";
    char external_id[] = "ext";
    char region[] = "eu-west-1";
    char key[] = "team";
    char value[] = "load";
    struct aws_tag tags[] = {
        {key,    value},
        {"job2", ""   }
    };
    struct aws_role role = {.arn = arn,
                            .session_name = name,
                            .external_id = external_id,
                            .tags = tags,
                            .tag_count = 2,
                            .duration_s = 1800,
                            .region = region};
    struct role_world r;

    begin_role(&r, "us-east-1", &role);
    char *const texts[] = {arn, name, external_id, region, key, value};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        memset(texts[i], 'x', strlen(texts[i]));
    }
    memset(tags, 0, sizeof(tags));
    memset(&role, 0, sizeof(role));

    expect(&r.w, "https://sts.eu-west-1.amazonaws.com/", "Action=AssumeRole&",
           ANSWER("AssumeRole"));
    assert_got(&r.w, world_get(&r.w, r.role), "ROLE");
    assert_string_equal(r.w.got.identity, "role " ARN " (from the base)");
    assert_sent(&r.w, "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr");
    assert_sent(&r.w, "RoleSessionName=me");
    assert_sent(&r.w, "ExternalId=ext");
    assert_sent(&r.w, "DurationSeconds=1800");
    assert_sent(&r.w, "Tags.member.1.Key=team&Tags.member.1.Value=load");
    assert_sent(&r.w, "Tags.member.2.Key=job2");
    end_role(&r);
    (void)state;
}

struct region_row {
    const char *session;
    const char *arn;
    const char *url;
};

static void sts_is_asked_in_the_session_or_the_partition(void **state)
{
    static const struct region_row rows[] = {
        {"ap-south-1", ARN,                            "https://sts.ap-south-1.amazonaws.com/"   },
        {NULL,         ARN,                            "https://sts.us-east-1.amazonaws.com/"    },
        {NULL,         "arn:aws-cn:iam::1:role/r",     "https://sts.cn-north-1.amazonaws.com.cn/"},
        {NULL,         "arn:aws-us-gov:iam::1:role/r", "https://sts.us-gov-west-1.amazonaws.com/"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct role_world r;
        begin_role(&r, rows[i].session, &(struct aws_role){.arn = rows[i].arn});
        expect(&r.w, rows[i].url, "Action=AssumeRole&", ANSWER("AssumeRole"));
        assert_got(&r.w, world_get(&r.w, r.role), "ROLE");
        end_role(&r);
    }
    (void)state;
}

static void base_without_keys_is_said_so(void **state)
{
    struct role_world r;

    begin_role(&r, NULL, &(struct aws_role){.arn = ARN});
    r.fails = ERR_AUTH;
    assert_failed(&r.w, world_get(&r.w, r.role), ERR_AUTH,
                  "credentials to assume role " ARN " with: no base");
    assert_int_equal(fake_platform_requests(r.w.fake), 0);
    end_role(&r);
    (void)state;
}

static void what_is_no_role_is_refused(void **state)
{
    static const char *const arns[] = {NULL, "", "r", "role/r"};
    struct aws_tag tags[51];
    struct aws_identity *identity = NULL;
    struct aws_role role = {.tags = tags};
    struct aws_world w;

    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        tags[i] = (struct aws_tag){.key = "k", .value = "v"};
    }
    begin(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(arns); i++) {
        role.arn = arns[i];
        assert_failed(&w, aws_identity_role(&w.session, NULL, &role, &identity, &w.err), ERR_USAGE,
                      "is not the ARN of a role");
    }
    role.arn = ARN;
    role.tag_count = ARRAY_LEN(tags);
    assert_failed(&w, aws_identity_role(&w.session, NULL, &role, &identity, &w.err), ERR_USAGE,
                  "more than 50 session tags");
    assert_null(identity);
    world_end(&w);
    (void)state;
}

/* A chain whose text does not fit: the text ends in a way that says so. */
static void long_identity_is_cut_visibly(void **state)
{
    char arn[600] = ARN;
    struct role_world r;

    memset(arn + strlen(arn), 'a', sizeof(arn) - strlen(arn) - 1);
    begin_role(&r, NULL, &(struct aws_role){.arn = arn});
    expect(&r.w, NULL, NULL, ANSWER("AssumeRole"));
    assert_got(&r.w, world_get(&r.w, r.role), "ROLE");
    size_t len = strlen(r.w.got.identity);
    assert_int_equal(len, AWS_IDENTITY_MAX - 1);
    assert_string_equal(r.w.got.identity + len - 4, "...)");
    end_role(&r);
    (void)state;
}

/* ---- with a token ---- */

static const struct credentials_web_role web = {.role_arn = ARN,
                                                .token_file = "/token",
                                                .session_name = "me",
                                                .duration_s = 1800,
                                                .where = "profile w"};

static void token_is_sent_without_the_end_of_its_line(void **state)
{
    struct aws_world w;

    begin(&w, NULL);
    fake_platform_file(w.fake, "/token", "a.b-c_d=\r\n");
    expect(&w, "https://sts.us-east-1.amazonaws.com/", "Action=AssumeRoleWithWebIdentity&",
           ANSWER("AssumeRoleWithWebIdentity"));
    assert_got(&w, credentials_web_assume(&w.session, &web, &w.got, &w.err), "ROLE");
    assert_string_equal(w.got.identity, "role " ARN " (web identity, from profile w)");
    assert_sent(&w, "RoleSessionName=me");
    assert_sent(&w, "DurationSeconds=1800");
    const char *token = strstr(fake_platform_request(w.fake, 0)->body, "WebIdentityToken=");
    assert_non_null(token);
    assert_string_equal(token, "WebIdentityToken=a.b-c_d%3D");
    world_end(&w);
    (void)state;
}

static void token_files_that_cannot_be_used(void **state)
{
    char large[WEB_TOKEN_BYTES_MAX + 2];
    static const char *const parts[] = {
        "profile w: the web identity token file /token does not exist",
        "profile w: the web identity token file /token is empty",
        "profile w: the web identity token file /token is empty",
        "the web identity token of profile w: ",
        "the web identity token of profile w: ",
    };

    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    const char *const contents[] = {NULL, "", " \r\n", large, NULL};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct aws_world w;
        begin(&w, NULL);
        fake_platform_file(w.fake, "/token", contents[i]);
        if (i == ARRAY_LEN(parts) - 1) {
            fake_platform_file_forbidden(w.fake, "/token");
        }
        assert_failed(&w, credentials_web_assume(&w.session, &web, &w.got, &w.err), ERR_USAGE,
                      parts[i]);
        assert_int_equal(fake_platform_requests(w.fake), 0);
        world_end(&w);
    }
    (void)state;
}

static void token_with_a_zero_byte_is_not_cut_short(void **state)
{
    struct aws_world w;

    begin(&w, NULL);
    fake_platform_file_bytes(w.fake, "/token", "abc\0def", 7);
    assert_failed(&w, credentials_web_assume(&w.session, &web, &w.got, &w.err), ERR_USAGE,
                  "profile w: the web identity token file /token has a zero byte");
    assert_int_equal(fake_platform_requests(w.fake), 0);
    world_end(&w);
    (void)state;
}

static void largest_token_fits(void **state)
{
    char large[WEB_TOKEN_BYTES_MAX + 1];
    struct aws_world w;

    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    begin(&w, NULL);
    fake_platform_file(w.fake, "/token", large);
    expect(&w, NULL, large, ANSWER("AssumeRoleWithWebIdentity"));
    assert_got(&w, credentials_web_assume(&w.session, &web, &w.got, &w.err), "ROLE");
    world_end(&w);
    (void)state;
}

static void by_variables(void **state)
{
    struct credentials_answer answer = {0};
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    fake_platform_variable(w.fake, "AWS_ROLE_ARN", ARN);
    fake_platform_file(w.fake, "/token", "jwt");
    world_open(&w, NULL);
    expect(&w, NULL, "RoleSessionName=sluice-1440938160", ANSWER("AssumeRoleWithWebIdentity"));
    assert_got(&w, credentials_web(&w.session, &w.got, &answer, &w.err), "ROLE");
    assert_true(answer.found);
    assert_string_equal(w.got.identity,
                        "role " ARN " (web identity, from AWS_WEB_IDENTITY_TOKEN_FILE)");
    world_end(&w);
    (void)state;
}

static void session_name_by_variable(void **state)
{
    struct credentials_answer answer = {0};
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    fake_platform_variable(w.fake, "AWS_ROLE_ARN", ARN);
    fake_platform_variable(w.fake, "AWS_ROLE_SESSION_NAME", "nightly");
    fake_platform_file(w.fake, "/token", "jwt");
    world_open(&w, NULL);
    expect(&w, NULL, "RoleSessionName=nightly&", ANSWER("AssumeRoleWithWebIdentity"));
    assert_got(&w, credentials_web(&w.session, &w.got, &answer, &w.err), "ROLE");
    world_end(&w);
    (void)state;
}

static void role_without_a_token_file_is_not_found(void **state)
{
    struct credentials_answer answer = {.found = true};
    struct aws_world w;

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_ROLE_ARN", ARN);
    world_open(&w, NULL);
    assert_true(credentials_web(&w.session, &w.got, &answer, &w.err));
    assert_false(answer.found);
    world_end(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_was_given_is_copied_and_sent),
        cmocka_unit_test(sts_is_asked_in_the_session_or_the_partition),
        cmocka_unit_test(base_without_keys_is_said_so),
        cmocka_unit_test(what_is_no_role_is_refused),
        cmocka_unit_test(long_identity_is_cut_visibly),
        cmocka_unit_test(token_is_sent_without_the_end_of_its_line),
        cmocka_unit_test(token_files_that_cannot_be_used),
        cmocka_unit_test(token_with_a_zero_byte_is_not_cut_short),
        cmocka_unit_test(largest_token_fits),
        cmocka_unit_test(by_variables),
        cmocka_unit_test(session_name_by_variable),
        cmocka_unit_test(role_without_a_token_file_is_not_found),
    };

    return cmocka_run_group_tests_name("credentials_role", tests, NULL, NULL);
}
