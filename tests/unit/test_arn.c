/* arn: what an ARN, a Region and an RDS host name may look like. */
#include "unit.h"

#include "aws/arn.h"

#include <stdio.h>
#include <string.h>

struct host_case {
    const char *host;
    const char *region; /* NULL: none */
    bool rds;
};

static const struct host_case host_cases[] = {
    {"db1.abc123.us-east-1.rds.amazonaws.com",                "us-east-1",       true },
    {"c.cluster-abc.us-east-1.rds.amazonaws.com",             "us-east-1",       true },
    {"c.cluster-ro-abc.eu-central-1.rds.amazonaws.com",       "eu-central-1",    true },
    {"c.cluster-custom-abc.ap-southeast-7.rds.amazonaws.com", "ap-southeast-7",  true },
    {"c.limitless-abc.us-west-2.rds.amazonaws.com",           "us-west-2",       true },
    {"c.shardgrp-abc.us-west-2.rds.amazonaws.com",            "us-west-2",       true },
    {"p.proxy-abc.us-west-2.rds.amazonaws.com",               "us-west-2",       true },
    {"ro.endpoint.proxy-abc.us-west-2.rds.amazonaws.com",     "us-west-2",       true },
    {"C.Cluster-ABC.US-East-1.RDS.AmazonAWS.com",             "us-east-1",       true },
    {"c.cluster-abc.us-east-1.rds.amazonaws.com.",            "us-east-1",       true },
    {"c.cluster-abc.us-gov-west-1.rds.amazonaws.com",         "us-gov-west-1",   true },
    {"c.cluster-abc.rds.cn-north-1.amazonaws.com.cn",         "cn-north-1",      true },
    {"c.cluster-abc.cn-northwest-1.rds.amazonaws.com.cn",     "cn-northwest-1",  true },
    {"db.cn-north-1.rds.amazonaws.com.cn.",                   "cn-north-1",      true },
    {"c.cluster-abc.rds.us-iso-east-1.c2s.ic.gov",            "us-iso-east-1",   true },
    {"c.cluster-abc.us-isob-east-1.rds.sc2s.sgov.gov",        "us-isob-east-1",  true },
    {"c.cluster-abc.rds.eu-isoe-west-1.cloud.adc-e.uk",       "eu-isoe-west-1",  true },
    {"c.cluster-abc.rds.us-isof-south-1.csp.hci.ic.gov",      "us-isof-south-1", true },
    {"c.cluster-abc.eusc-de-east-1.rds.amazonaws.eu",         "eusc-de-east-1",  true },
    {"g.global-abc.global.rds.amazonaws.com",                 NULL,              true },
    {"rds.us-east-1.amazonaws.com",                           NULL,              false},
    {"x.rds.nowhere.amazonaws.com",                           NULL,              false},
    {"x.us-east-1.redshift.amazonaws.com",                    NULL,              false},
    {"us-east-1.rds.amazonaws.com",                           NULL,              false},
    {"x.us-east-1.rds.amazonaws.com.evil.example",            NULL,              false},
    {"x.us-east-1.rds.evilamazonaws.com",                     NULL,              false},
    {"x.us-east-1.rds-amazonaws.com",                         NULL,              false},
    {"x.us-east-1.rdsamazonaws.com",                          NULL,              false},
    {"x.us-east-1.evilrds.amazonaws.com",                     NULL,              false},
    {"..us-east-1.rds.amazonaws.com",                         NULL,              false},
    {".us-east-1.rds.amazonaws.com",                          NULL,              false},
    {"x.us-east-1.rds.amazonaws.com..",                       NULL,              false},
    {"x y.us-east-1.rds.amazonaws.com",                       NULL,              false},
    {"x/y.us-east-1.rds.amazonaws.com",                       NULL,              false},
    {".rds.amazonaws.com",                                    NULL,              false},
    {"rds.amazonaws.com",                                     NULL,              false},
    {"amazonaws.com",                                         NULL,              false},
    {".amazonaws.com",                                        NULL,              false},
    {"localhost",                                             NULL,              false},
    {"127.0.0.1",                                             NULL,              false},
    {".",                                                     NULL,              false},
    {"",                                                      NULL,              false},
};

static void host_tells_its_region(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(host_cases); i++) {
        const struct host_case *c = &host_cases[i];
        char region[AWS_REGION_MAX] = "before";
        bool has = aws_region_of_host(c->host, region);
        if (has != (c->region != NULL) || aws_is_rds_host(c->host) != c->rds) {
            fail_msg("%s", c->host);
        }
        assert_string_equal(region, c->region == NULL ? "before" : c->region);
    }
}

static void long_host_is_refused(void **state)
{
    (void)state;
    static const char tail[] = ".us-east-1.rds.amazonaws.com";
    char host[300];
    char region[AWS_REGION_MAX] = "";

    memset(host, 'a', sizeof host);
    memcpy(host + 255 - strlen(tail), tail, sizeof tail);
    assert_true(aws_region_of_host(host, region));
    memset(host, 'a', sizeof host);
    memcpy(host + 256 - strlen(tail), tail, sizeof tail);
    assert_false(aws_region_of_host(host, region));
    assert_false(aws_is_rds_host(host));
}

static void region_is_three_words_and_a_number(void **state)
{
    (void)state;
    static const char *const good[] = {"us-east-1", "us-gov-west-1", "ap-southeast-12",
                                       "us-isob-east-1", "a1-b2-3"};
    static const char *const bad[] = {"",
                                      "us",
                                      "us-1",
                                      "us-east",
                                      "us-east-",
                                      "us-east-1-",
                                      "us--1",
                                      "-us-east-1",
                                      "us-east-1a",
                                      "us-east-x",
                                      "US-EAST-1",
                                      "us-east-1.evil.example",
                                      "us-east-1/x",
                                      "us-east-1 ",
                                      " us-east-1",
                                      "us_east_1",
                                      "1-1-1",
                                      "aws-global",
                                      "us-east-1\n",
                                      "us-\xC3\xA4st-1",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaa-bb-12"};

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(aws_is_region(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (aws_is_region(bad[i])) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_true(aws_is_region("aaaaaaaaaaaaaaaaaaaaaaaaaa-bb-1"));
}

static void partition_follows_the_prefix(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"us-east-1",       "aws",        "amazonaws.com"   },
        {"eu-west-1",       "aws",        "amazonaws.com"   },
        {"cn-north-1",      "aws-cn",     "amazonaws.com.cn"},
        {"us-gov-east-1",   "aws-us-gov", "amazonaws.com"   },
        {"us-iso-east-1",   "aws-iso",    "c2s.ic.gov"      },
        {"us-isob-east-1",  "aws-iso-b",  "sc2s.sgov.gov"   },
        {"eu-isoe-west-1",  "aws-iso-e",  "cloud.adc-e.uk"  },
        {"us-isof-south-1", "aws-iso-f",  "csp.hci.ic.gov"  },
        {"eusc-de-east-1",  "aws-eusc",   "amazonaws.eu"    },
        {"zz-new-1",        "aws",        "amazonaws.com"   },
        {"",                "aws",        "amazonaws.com"   },
        {NULL,              "aws",        "amazonaws.com"   },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(aws_partition_of(rows[i][0])->name, rows[i][1]);
        assert_string_equal(aws_partition_of(rows[i][0])->dns_suffix, rows[i][2]);
    }
}

static void arn_is_split(void **state)
{
    (void)state;
    struct aws_arn a = {.partition = "x"};
    struct err err = {0};

    assert_true(aws_arn_parse("arn:aws:rds:eu-west-1:123456789012:cluster:my:db", "--x", &a, &err));
    assert_string_equal(a.partition, "aws");
    assert_string_equal(a.service, "rds");
    assert_string_equal(a.region, "eu-west-1");
    assert_string_equal(a.account, "123456789012");
    assert_string_equal(a.resource, "cluster:my:db");
    assert_true(aws_arn_parse("arn:aws-cn:iam::123456789012:role/p/x", "--x", &a, &err));
    assert_string_equal(a.partition, "aws-cn");
    assert_string_equal(a.region, "");
    assert_string_equal(a.resource, "role/p/x");
    assert_true(aws_arn_parse("arn:aws-us-gov:s3:::bucket", "--x", &a, &err));
    assert_string_equal(a.account, "");
    assert_true(aws_arn_parse("arn:aws:iam::aws:policy/ReadOnly", "--x", &a, &err));
    assert_string_equal(a.account, "aws");
    assert_int_equal(err.kind, ERR_NONE);
}

static void what_is_no_arn_is_refused_and_named(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "arn:",
        "my/secret",
        "arn:aws:rds:eu-west-1:123456789012",
        "arn:aws:rds:eu-west-1:123456789012:",
        "ARN:aws:rds:eu-west-1:123456789012:x",
        "arn:gcp:rds:eu-west-1:123456789012:x",
        "arn:aws::eu-west-1:123456789012:x",
        "arn:aws:rds:evil.example:123456789012:x",
        "arn:aws:rds:nowhere:123456789012:x",
        "arn:aws:rds:eu-west-1:12345678901234567:x",
        "arn:aws-and-much-longer:rds:eu-west-1:123456789012:x",
        "arn:aws:r/s:eu-west-1:123456789012:x",
        "arn:aws:rds:eu-west-1:123456789012:x y",
        "arn:aws:rds:eu-west-1:123456789012:x\n",
        " arn:aws:rds:eu-west-1:123456789012:x",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct aws_arn a = {.partition = "before"};
        struct err err = {0};
        if (aws_arn_parse(bad[i], "--source-secret", &a, &err)) {
            fail_msg("%s", bad[i]);
        }
        assert_int_equal(err.kind, ERR_USAGE);
        assert_memory_equal(err.msg, "--source-secret: ", 17);
        assert_string_equal(a.partition, "before");
    }
    assert_true(aws_is_arn("arn:aws:x"));
    assert_false(aws_is_arn("arn"));
    assert_false(aws_is_arn("a/secret/named/arn:aws"));
}

static void resource_has_a_limit(void **state)
{
    (void)state;
    struct aws_arn a;
    struct err err = {0};
    char text[1100];
    int len = snprintf(text, sizeof text, "arn:aws:rds:eu-west-1:123456789012:");
    size_t room = sizeof a.resource - 1;

    memset(text + len, 'x', sizeof text - (size_t)len);
    text[(size_t)len + room] = '\0';
    assert_true(aws_arn_parse(text, "--x", &a, &err));
    assert_int_equal(strlen(a.resource), room);
    text[(size_t)len + room] = 'x';
    text[(size_t)len + room + 1] = '\0';
    assert_false(aws_arn_parse(text, "--x", &a, &err));
    assert_true(strlen(err.msg) < 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_tells_its_region),
        cmocka_unit_test(long_host_is_refused),
        cmocka_unit_test(region_is_three_words_and_a_number),
        cmocka_unit_test(partition_follows_the_prefix),
        cmocka_unit_test(arn_is_split),
        cmocka_unit_test(what_is_no_arn_is_refused_and_named),
        cmocka_unit_test(resource_has_a_limit),
    };

    return cmocka_run_group_tests_name("arn", tests, NULL, NULL);
}
