/*
 * settings.h: everything that variables and profile files say about how to talk to AWS, read once.
 * Immutable afterwards, so any thread may read.
 *
 * Refused here with ERR_USAGE, because half of a promise would be worse: FIPS and dual-stack
 * endpoints (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and their profile keys, if true).
 */
#ifndef AWS_SETTINGS_H
#define AWS_SETTINGS_H

#include "aws/arn.h"
#include "aws/platform.h"
#include "aws/profile.h"
#include "base/err.h"

#define AWS_ATTEMPTS_MAX 20

struct aws_settings {
    struct profiles profiles;
    char *profile;      /* the one in force: given, AWS_PROFILE (AWS_DEFAULT_PROFILE), "default" */
    bool profile_given; /* by the caller: then the environment's keys are left out, as botocore does
                         */
    bool profile_named; /* given or by variable: then it must exist */
    char region[AWS_REGION_MAX]; /* given, AWS_REGION, AWS_DEFAULT_REGION, profile; "" unknown */
    char *ca_bundle;             /* AWS_CA_BUNDLE or ca_bundle; NULL: the system's */
    unsigned max_attempts;       /* AWS_MAX_ATTEMPTS, max_attempts; 1 to 20, 0: not said */
    bool imds_disabled;          /* AWS_EC2_METADATA_DISABLED */
    const struct aws_platform *platform; /* borrowed */
};

/*
 * profile, region: what the user gave; NULL and "" are nothing. Reads ~/.aws/config and
 * ~/.aws/credentials or the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name ("~/"
 * at their start is the home directory, which is what HOME says). A file that is not there is an
 * empty one. Variables win over the profile; an empty one counts as not set.
 *
 * ERR_USAGE, naming the setting and never its value: a file that cannot be read or parsed, a
 * profile that is named and not there, a Region that cannot be one, attempts that are not between 1
 * and 20, a boolean that is neither true nor false (in any case), AWS_RETRY_MODE (retry_mode) that
 * is none of legacy/standard/adaptive.
 */
bool aws_settings_read(const struct aws_platform *platform, const char *profile, const char *region,
                       struct aws_settings *out, struct err *err) MUST_CHECK;
void aws_settings_free(struct aws_settings *s); /* wipes; NULL and zeroed are allowed */

const struct profile_section *aws_settings_profile(const struct aws_settings *s); /* may be NULL */

/*
 * The base URL of a service: AWS_ENDPOINT_URL_<ID>, AWS_ENDPOINT_URL, the profile's services
 * section, the profile's endpoint_url, else https://<prefix>.<region>.<suffix>. Variables and
 * profile are left out when AWS_IGNORE_CONFIGURED_ENDPOINT_URLS (ignore_configured_endpoint_urls)
 * is true. id: "secrets_manager", "kms", "sts", "rds". region: NULL is "". Without a trailing
 * slash. ERR_USAGE when region is none and nothing else says the host, when the configured URL is
 * not one or has a query, and when the profile names a services section that is not there.
 * Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
 */
bool aws_settings_endpoint(const struct aws_settings *s, const char *id, const char *prefix,
                           const char *region, char url[HTTP_URL_MAX], struct err *err) MUST_CHECK;

#endif
