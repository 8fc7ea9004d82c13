/* settings: which of variables and profiles is in force, where the files are, and endpoints. */
#include "unit.h"

#include "aws/settings.h"
#include "tests/support/fake_platform.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define VECTORS     "tests/vectors/aws-config/file-location-tests.json"
#define VECTORS_MAX 50
#define TESTS_MAX   300 /* cmocka passes over those that stay empty */

#define CONFIG      "/h/.aws/config"
#define CREDENTIALS "/h/.aws/credentials"

/* "NAME=value;NAME=value". */
static void set_variables(struct fake_platform *f, const char *list)
{
    char name[64];
    char value[5000];

    while (list != NULL && *list != '\0') {
        size_t name_len = strcspn(list, "=");
        size_t value_len = strcspn(list + name_len, ";");
        assert_true(name_len < sizeof name && value_len > 0 && value_len < sizeof value);
        (void)snprintf(name, sizeof name, "%.*s", (int)name_len, list);
        (void)snprintf(value, sizeof value, "%.*s", (int)(value_len - 1), list + name_len + 1);
        fake_platform_variable(f, name, value);
        list += name_len + value_len;
        list += *list == ';' ? 1 : 0;
    }
}

/* ---- where the files are: the vectors ---- */

static void check_location(void **state)
{
    json_t *test = *state;
    json_t *profile = json_object_get(test, "profile");
    const char *name = profile == NULL ? "default" : json_string_value(profile);
    struct fake_platform *f = fake_platform_new();
    struct aws_settings s;
    struct err err = {0};
    char text[200];
    const char *variable;
    json_t *value;

    json_object_foreach(json_object_get(test, "environment"), variable, value)
    {
        fake_platform_variable(f, variable, json_string_value(value));
    }
    (void)snprintf(text, sizeof text, "[profile %s]\nfrom_config = yes\n", name);
    fake_platform_file(f, json_string_value(json_object_get(test, "configLocation")), text);
    (void)snprintf(text, sizeof text, "[%s]\nfrom_credentials = yes\n", name);
    fake_platform_file(f, json_string_value(json_object_get(test, "credentialsLocation")), text);

    assert_true(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    assert_string_equal(s.profile, name);
    assert_non_null(profile_value(aws_settings_profile(&s), "from_config"));
    assert_non_null(profile_value(aws_settings_profile(&s), "from_credentials"));
    aws_settings_free(&s);
    fake_platform_free(f);
}

/* Sluice has no Windows port, so drive letters, USERPROFILE and HOMEDRIVE mean nothing to it. */
static void check_location_elsewhere(void **state)
{
    assert_string_equal(json_string_value(json_object_get(*state, "platform")), "windows");
    print_message("skipped: this case is about Windows, which is not a platform of this client\n");
    skip();
}

/* ---- what is in force ---- */

enum what { PROFILE, REGION, CA_BUNDLE, ATTEMPTS, IMDS_OFF, BAD };

struct force_case {
    const char *name;
    const char *variables;
    const char *config;
    const char *profile; /* given */
    const char *region;  /* given */
    enum what what;
    const char *want; /* BAD: all of the message */
};

static const char two_profiles[] = "[default]\nregion = us-west-1\nca_bundle = /d.pem\n"
                                   "[profile dev]\nregion = eu-west-1\nca_bundle = /dev.pem\n"
                                   "max_attempts = 7\nretry_mode = adaptive\n";

#define NOT_A_REGION " is not the name of a Region, such as us-east-1"

static struct force_case force_cases[] = {
    {"the default profile",                     "HOME=/h",                                       two_profiles,                                NULL,      NULL,   PROFILE,   "default"                                         },
    {"no files at all",                         "HOME=/h",                                       NULL,                                        NULL,      NULL,   PROFILE,   "default"                                         },
    {"no home",                                 NULL,                                            two_profiles,                                NULL,      NULL,   REGION,    ""                                                },
    {"AWS_PROFILE",                             "HOME=/h;AWS_PROFILE=dev",                       two_profiles,                                NULL,      NULL,   REGION,    "eu-west-1"                                       },
    {"AWS_DEFAULT_PROFILE",                     "HOME=/h;AWS_DEFAULT_PROFILE=dev",               two_profiles,                                NULL,      NULL,   REGION,
     "eu-west-1"                                                                                                                                                                                                              },
    {"AWS_PROFILE before AWS_DEFAULT_PROFILE",  "HOME=/h;AWS_PROFILE=dev;AWS_DEFAULT_PROFILE=x",
     two_profiles,                                                                                                                            NULL,      NULL,   PROFILE,   "dev"                                             },
    {"a given profile before variables",        "HOME=/h;AWS_PROFILE=nowhere",                   two_profiles,                                "dev",     NULL,
     REGION,                                                                                                                                                                "eu-west-1"                                       },
    {"an empty AWS_PROFILE",                    "HOME=/h;AWS_PROFILE=",                          two_profiles,                                NULL,      NULL,   PROFILE,   "default"                                         },
    {"an empty given profile",                  "HOME=/h;AWS_PROFILE=dev",                       two_profiles,                                "",        NULL,   PROFILE,   "dev"                                             },
    {"a profile that is not there",             "HOME=/h",                                       two_profiles,                                "nowhere", NULL,   BAD,
     "no profile nowhere in " CONFIG " or " CREDENTIALS                                                                                                                                                                       },
    {"AWS_PROFILE that is not there",           "HOME=/h;AWS_PROFILE=default",                   "[profile dev]\n",                           NULL,      NULL,
     BAD,                                                                                                                                                                   "no profile default in " CONFIG " or " CREDENTIALS},
    {"a profile without a home",                NULL,                                            NULL,                                        "dev",     NULL,   BAD,
     "no profile dev: HOME is not set, so there are no files"                                                                                                                                                                 },

    {"the profile's Region",                    "HOME=/h",                                       two_profiles,                                NULL,      NULL,   REGION,    "us-west-1"                                       },
    {"AWS_DEFAULT_REGION before the profile's", "HOME=/h;AWS_DEFAULT_REGION=us-east-2",
     two_profiles,                                                                                                                            NULL,      NULL,   REGION,    "us-east-2"                                       },
    {"AWS_REGION before AWS_DEFAULT_REGION",
     "HOME=/h;AWS_DEFAULT_REGION=us-east-2;AWS_REGION=us-east-1",                                two_profiles,                                NULL,      NULL,   REGION,
     "us-east-1"                                                                                                                                                                                                              },
    {"a given Region before all",               "HOME=/h;AWS_REGION=us-east-1",                  two_profiles,                                NULL,
     "eu-central-1",                                                                                                                                             REGION,    "eu-central-1"                                    },
    {"an empty AWS_REGION",                     "HOME=/h;AWS_REGION=",                           two_profiles,                                NULL,      NULL,   REGION,    "us-west-1"                                       },
    {"no Region",                               "HOME=/h",                                       "[default]\n",                               NULL,      NULL,   REGION,    ""                                                },
    {"a given Region that is none",             "HOME=/h",                                       NULL,                                        NULL,      "mars", BAD,
     "the Region given" NOT_A_REGION                                                                                                                                                                                          },
    {"AWS_REGION that is none",                 "HOME=/h;AWS_REGION=us-east-1.evil.example",     NULL,                                        NULL,      NULL,   BAD,
     "AWS_REGION" NOT_A_REGION                                                                                                                                                                                                },
    {"a profile's Region that is none",         "HOME=/h",                                       "[default]\nregion = SECRET",                NULL,      NULL,   BAD,
     "region of profile default" NOT_A_REGION                                                                                                                                                                                 },
    {"a wrong Region that is not in force",     "HOME=/h;AWS_REGION=us-east-1",                  "[default]\nregion = x",
     NULL,                                                                                                                                               NULL,   REGION,    "us-east-1"                                       },

    {"no CA bundle",                            "HOME=/h",                                       "[default]\nca_bundle =\n",                  NULL,      NULL,   CA_BUNDLE, NULL                                              },
    {"the profile's CA bundle",                 "HOME=/h",                                       two_profiles,                                NULL,      NULL,   CA_BUNDLE, "/d.pem"                                          },
    {"AWS_CA_BUNDLE",                           "HOME=/h;AWS_CA_BUNDLE=/v.pem",                  two_profiles,                                NULL,      NULL,   CA_BUNDLE,
     "/v.pem"                                                                                                                                                                                                                 },

    {"no attempts said",                        "HOME=/h",                                       two_profiles,                                NULL,      NULL,   ATTEMPTS,  "0"                                               },
    {"the profile's attempts",                  "HOME=/h",                                       two_profiles,                                "dev",     NULL,   ATTEMPTS,  "7"                                               },
    {"AWS_MAX_ATTEMPTS",                        "HOME=/h;AWS_MAX_ATTEMPTS=20",                   two_profiles,                                "dev",     NULL,   ATTEMPTS,  "20"                                              },
    {"one attempt",                             "HOME=/h;AWS_MAX_ATTEMPTS=1",                    NULL,                                        NULL,      NULL,   ATTEMPTS,  "1"                                               },
    {"no attempt",                              "HOME=/h;AWS_MAX_ATTEMPTS=0",                    NULL,                                        NULL,      NULL,   BAD,
     "AWS_MAX_ATTEMPTS is not a number between 1 and 20"                                                                                                                                                                      },
    {"too many attempts",                       "HOME=/h;AWS_MAX_ATTEMPTS=21",                   NULL,                                        NULL,      NULL,   BAD,
     "AWS_MAX_ATTEMPTS is not a number between 1 and 20"                                                                                                                                                                      },
    {"attempts in words",                       "HOME=/h",                                       "[default]\nmax_attempts = SECRET",          NULL,      NULL,   BAD,
     "max_attempts of profile default is not a number between 1 and 20"                                                                                                                                                       },

    {"AWS_RETRY_MODE",                          "HOME=/h;AWS_RETRY_MODE=Standard",               NULL,                                        NULL,      NULL,   ATTEMPTS,  "0"                                               },
    {"a retry mode that is none",               "HOME=/h;AWS_RETRY_MODE=often",                  NULL,                                        NULL,      NULL,   BAD,
     "AWS_RETRY_MODE is none of legacy, standard and adaptive"                                                                                                                                                                },
    {"a profile's retry mode that is none",     "HOME=/h",                                       "[default]\nretry_mode = x",                 NULL,      NULL,   BAD,
     "retry_mode of profile default is none of legacy, standard and adaptive"                                                                                                                                                 },

    {"metadata on",                             "HOME=/h",                                       NULL,                                        NULL,      NULL,   IMDS_OFF,  "no"                                              },
    {"metadata off",                            "HOME=/h;AWS_EC2_METADATA_DISABLED=TRUE",        NULL,                                        NULL,      NULL,   IMDS_OFF,  "yes"                                             },
    {"metadata not off",                        "HOME=/h;AWS_EC2_METADATA_DISABLED=false",       NULL,                                        NULL,      NULL,   IMDS_OFF,
     "no"                                                                                                                                                                                                                     },
    {"metadata perhaps",                        "HOME=/h;AWS_EC2_METADATA_DISABLED=1",           NULL,                                        NULL,      NULL,   BAD,
     "AWS_EC2_METADATA_DISABLED is neither true nor false"                                                                                                                                                                    },

    {"FIPS false",                              "HOME=/h;AWS_USE_FIPS_ENDPOINT=false",           "[default]\nuse_fips_endpoint = true",
     NULL,                                                                                                                                               NULL,   PROFILE,   "default"                                         },
    {"dual stack false",                        "HOME=/h",                                       "[default]\nuse_dualstack_endpoint = False", NULL,      NULL,
     PROFILE,                                                                                                                                                               "default"                                         },
    {"FIPS in a profile that is not in force",  "HOME=/h",                                       "[profile x]\nuse_fips_endpoint = true",
     NULL,                                                                                                                                               NULL,   PROFILE,   "default"                                         },
    {"FIPS that is no boolean",                 "HOME=/h;AWS_USE_FIPS_ENDPOINT=yes",             NULL,                                        NULL,      NULL,   BAD,
     "AWS_USE_FIPS_ENDPOINT is neither true nor false"                                                                                                                                                                        },

    {"a file that cannot be parsed",            "HOME=/h",                                       "[default]\nSECRET",                         NULL,      NULL,   BAD,
     CONFIG ":2: Expected an '=' sign defining a property"                                                                                                                                                                    },
    {"~/ without a home",                       "AWS_CONFIG_FILE=~/c",                           NULL,                                        NULL,      NULL,   BAD,
     "AWS_CONFIG_FILE begins with ~/, but HOME is not set"                                                                                                                                                                    },
};

static void check_value(const struct aws_settings *s, enum what what, const char *want)
{
    char number[16];

    (void)snprintf(number, sizeof number, "%u", s->max_attempts);
    const char *const texts[] = {
        [PROFILE] = s->profile,
        [REGION] = s->region,
        [CA_BUNDLE] = s->ca_bundle,
        [ATTEMPTS] = number,
        [IMDS_OFF] = s->imds_disabled ? "yes" : "no",
    };
    if (want == NULL) {
        assert_null(texts[what]);
    } else {
        assert_non_null(texts[what]);
        assert_string_equal(texts[what], want);
    }
}

static void check_force(void **state)
{
    const struct force_case *c = *state;
    struct fake_platform *f = fake_platform_new();
    struct aws_settings s = {.max_attempts = 77};
    struct err err = {0};

    set_variables(f, c->variables);
    fake_platform_file(f, CONFIG, c->config);
    bool ok = aws_settings_read(fake_platform_of(f), c->profile, c->region, &s, &err);
    if (c->what == BAD) {
        assert_false(ok);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(err.msg, c->want);
        assert_int_equal(s.max_attempts, 77);
        assert_null(s.profile);
    } else {
        if (!ok) {
            fail_msg("%s", err.msg);
        }
        check_value(&s, c->what, c->want);
    }
    aws_settings_free(&s);
    fake_platform_free(f);
}

static void variants_of_endpoints_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"HOME=/h;AWS_USE_FIPS_ENDPOINT=true",      NULL,                                       "FIPS"      },
        {"HOME=/h",                                 "[default]\nuse_fips_endpoint = TRUE",      "FIPS"      },
        {"HOME=/h;AWS_USE_DUALSTACK_ENDPOINT=True", NULL,                                       "dual-stack"},
        {"HOME=/h",                                 "[default]\nuse_dualstack_endpoint = true", "dual-stack"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake_platform *f = fake_platform_new();
        struct aws_settings s;
        struct err err = {0};
        set_variables(f, rows[i][0]);
        fake_platform_file(f, CONFIG, rows[i][1]);
        assert_false(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_memory_equal(err.msg, rows[i][2], strlen(rows[i][2]));
        fake_platform_free(f);
    }
}

static void who_named_the_profile_is_kept(void **state)
{
    (void)state;
    static const char *const variables[] = {"HOME=/h", "HOME=/h;AWS_PROFILE=dev", "HOME=/h"};
    static const char *const given[] = {NULL, NULL, "dev"};

    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        struct fake_platform *f = fake_platform_new();
        struct aws_settings s;
        struct err err = {0};
        set_variables(f, variables[i]);
        fake_platform_file(f, CREDENTIALS, "[dev]\n");
        assert_true(aws_settings_read(fake_platform_of(f), given[i], NULL, &s, &err));
        assert_int_equal(s.profile_given, i == 2);
        assert_int_equal(s.profile_named, i >= 1);
        assert_int_equal(aws_settings_profile(&s) != NULL, i >= 1);
        aws_settings_free(&s);
        fake_platform_free(f);
    }
    aws_settings_free(NULL);
}

static void home_sign_is_taken_in_both_files(void **state)
{
    (void)state;
    struct fake_platform *f = fake_platform_new();
    struct aws_settings s;
    struct err err = {0};

    set_variables(f, "HOME=/h;AWS_CONFIG_FILE=~/my/c;AWS_SHARED_CREDENTIALS_FILE=~other/k");
    fake_platform_file(f, "/h/my/c", "[default]\na = 1");
    fake_platform_file(f, "~other/k", "[default]\nb = 2");
    assert_true(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    assert_string_equal(profile_value(aws_settings_profile(&s), "a"), "1");
    assert_string_equal(profile_value(aws_settings_profile(&s), "b"), "2");
    aws_settings_free(&s);
    fake_platform_free(f);
}

static void credentials_file_wins(void **state)
{
    (void)state;
    struct fake_platform *f = fake_platform_new();
    struct aws_settings s;
    struct err err = {0};

    set_variables(f, "HOME=/h");
    fake_platform_file(f, CONFIG, "[default]\nregion = us-east-1\noutput = json");
    fake_platform_file(f, CREDENTIALS, "[default]\nregion = us-east-2");
    assert_true(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    assert_string_equal(s.region, "us-east-2");
    assert_string_equal(profile_value(aws_settings_profile(&s), "output"), "json");
    aws_settings_free(&s);
    fake_platform_free(f);
}

static void unreadable_files_are_errors(void **state)
{
    (void)state;
    static char large[PROFILE_FILE_MAX + 1];
    struct fake_platform *f = fake_platform_new();
    struct aws_settings s;
    struct err err = {0};
    char path[5000];

    set_variables(f, "HOME=/h");
    fake_platform_file_forbidden(f, CREDENTIALS);
    assert_false(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.msg, CREDENTIALS));

    memset(large, '\n', sizeof large);
    fake_platform_file_bytes(f, CREDENTIALS, large, sizeof large);
    assert_false(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    fake_platform_file_bytes(f, CREDENTIALS, large, sizeof large - 1);
    assert_true(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    aws_settings_free(&s);

    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    fake_platform_variable(f, "AWS_CONFIG_FILE", path);
    assert_false(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    assert_string_equal(err.msg, "AWS_CONFIG_FILE: the path is too long");
    fake_platform_free(f);
}

/* ---- endpoints ---- */

struct url_case {
    const char *name;
    const char *variables; /* HOME is set too */
    const char *config;
    const char *id;
    const char *prefix;
    const char *region;
    bool good;
    const char *want; /* the URL, or all of the message */
};

static const char dev_services[] = "[default]\nservices = dev\nendpoint_url = http://all\n"
                                   "[services dev]\n"
                                   "kms =\n  endpoint_url = http://kms:1/\n  other = x\n"
                                   "secrets_manager =\n  endpoint_url = http://sm:2 # x\n"
                                   "rds =\n  other = x\n"
                                   "[services other]\nsts =\n  endpoint_url = http://no\n";

#define NOT_A_URL " is not a plain http or https URL, such as https://host:port"

static struct url_case url_cases[] = {
    {"a Region",                                  "",                                                             NULL,                                          "kms",             "kms",            "eu-west-1",      true,  "https://kms.eu-west-1.amazonaws.com"                          },
    {"STS is regional",                           "",                                                             NULL,                                          "sts",             "sts",            "us-east-1",      true,
     "https://sts.us-east-1.amazonaws.com"                                                                                                                                                                                                                                                    },
    {"China",                                     "",                                                             NULL,                                          "secrets_manager", "secretsmanager", "cn-north-1",     true,
     "https://secretsmanager.cn-north-1.amazonaws.com.cn"                                                                                                                                                                                                                                     },
    {"an isolated partition",                     "",                                                             NULL,                                          "rds",             "rds",            "us-isob-east-1", true,
     "https://rds.us-isob-east-1.sc2s.sgov.gov"                                                                                                                                                                                                                                               },
    {"no Region is known",                        "",                                                             NULL,                                          "kms",             "kms",            "",               false,
     "no Region is known for kms; set AWS_REGION, or region in the profile"                                                                                                                                                                                                                   },
    {"a Region that is NULL",                     "",                                                             NULL,                                          "kms",             "kms",            NULL,             false,
     "no Region is known for kms; set AWS_REGION, or region in the profile"                                                                                                                                                                                                                   },
    {"a Region that is none",                     "",                                                             NULL,                                          "kms",             "kms",            "evil.example/",  false,
     "\"evil.example/\" is not the name of a Region"                                                                                                                                                                                                                                          },
    {"a URL needs no Region",                     "AWS_ENDPOINT_URL=http://x",                                    NULL,                                          "kms",             "kms",            "",               true,
     "http://x"                                                                                                                                                                                                                                                                               },
    {"a service's variable",                      "AWS_ENDPOINT_URL_KMS=https://k:8/p;AWS_ENDPOINT_URL=http://x",
     dev_services,                                                                                                                                               "kms",             "kms",            "us-east-1",      true,  "https://k:8/p"                                                },
    {"a name of two words",                       "AWS_ENDPOINT_URL_SECRETS_MANAGER=http://sm",                   NULL,                                          "secrets_manager",
     "secretsmanager",                                                                                                                                                                                "us-east-1",      true,  "http://sm"                                                    },
    {"another service's variable",                "AWS_ENDPOINT_URL_KMS=http://k",                                NULL,                                          "sts",             "sts",            "us-east-1",
     true,                                                                                                                                                                                                                     "https://sts.us-east-1.amazonaws.com"                          },
    {"the common variable before the services",   "AWS_ENDPOINT_URL=http://x",                                    dev_services,                                  "kms",
     "kms",                                                                                                                                                                                           "us-east-1",      true,  "http://x"                                                     },
    {"the services section",                      "",                                                             dev_services,                                  "kms",             "kms",            "us-east-1",      true,  "http://kms:1"                                                 },
    {"the services section, two words",           "",                                                             dev_services,                                  "secrets_manager", "secretsmanager",
     "us-east-1",                                                                                                                                                                                                       true,  "http://sm:2"                                                  },
    {"a service without a URL there",             "",                                                             dev_services,                                  "rds",             "rds",            "us-east-1",      true,
     "http://all"                                                                                                                                                                                                                                                                             },
    {"a service that is not there",               "",                                                             dev_services,                                  "sts",             "sts",            "us-east-1",      true,
     "http://all"                                                                                                                                                                                                                                                                             },
    {"slashes at the end",                        "AWS_ENDPOINT_URL=http://x:1/a//",                              NULL,                                          "kms",             "kms",            "us-east-1",      true,
     "http://x:1/a"                                                                                                                                                                                                                                                                           },
    {"an empty variable",                         "AWS_ENDPOINT_URL_KMS=",                                        dev_services,                                  "kms",             "kms",            "us-east-1",      true,
     "http://kms:1"                                                                                                                                                                                                                                                                           },
    {"an IPv6 address",                           "AWS_ENDPOINT_URL=http://[::1]:4566/",                          NULL,                                          "kms",             "kms",            "us-east-1",
     true,                                                                                                                                                                                                                     "http://[::1]:4566"                                            },
    {"all is ignored",
     "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=True;AWS_ENDPOINT_URL_KMS=http://k;AWS_ENDPOINT_URL=x",                 dev_services,                                  "kms",             "kms",            "us-east-1",      true,  "https://kms.us-east-1.amazonaws.com"                          },
    {"all is ignored by the profile",             "AWS_ENDPOINT_URL=http://x",
     "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://y",                                                                               "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       true,  "https://kms.us-east-1.amazonaws.com"                          },
    {"the variable says that nothing is ignored", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false",
     "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://y",                                                                               "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       true,  "http://y"                                                     },
    {"ignoring is yes or no",                     "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=1",                        NULL,                                          "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       false, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is neither true nor false"},
    {"a services section that is not there",      "",                                                             "[default]\nservices = nowhere",               "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       false, "profile default names a services section that is not there"   },
    {"a URL without a scheme",                    "AWS_ENDPOINT_URL=SECRET:4566",                                 NULL,                                          "kms",             "kms",            "us-east-1",
     false,                                                                                                                                                                                                                    "AWS_ENDPOINT_URL" NOT_A_URL                                   },
    {"a URL of another scheme",                   "AWS_ENDPOINT_URL_KMS=ftp://SECRET",                            NULL,                                          "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       false, "AWS_ENDPOINT_URL_KMS" NOT_A_URL                               },
    {"a URL with a password",                     "",                                                             "[default]\nendpoint_url = http://u:SECRET@x", "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       false, "endpoint_url of profile default" NOT_A_URL                    },
    {"a URL with a query",                        "AWS_ENDPOINT_URL=http://x/?a=SECRET",                          NULL,                                          "kms",             "kms",            "us-east-1",
     false,                                                                                                                                                                                                                    "AWS_ENDPOINT_URL" NOT_A_URL                                   },
    {"a URL with an empty query",                 "AWS_ENDPOINT_URL=http://x/?",                                  NULL,                                          "kms",             "kms",            "us-east-1",
     false,                                                                                                                                                                                                                    "AWS_ENDPOINT_URL" NOT_A_URL                                   },
    {"a URL with a fragment",                     "AWS_ENDPOINT_URL=http://x/#a",                                 NULL,                                          "kms",             "kms",            "us-east-1",
     false,                                                                                                                                                                                                                    "AWS_ENDPOINT_URL" NOT_A_URL                                   },
    {"a service's URL that is none",              "",
     "[default]\nservices = dev\n[services dev]\nkms =\n endpoint_url = SECRET",                                                                                 "kms",             "kms",
     "us-east-1",                                                                                                                                                                                                       false, "endpoint_url of kms for profile default" NOT_A_URL            },
};

static void check_url(void **state)
{
    const struct url_case *c = *state;
    struct fake_platform *f = fake_platform_new();
    struct aws_settings s;
    struct err err = {0};
    char url[HTTP_URL_MAX] = "before";

    set_variables(f, "HOME=/h");
    set_variables(f, c->variables);
    fake_platform_file(f, CONFIG, c->config);
    assert_true(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
    bool ok = aws_settings_endpoint(&s, c->id, c->prefix, c->region, url, &err);
    assert_int_equal(err.kind, c->good ? ERR_NONE : ERR_USAGE);
    assert_int_equal(ok, c->good);
    assert_string_equal(c->good ? url : err.msg, c->want);
    assert_string_equal(c->good ? "before" : url, "before");
    aws_settings_free(&s);
    fake_platform_free(f);
}

/* Left out because it does not fit, it would send the request to AWS. */
static void url_that_is_too_long_is_not_left_out(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "[default]\nendpoint_url = http://x/",
        "[default]\nservices = dev\n[services dev]\nkms =\n endpoint_url = http://x/"};
    char text[5000];

    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct fake_platform *f = fake_platform_new();
        struct aws_settings s;
        struct err err = {0};
        char url[HTTP_URL_MAX];
        int len = snprintf(text, sizeof text, "%s", heads[i]);
        memset(text + len, 'p', sizeof text - 1 - (size_t)len);
        text[sizeof text - 1] = '\0';
        set_variables(f, "HOME=/h");
        fake_platform_file(f, CONFIG, text);
        assert_true(aws_settings_read(fake_platform_of(f), NULL, NULL, &s, &err));
        assert_false(aws_settings_endpoint(&s, "kms", "kms", "us-east-1", url, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        aws_settings_free(&s);
        fake_platform_free(f);
    }
}

static struct CMUnitTest case_test(const char *name, CMUnitTestFunction run, void *state)
{
    return (struct CMUnitTest){.name = name, .test_func = run, .initial_state = state};
}

static void vectors_are_there(void **state)
{
    assert_int_equal(json_array_size(*state), 9);
}

static size_t add_vectors(struct CMUnitTest *tests, json_t *vectors)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(vectors) && i < VECTORS_MAX; i++) {
        json_t *test = json_array_get(vectors, i);
        const char *platform = json_string_value(json_object_get(test, "platform"));
        bool ours = platform != NULL && strcmp(platform, "linux") == 0;
        tests[count++] = case_test(json_string_value(json_object_get(test, "name")),
                                   ours ? check_location : check_location_elsewhere, test);
    }
    return count;
}

int main(void)
{
    struct CMUnitTest tests[TESTS_MAX] = {{0}};
    json_t *file = json_load_file(VECTORS, 0, NULL);
    json_t *vectors = json_object_get(file, "tests");
    size_t count = add_vectors(tests, vectors);

    for (size_t i = 0; i < ARRAY_LEN(force_cases); i++) {
        tests[count++] = case_test(force_cases[i].name, check_force, &force_cases[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(url_cases); i++) {
        tests[count++] = case_test(url_cases[i].name, check_url, &url_cases[i]);
    }
    tests[count++] = case_test("vectors_are_there", vectors_are_there, vectors);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(variants_of_endpoints_are_refused);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(who_named_the_profile_is_kept);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(home_sign_is_taken_in_both_files);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(credentials_file_wins);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(unreadable_files_are_errors);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(url_that_is_too_long_is_not_left_out);
    int failed = cmocka_run_group_tests_name("settings", tests, NULL, NULL);
    json_decref(file);
    return failed;
}
