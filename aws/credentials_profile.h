/*
 * credentials_profile.h: what a profile says about where credentials come from, as a plan: what to
 * start with, and which roles to assume one after the other. Pure. Source: the rules that
 * tests/vectors/aws-config/assume-role-tests.json tells; botocore where it is silent.
 *
 *   role_arn + web_identity_token_file   a web identity
 *   role_arn + source_profile            that profile's credentials, then the role; the profile
 *                                        itself may be named, and then has keys of its own
 *   role_arn + credential_source         Environment, Ec2InstanceMetadata or EcsContainer, then
 *                                        the role
 *   aws_access_key_id + aws_secret_access_key (+ aws_session_token, aws_account_id)
 *
 * Keys in the profile that was asked for are passed over when it has a role_arn; keys in a source
 * profile win over its role_arn.
 *
 * Refused with ERR_USAGE, which names the profile and says what to do instead: IAM Identity Center
 * (sso_*), login_session, credential_process without keys, mfa_serial.
 */
#ifndef AWS_CREDENTIALS_PROFILE_H
#define AWS_CREDENTIALS_PROFILE_H

#include "aws/identity_source.h"
#include "aws/profile.h"

#define PROFILE_ROLES_MAX 16

enum profile_base {
    PROFILE_NOTHING, /* the profile has no credentials, or there is none of that name */
    PROFILE_KEYS,
    PROFILE_WEB_IDENTITY,
    PROFILE_ENVIRONMENT,
    PROFILE_INSTANCE,
    PROFILE_CONTAINER,
};

/* Points into the profiles that it was made from. */
struct profile_plan {
    enum profile_base base;
    const struct profile_section *base_profile; /* that has the keys, the token file, the source */
    const struct profile_section *roles[PROFILE_ROLES_MAX]; /* with role_arn; to assume in order */
    size_t role_count;
};

/* ERR_USAGE: half of a pair of keys, a role without a source or with two, a source profile that is
 * missing or empty, a circle, more than PROFILE_ROLES_MAX roles, and what is refused above. */
bool profile_plan_make(const struct profiles *profiles, const char *name, struct profile_plan *out,
                       struct err *err) MUST_CHECK;

/* The keys of a PROFILE_KEYS plan. */
bool profile_plan_keys(const struct profile_plan *plan, struct aws_credentials *out,
                       struct err *err) MUST_CHECK;

/* What a profile with a role_arn says about the role; borrowed from it. ERR_USAGE: a
 * duration_seconds that is no number. */
bool profile_role(const struct profile_section *profile, struct aws_role *out,
                  struct err *err) MUST_CHECK;

#endif
