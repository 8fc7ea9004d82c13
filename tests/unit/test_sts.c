/* sts: what is asked, what is read, and what is no answer. */
#include "call_fixture.h"

#include "aws/sts.h"
#include "base/cleanup.h"

#define ROLE "arn:aws:iam::210987654321:role/loader"
#define HEAD                                                                                 \
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%" \
    "2Floader"

#define CREDENTIALS                                                                    \
    "<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role+secret/key" \
    "</SecretAccessKey><SessionToken>role-token==</SessionToken>"                      \
    "<Expiration>2015-08-30T13:36:00Z</Expiration></Credentials>"
#define ASSUMED                                                                                  \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>" \
    "<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::210987654321:"      \
    "assumed-role/loader/s</Arn></AssumedRoleUser>" CREDENTIALS                                  \
    "</AssumeRoleResult></AssumeRoleResponse>"

static const struct aws_role plain_role = {.arn = ROLE};

static void assert_role_keys(const struct aws_credentials *c)
{
    assert_string_equal(c->access_key_id, "ASIAROLE");
    assert_string_equal(secret_reveal(&c->secret_access_key), "role+secret/key");
    assert_string_equal(secret_reveal(&c->session_token), "role-token==");
    assert_int_equal(c->expires_s, FAKE_WALL_MS / 1000 + 3600);
    assert_string_equal(c->account_id, "210987654321");
}

static void a_role_is_assumed(void **state)
{
    struct call_world w;
    CLEANUP(aws_credentials_free) struct aws_credentials c = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200, ASSUMED);
    assert_fine(&w, aws_sts_assume_role(&w.caller, &plain_role, &c, &w.err));
    assert_role_keys(&c);
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->url, "https://sts.us-east-1.amazonaws.com/");
    assert_string_equal(r->body, HEAD "&RoleSessionName=sluice-1440938160");
    world_end(&w);
}

static void everything_about_the_role_is_sent(void **state)
{
    static const struct aws_tag tags[] = {
        {"team",  "data & more"},
        {"cost=", ""           }
    };
    const struct aws_role role = {.arn = ROLE,

                                  .session_name = "night",

                                  .external_id = "e/1",

                                  .tags = tags,

                                  .tag_count = 2,

                                  .duration_s = 900,

                                  .region = "eu-west-1"};
    struct call_world w;
    CLEANUP(aws_credentials_free) struct aws_credentials c = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200, ASSUMED);
    assert_fine(&w, aws_sts_assume_role(&w.caller, &role, &c, &w.err));
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_string_equal(r->url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(r->body,
                        HEAD "&RoleSessionName=night&DurationSeconds=900&ExternalId=e%2F1"
                             "&Tags.member.1.Key=team&Tags.member.1.Value=data%20%26%20more"
                             "&Tags.member.2.Key=cost%3D&Tags.member.2.Value=");
    world_end(&w);
}

#define CHINA "arn:aws-cn:iam::210987654321:role/r"
#define EUSC  "arn:aws-eusc:iam::210987654321:role/r"
#define ISO_E "arn:aws-iso-e:iam::210987654321:role/r"
#define ISO_F "arn:aws-iso-f:iam::210987654321:role/r"
#define GOV   "arn:aws-us-gov:iam::210987654321:role/r"

struct region_case {
    const char *label;
    const char *session; /* AWS_REGION */
    const char *caller;
    const char *role;
    const char *arn;
    const char *host;
};

static struct region_case region_cases[] = {
    {"the role's",      "us-east-2", "us-west-1", "us-west-2", ROLE,  "sts.us-west-2.amazonaws.com"       },
    {"the caller's",    "us-east-2", "us-west-1", NULL,        ROLE,  "sts.us-west-1.amazonaws.com"       },
    {"the session's",   "us-east-2", NULL,        "",          ROLE,  "sts.us-east-2.amazonaws.com"       },
    {"none",            NULL,        NULL,        NULL,        ROLE,  "sts.us-east-1.amazonaws.com"       },
    {"none, in China",  NULL,        NULL,        NULL,        CHINA, "sts.cn-north-1.amazonaws.com.cn"   },
    {"none, GovCloud",  NULL,        NULL,        NULL,        GOV,   "sts.us-gov-west-1.amazonaws.com"   },
    {"none, in Europe", NULL,        NULL,        NULL,        EUSC,  "sts.eusc-de-east-1.amazonaws.eu"   },
    {"none, ADC-E",     NULL,        NULL,        NULL,        ISO_E, "sts.eu-isoe-west-1.cloud.adc-e.uk" },
    {"none, ADC-F",     NULL,        NULL,        NULL,        ISO_F, "sts.us-isof-south-1.csp.hci.ic.gov"},
};

static void some_region_is_asked(void **state)
{
    const struct region_case *c = *state;
    const struct aws_role role = {.arn = c->arn, .region = c->role};
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};
    struct call_world w;
    char host[64];

    world_begin(&w);
    fake_platform_variable(w.fake, "AWS_REGION", c->session);
    world_open(&w);
    w.caller.region = c->caller;
    answer(&w, 200, ASSUMED);
    assert_fine(&w, aws_sts_assume_role(&w.caller, &role, &got, &w.err));
    assert_true(fake_request_header(fake_platform_request(w.fake, 0), "Host", host, sizeof host));
    assert_string_equal(host, c->host);
    world_end(&w);
}

static void a_web_identity_is_enough(void **state)
{
    struct call_world w;
    CLEANUP(aws_credentials_free) struct aws_credentials c = {0};
    CLEANUP(secret_free) struct secret token = {0};
    char value[64];
    (void)state;

    world_start(&w);
    assert_true(secret_set(&token, "eyJ.a+b/c", &w.err));
    answer(&w, 200,
           "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>" CREDENTIALS
           "<AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/loader/s</Arn>"
           "</AssumedRoleUser></AssumeRoleWithWebIdentityResult>"
           "</AssumeRoleWithWebIdentityResponse>");
    assert_fine(&w,
                aws_sts_assume_role_with_web_identity(&w.caller, &plain_role, &token, &c, &w.err));
    assert_role_keys(&c);
    const struct fake_request *r = fake_platform_request(w.fake, 0);
    assert_false(fake_request_header(r, "Authorization", value, sizeof value));
    assert_non_null(strstr(r->body, "Action=AssumeRoleWithWebIdentity&"));
    assert_non_null(strstr(r->body, "&WebIdentityToken=eyJ.a%2Bb%2Fc"));
    assert_int_equal(w.fetches, 0);

    answer(&w, 403,
           "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized to "
           "perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>");
    assert_failed(&w,
                  aws_sts_assume_role_with_web_identity(&w.caller, &plain_role, &token, &c, &w.err),
                  ERR_AUTH, "trust policy");
    assert_null(strstr(w.err.msg, "eyJ"));
    assert_role_keys(&c);
    world_end(&w);
}

static void a_token_that_is_sent_back_is_left_out(void **state)
{
    struct call_world w;
    struct aws_credentials c = {0};
    CLEANUP(secret_free) struct secret token = {0};
    (void)state;

    world_start(&w);
    assert_true(secret_set(&token, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwb2QifQ.x", &w.err));
    answer(&w, 400,
           "<ErrorResponse><Error><Code>ValidationError</Code><Message>Value "
           "'eyJhbGciOiJub25lIn0.eyJzdWIiOiJwb2QifQ.x' at 'webIdentityToken' is wrong</Message>"
           "</Error></ErrorResponse>");
    assert_failed(&w,
                  aws_sts_assume_role_with_web_identity(&w.caller, &plain_role, &token, &c, &w.err),
                  ERR_USAGE, "ValidationError");
    assert_null(strstr(w.err.msg, "eyJ"));
    world_end(&w);
}

static const char *const no_answers[] = {
    "<html>login",
    "{\"Credentials\":{}}",
    "<AssumeRoleResponse/>",
    "<AssumeRoleResponse><AssumeRoleResult><Credentials/></AssumeRoleResult></AssumeRoleResponse>",
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
    "<SecretAccessKey>sesame</SecretAccessKey><SessionToken>t</SessionToken><Expiration>soon"
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
    "<SecretAccessKey>sesame</SecretAccessKey><Expiration>2015-08-30T13:36:00Z</Expiration>"
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A B</AccessKeyId>"
    "<SecretAccessKey>sesame</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2015-08-30T13:36:00Z</Expiration></Credentials></AssumeRoleResult>"
    "</AssumeRoleResponse>",
};

static void what_is_no_answer_is_asked_for_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_answers); i++) {
        struct call_world w;
        struct aws_credentials c = {.expires_s = 7};
        world_start(&w);
        answer_times(&w, 3, 200, no_answers[i]);
        assert_failed(&w, aws_sts_assume_role(&w.caller, &plain_role, &c, &w.err), ERR_TRANSIENT,
                      "an answer that is none");
        assert_null(strstr(w.err.msg, "sesame"));
        assert_int_equal(c.expires_s, 7);
        world_end(&w);
    }
}

static void denied_it_names_both_policies(void **state)
{
    struct call_world w;
    struct aws_credentials c = {0};
    struct aws_role role = plain_role;
    const struct aws_tag tag = {"a", "b"};
    (void)state;

    world_start(&w);
    answer_times(&w, 2, 403,
                 "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                 "<RequestId>r-1</RequestId></ErrorResponse>");
    assert_failed(&w, aws_sts_assume_role(&w.caller, &role, &c, &w.err), ERR_AUTH,
                  "{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"" ROLE "\"}");
    assert_says(&w, "trust policy");
    assert_null(strstr(w.err.msg, "TagSession"));
    role.tags = &tag;
    role.tag_count = 1;
    assert_failed(&w, aws_sts_assume_role(&w.caller, &role, &c, &w.err), ERR_AUTH,
                  "sts:TagSession");
    world_end(&w);
}

static void a_role_that_is_none_is_not_asked_for(void **state)
{
    static struct aws_tag tags[51];
    struct call_world w;
    struct aws_credentials c = {0};
    struct aws_role role = {.arn = "loader"};
    struct secret token = {0};
    (void)state;

    world_start(&w);
    assert_failed(&w, aws_sts_assume_role(&w.caller, &role, &c, &w.err), ERR_USAGE, "ARN");
    assert_failed(&w, aws_sts_assume_role_with_web_identity(&w.caller, &role, &token, &c, &w.err),
                  ERR_USAGE, "ARN");
    role = (struct aws_role){.arn = ROLE, .tags = tags, .tag_count = 51};
    assert_failed(&w, aws_sts_assume_role(&w.caller, &role, &c, &w.err), ERR_USAGE, "tags");
    world_end(&w);
}

static void who_calls_is_told(void **state)
{
    struct call_world w;
    struct aws_caller_identity who = {0};
    (void)state;

    world_start(&w);
    answer(&w, 200,
           "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/x</Arn>"
           "<UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult>"
           "</GetCallerIdentityResponse>");
    assert_fine(&w, aws_sts_get_caller_identity(&w.caller, &who, &w.err));
    assert_string_equal(who.arn, "arn:aws:iam::1:user/x");
    assert_string_equal(who.user_id, "AIDA");
    assert_string_equal(who.account, "1");
    assert_string_equal(fake_platform_request(w.fake, 0)->body,
                        "Action=GetCallerIdentity&Version=2011-06-15");
    answer_times(&w, 3, 200,
                 "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><UserId>AIDA"
                 "</UserId><Account>12345678901234567</Account></GetCallerIdentityResult>"
                 "</GetCallerIdentityResponse>");
    assert_failed(&w, aws_sts_get_caller_identity(&w.caller, &who, &w.err), ERR_TRANSIENT,
                  "Account");
    assert_string_equal(who.account, "1");
    world_end(&w);
}

int main(void)
{
    struct CMUnitTest tests[32] = {
        cmocka_unit_test(a_role_is_assumed),
        cmocka_unit_test(everything_about_the_role_is_sent),
        cmocka_unit_test(a_web_identity_is_enough),
        cmocka_unit_test(a_token_that_is_sent_back_is_left_out),
        cmocka_unit_test(what_is_no_answer_is_asked_for_again),
        cmocka_unit_test(denied_it_names_both_policies),
        cmocka_unit_test(a_role_that_is_none_is_not_asked_for),
        cmocka_unit_test(who_calls_is_told),
    };
    size_t count = 8;

    for (size_t i = 0; i < ARRAY_LEN(region_cases); i++) {
        tests[count++] = (struct CMUnitTest){region_cases[i].label, some_region_is_asked, NULL,
                                             NULL, &region_cases[i]};
    }
    return _cmocka_run_group_tests("sts", tests, count, NULL, NULL);
}
