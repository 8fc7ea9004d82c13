#include "aws/credentials_profile.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DURATION_S_MAX 43200 /* as STS takes it */

/* NULL when it is not there or empty. */
static const char *value(const struct profile_section *profile, const char *name)
{
    const char *text = profile_value(profile, name);

    return text == NULL || text[0] == '\0' ? NULL : text;
}

static bool has(const struct profile_section *profile, const char *name)
{
    return value(profile, name) != NULL;
}

static bool has_keys(const struct profile_section *profile)
{
    return has(profile, "aws_access_key_id") && has(profile, "aws_secret_access_key");
}

/* ---- what is not supported ---- */

static bool refuse(const struct profile_section *profile, const char *key, const char *what,
                   struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "profile %s %s (%s), which is not supported here; get keys first, as with "
                   "\"aws configure export-credentials --profile %s --format env\", and set them "
                   "in the environment",
                   profile->name, what, key, profile->name);
}

static bool check_sign_in(const struct profile_section *profile, struct err *err)
{
    static const char *const sso[] = {"sso_session", "sso_start_url", "sso_account_id",
                                      "sso_role_name"};

    for (size_t i = 0; i < sizeof(sso) / sizeof(sso[0]); i++) {
        if (has(profile, sso[i])) {
            return refuse(profile, sso[i], "signs in through IAM Identity Center", err);
        }
    }
    return !has(profile, "login_session") ||
           refuse(profile, "login_session", "signs in through the console", err);
}

static bool check_mfa(const struct profile_section *profile, struct err *err)
{
    return !has(profile, "mfa_serial") ||
           refuse(profile, "mfa_serial", "assumes its role with an MFA code", err);
}

/* ---- where a plan starts ---- */

static bool start_with(struct profile_plan *plan, enum profile_base base,
                       const struct profile_section *profile)
{
    plan->base = base;
    plan->base_profile = profile;
    return true;
}

static bool start_with_web_identity(struct profile_plan *plan,
                                    const struct profile_section *profile, struct err *err)
{
    if (!has(profile, "role_arn")) {
        return err_set(err, ERR_USAGE, "profile %s has a web_identity_token_file but no role_arn",
                       profile->name);
    }
    return start_with(plan, PROFILE_WEB_IDENTITY, profile);
}

/* Keys, a sign-in that is refused, or nothing. */
static bool start_without_role(struct profile_plan *plan, const struct profile_section *profile,
                               struct err *err)
{
    bool has_id = has(profile, "aws_access_key_id");
    bool has_secret = has(profile, "aws_secret_access_key");

    if (!check_sign_in(profile, err)) {
        return false;
    }
    if (has_id && has_secret) {
        return start_with(plan, PROFILE_KEYS, profile);
    }
    if (has_id || has_secret) {
        return err_set(err, ERR_USAGE, "profile %s has %s but no %s", profile->name,
                       has_id ? "aws_access_key_id" : "aws_secret_access_key",
                       has_id ? "aws_secret_access_key" : "aws_access_key_id");
    }
    if (has(profile, "credential_process")) {
        return refuse(profile, "credential_process", "gets its keys from a program", err);
    }
    return start_with(plan, PROFILE_NOTHING, profile);
}

static bool start_with_named_source(struct profile_plan *plan,
                                    const struct profile_section *profile, struct err *err)
{
    static const struct {
        const char *name;
        enum profile_base base;
    } sources[] = {
        {"Environment",         PROFILE_ENVIRONMENT},
        {"Ec2InstanceMetadata", PROFILE_INSTANCE   },
        {"EcsContainer",        PROFILE_CONTAINER  },
    };
    const char *wanted = value(profile, "credential_source");

    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (strcasecmp(wanted, sources[i].name) == 0) {
            return start_with(plan, sources[i].base, profile);
        }
    }
    return err_set(err, ERR_USAGE,
                   "profile %s: credential_source is Environment, Ec2InstanceMetadata or "
                   "EcsContainer, not \"%.60s\"",
                   profile->name, wanted);
}

/* ---- roles ---- */

static bool is_planned(const struct profile_plan *plan, const struct profile_section *profile)
{
    for (size_t i = 0; i < plan->role_count; i++) {
        if (plan->roles[i] == profile) {
            return true;
        }
    }
    return false;
}

/* Appended while walking from the role that is wanted to the base; turned round at the end. */
static bool add_role(struct profile_plan *plan, const struct profile_section *profile,
                     struct err *err)
{
    if (plan->role_count == PROFILE_ROLES_MAX) {
        return err_set(err, ERR_USAGE, "profile %s: more than %d roles in a row",
                       plan->roles[0]->name, PROFILE_ROLES_MAX);
    }
    plan->roles[plan->role_count++] = profile;
    return true;
}

static void turn_round(struct profile_plan *plan)
{
    for (size_t i = 0; i < plan->role_count / 2; i++) {
        const struct profile_section *kept = plan->roles[i];
        plan->roles[i] = plan->roles[plan->role_count - 1 - i];
        plan->roles[plan->role_count - 1 - i] = kept;
    }
}

static bool check_role_sources(const struct profile_section *profile, struct err *err)
{
    bool by_profile = has(profile, "source_profile");
    bool by_name = has(profile, "credential_source");

    if (by_profile && by_name) {
        return err_set(err, ERR_USAGE,
                       "profile %s has both source_profile and credential_source; leave one",
                       profile->name);
    }
    if (!by_profile && !by_name) {
        return err_set(err, ERR_USAGE,
                       "profile %s has a role_arn but neither source_profile nor "
                       "credential_source nor web_identity_token_file",
                       profile->name);
    }
    return check_mfa(profile, err);
}

static bool find_source(const struct profiles *profiles, const struct profile_section *profile,
                        const struct profile_section **source, struct err *err)
{
    const char *name = value(profile, "source_profile");

    *source = profiles_find(profiles, "profile", name);
    return *source != NULL ||
           err_set(err, ERR_USAGE, "there is no profile %s, the source_profile of %s", name,
                   profile->name);
}

static bool start_with_itself(struct profile_plan *plan, const struct profile_section *profile,
                              struct err *err)
{
    if (!has_keys(profile)) {
        return err_set(err, ERR_USAGE,
                       "profile %s is its own source_profile but has no aws_access_key_id and "
                       "aws_secret_access_key",
                       profile->name);
    }
    return start_with(plan, PROFILE_KEYS, profile);
}

/* One step from a role towards its base. *profile becomes the next to look at, or NULL when the
 * plan has its start. */
static bool step_role(const struct profiles *profiles, struct profile_plan *plan,
                      const struct profile_section **profile, struct err *err)
{
    const struct profile_section *role = *profile;

    *profile = NULL;
    if (!check_role_sources(role, err) || !add_role(plan, role, err)) {
        return false;
    }
    if (has(role, "credential_source")) {
        return start_with_named_source(plan, role, err);
    }
    if (!find_source(profiles, role, profile, err)) {
        return false;
    }
    if (*profile == role) {
        *profile = NULL;
        return start_with_itself(plan, role, err);
    }
    return true;
}

static bool step(const struct profiles *profiles, struct profile_plan *plan,
                 const struct profile_section **profile, struct err *err)
{
    const struct profile_section *here = *profile;
    bool is_source = plan->role_count > 0;

    if (is_planned(plan, here)) {
        return err_set(err, ERR_USAGE, "profile %s: its source profiles form a circle",
                       plan->roles[0]->name);
    }
    if (!(is_source && has_keys(here))) {
        if (has(here, "web_identity_token_file")) {
            *profile = NULL;
            return start_with_web_identity(plan, here, err);
        }
        if (has(here, "role_arn")) {
            return step_role(profiles, plan, profile, err);
        }
    }
    *profile = NULL;
    if (!start_without_role(plan, here, err)) {
        return false;
    }
    if (is_source && plan->base == PROFILE_NOTHING) {
        return err_set(err, ERR_USAGE, "profile %s, the source_profile of %s, has no credentials",
                       here->name, plan->roles[plan->role_count - 1]->name);
    }
    return true;
}

bool profile_plan_make(const struct profiles *profiles, const char *name, struct profile_plan *out,
                       struct err *err)
{
    struct profile_plan plan = {.base = PROFILE_NOTHING};
    const struct profile_section *at = profiles_find(profiles, "profile", name);

    while (at != NULL) {
        if (!step(profiles, &plan, &at, err)) {
            return false;
        }
    }
    turn_round(&plan);
    *out = plan;
    return true;
}

/* ---- what the steps need ---- */

bool profile_plan_keys(const struct profile_plan *plan, struct aws_credentials *out,
                       struct err *err)
{
    const struct profile_section *profile = plan->base_profile;
    const char *account = value(profile, "aws_account_id");
    char where[AWS_IDENTITY_MAX];

    (void)snprintf(where, sizeof(where), "profile %s", profile->name);
    if (!aws_credentials_set(out, where, value(profile, "aws_access_key_id"),
                             value(profile, "aws_secret_access_key"),
                             value(profile, "aws_session_token"), err)) {
        return false;
    }
    (void)snprintf(out->account_id, sizeof(out->account_id), "%s", account == NULL ? "" : account);
    memcpy(out->identity, where, sizeof(where));
    return true;
}

bool profile_role(const struct profile_section *profile, struct aws_role *out, struct err *err)
{
    const char *duration = value(profile, "duration_seconds");
    uint64_t duration_s = 0;

    if (duration != NULL &&
        !parse_count(duration, "duration_seconds", 1, DURATION_S_MAX, &duration_s, err)) {
        return err_wrap(err, "profile %s", profile->name);
    }
    *out = (struct aws_role){
        .arn = value(profile, "role_arn"),
        .session_name = value(profile, "role_session_name"),
        .external_id = value(profile, "external_id"),
        .duration_s = (unsigned)duration_s,
    };
    return true;
}
