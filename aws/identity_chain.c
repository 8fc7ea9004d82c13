/*
 * The default chain. Sources are looked at in this order; the first that has something to say ends
 * the search, also when what it says is an error:
 *
 *   the environment       AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; left out when the caller
 *                         gave a profile
 *   the profile           keys, a role, a web identity (credentials_profile.h)
 *   a web identity        AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE; left out likewise
 *   the container         AWS_CONTAINER_CREDENTIALS_*_URI
 *   the instance          its metadata service
 */
#include "aws/identity.h"

#include "aws/credentials_container.h"
#include "aws/credentials_env.h"
#include "aws/credentials_imds.h"
#include "aws/credentials_profile.h"
#include "aws/credentials_web.h"
#include "aws/identity_source.h"
#include "base/buf.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOKED_MAX 2048 /* more than all of them can say */

/* Used by one thread at a time: whoever fetches. */
struct chain {
    struct aws_session *session;
    /* The profile's roles, each assumed with the one before; the first is what the plan starts
     * with. All but the last go through their own caches. Empty until needed. */
    struct aws_identity *steps[PROFILE_ROLES_MAX + 1];
    size_t step_count;
    struct profile_plan plan;
    bool instance_seen; /* its metadata service has answered once */
};

static void chain_release(void *arg)
{
    struct chain *chain = arg;

    for (size_t i = chain->step_count; i > 0; i--) {
        aws_identity_free(chain->steps[i - 1]);
    }
    free(chain);
}

/* ---- the sources that are only asked ---- */

static bool look_environment(struct chain *chain, struct aws_credentials *out,
                             struct credentials_answer *answer, struct err *err)
{
    if (chain->session->settings.profile_given) {
        return credentials_missing(answer, "not looked at, because a profile was given");
    }
    return credentials_env(chain->session, out, answer, err);
}

static bool look_web_identity(struct chain *chain, struct aws_credentials *out,
                              struct credentials_answer *answer, struct err *err)
{
    if (chain->session->settings.profile_given) {
        return credentials_missing(answer, "not looked at, because a profile was given");
    }
    return credentials_web(chain->session, out, answer, err);
}

static bool look_container(struct chain *chain, struct aws_credentials *out,
                           struct credentials_answer *answer, struct err *err)
{
    return credentials_container(chain->session, out, answer, err);
}

/* What has answered before is there: its silence is a fault that passes, not an absence. */
static bool look_instance(struct chain *chain, struct aws_credentials *out,
                          struct credentials_answer *answer, struct err *err)
{
    if (!credentials_imds(chain->session, out, answer, err)) {
        return false;
    }
    if (!answer->found && chain->instance_seen) {
        return err_set(err, ERR_TRANSIENT, "the instance's metadata service: %s", answer->missing);
    }
    chain->instance_seen = answer->found;
    return true;
}

/* ---- the profile ---- */

static bool start_named_source(struct chain *chain, struct aws_credentials *out, struct err *err)
{
    struct credentials_answer answer = {0};
    bool ok = false;

    if (chain->plan.base == PROFILE_ENVIRONMENT) {
        ok = credentials_env(chain->session, out, &answer, err);
    } else if (chain->plan.base == PROFILE_CONTAINER) {
        ok = look_container(chain, out, &answer, err);
    } else {
        ok = look_instance(chain, out, &answer, err);
    }
    if (!ok) {
        return false;
    }
    return answer.found ||
           err_set(err, ERR_AUTH, "profile %s: its credential_source %s has no credentials: %s",
                   chain->plan.base_profile->name,
                   profile_value(chain->plan.base_profile, "credential_source"), answer.missing);
}

static bool start_web_identity(struct chain *chain, struct aws_credentials *out, struct err *err)
{
    const struct profile_section *profile = chain->plan.base_profile;
    char where[AWS_IDENTITY_MAX];
    struct aws_role role = {0};

    if (!profile_role(profile, &role, err)) {
        return false;
    }
    (void)snprintf(where, sizeof(where), "profile %s", profile->name);
    const struct credentials_web_role web = {
        .role_arn = role.arn,
        .token_file = profile_value(profile, "web_identity_token_file"),
        .session_name = role.session_name,
        .duration_s = role.duration_s,
        .where = where,
    };
    return credentials_web_assume(chain->session, &web, out, err);
}

static bool start_fetch(void *arg, struct aws_credentials *out, struct err *err)
{
    struct chain *chain = arg;

    if (chain->plan.base == PROFILE_KEYS) {
        return profile_plan_keys(&chain->plan, out, err);
    }
    if (chain->plan.base == PROFILE_WEB_IDENTITY) {
        return start_web_identity(chain, out, err);
    }
    return start_named_source(chain, out, err);
}

static bool add_role_step(struct chain *chain, const struct profile_section *profile,
                          struct err *err)
{
    struct aws_role role = {0};

    if (!profile_role(profile, &role, err)) {
        return false;
    }
    if (!aws_identity_role(chain->session, chain->steps[chain->step_count - 1], &role,
                           &chain->steps[chain->step_count], err)) {
        return err_wrap(err, "profile %s", profile->name);
    }
    chain->step_count++;
    return true;
}

static void drop_steps(struct chain *chain)
{
    while (chain->step_count > 0) {
        chain->step_count--;
        aws_identity_free(chain->steps[chain->step_count]);
    }
}

static bool build_steps(struct chain *chain, struct err *err)
{
    if (!aws_identity_custom(chain->session, start_fetch, chain, &chain->steps[0], err)) {
        return false;
    }
    chain->step_count = 1;
    for (size_t i = 0; i < chain->plan.role_count; i++) {
        if (!add_role_step(chain, chain->plan.roles[i], err)) {
            drop_steps(chain);
            return false;
        }
    }
    return true;
}

static bool look_profile(struct chain *chain, struct aws_credentials *out,
                         struct credentials_answer *answer, struct err *err)
{
    const struct aws_settings *settings = &chain->session->settings;

    if (!profile_plan_make(&settings->profiles, settings->profile, &chain->plan, err)) {
        return false;
    }
    if (chain->plan.base == PROFILE_NOTHING) {
        return credentials_missing(answer, "%s %.100s",
                                   chain->plan.base_profile == NULL ? "there is no profile"
                                                                    : "no credentials in profile",
                                   settings->profile);
    }
    if (chain->step_count == 0 && !build_steps(chain, err)) {
        return false;
    }
    answer->found = true;
    return aws_identity_ask(chain->steps[chain->step_count - 1], out, err);
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    bool (*look)(struct chain *chain, struct aws_credentials *out,
                 struct credentials_answer *answer, struct err *err);
} sources[] = {
    {"the environment",       look_environment },
    {"the shared files",      look_profile     },
    {"web identity",          look_web_identity},
    {"container credentials", look_container   },
    {"instance metadata",     look_instance    },
};

static bool chain_fetch(void *arg, struct aws_credentials *out, struct err *err)
{
    struct chain *chain = arg;
    CLEANUP(buf_free) struct buf looked = {0};

    buf_init(&looked, LOOKED_MAX);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct credentials_answer answer = {0};
        if (!sources[i].look(chain, out, &answer, err)) {
            return false;
        }
        if (answer.found) {
            return true;
        }
        buf_printf(&looked, "%s%s (%s)", i == 0 ? "" : "; ", sources[i].name, answer.missing);
    }
    return err_set(err, ERR_AUTH, "no AWS credentials were found. Looked at: %s", buf_str(&looked));
}

bool aws_identity_chain(struct aws_session *session, struct aws_identity **out, struct err *err)
{
    struct chain *chain = calloc(1, sizeof(*chain));

    if (chain == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    chain->session = session;

    const struct aws_source source = {.fetch = chain_fetch, .arg = chain, .release = chain_release};
    if (!aws_identity_make(session, &source, out, err)) {
        free(chain);
        return false;
    }
    return true;
}
