#include "aws/identity.h"

#include "aws/arn.h"
#include "aws/identity_source.h"
#include "aws/sts.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAGS_MAX       50 /* STS takes no more session tags */
#define TEXTS_BUT_TAGS 4

struct role_source {
    struct aws_session *session;
    struct aws_identity *base;
    struct aws_role role; /* points into texts and tags */
    struct aws_tag *tags;
    char **texts;
    size_t text_count;
};

static void role_release(void *arg)
{
    struct role_source *source = arg;

    if (source == NULL) {
        return;
    }
    for (size_t i = 0; i < source->text_count; i++) {
        free(source->texts[i]);
    }
    free(source->texts);
    free(source->tags);
    free(source);
}

/* A copy of text that the source owns; NULL stays NULL. */
static bool keep(struct role_source *source, const char *text, const char **copy, struct err *err)
{
    char *fresh = str_copy(text);

    if (fresh == NULL) {
        *copy = NULL;
        return text == NULL || err_set(err, ERR_SYSTEM, "out of memory");
    }
    source->texts[source->text_count++] = fresh;
    *copy = fresh;
    return true;
}

static bool keep_tags(struct role_source *source, const struct aws_role *role, struct err *err)
{
    for (size_t i = 0; i < role->tag_count; i++) {
        if (!keep(source, role->tags[i].key, &source->tags[i].key, err) ||
            !keep(source, role->tags[i].value, &source->tags[i].value, err)) {
            return false;
        }
    }
    source->role.tags = source->tags;
    source->role.tag_count = role->tag_count;
    source->role.duration_s = role->duration_s;
    return true;
}

static bool fill(struct role_source *source, const struct aws_role *role, struct err *err)
{
    source->texts = calloc(TEXTS_BUT_TAGS + 2 * role->tag_count, sizeof(*source->texts));
    source->tags = calloc(role->tag_count + 1, sizeof(*source->tags));
    if (source->texts == NULL || source->tags == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    return keep(source, role->arn, &source->role.arn, err) &&
           keep(source, role->session_name, &source->role.session_name, err) &&
           keep(source, role->external_id, &source->role.external_id, err) &&
           keep(source, role->region, &source->role.region, err) && keep_tags(source, role, err);
}

/* Whose keys the role is asked for with; also the first look at whether there are any. */
static bool base_name(struct role_source *source, char out[AWS_IDENTITY_MAX], struct err *err)
{
    CLEANUP(aws_credentials_free) struct aws_credentials base = {0};

    if (!aws_identity_get(source->base, &base, err)) {
        return false;
    }
    memcpy(out, base.identity, AWS_IDENTITY_MAX);
    return true;
}

static void name_credentials(struct aws_credentials *c, const char *role_arn, const char *base)
{
    int room = AWS_IDENTITY_MAX;
    int len = snprintf(c->identity, AWS_IDENTITY_MAX, "role %s (from %s)", role_arn, base);

    if (len >= room) { /* a long chain: its far end is left out, and the text says so */
        memcpy(c->identity + room - sizeof("...)"), "...)", sizeof("...)"));
    }
}

static bool role_fetch(void *arg, struct aws_credentials *out, struct err *err)
{
    struct role_source *source = arg;
    const struct aws_role *role = &source->role;
    const struct aws_caller caller = {.session = source->session, .identity = source->base};
    char base[AWS_IDENTITY_MAX];

    if (!base_name(source, base, err)) {
        return err_wrap(err, "credentials to assume role %s with", role->arn);
    }
    if (!aws_sts_assume_role(&caller, role, out, err)) {
        return false;
    }
    name_credentials(out, role->arn, base);
    return true;
}

static bool check_role(const struct aws_role *role, struct err *err)
{
    if (role->arn == NULL || !aws_is_arn(role->arn)) {
        return err_set(err, ERR_USAGE, "\"%s\" is not the ARN of a role",
                       role->arn == NULL ? "" : role->arn);
    }
    if (role->tag_count > TAGS_MAX) {
        return err_set(err, ERR_USAGE, "role %s: more than %d session tags", role->arn, TAGS_MAX);
    }
    return true;
}

bool aws_identity_role(struct aws_session *session, struct aws_identity *base,
                       const struct aws_role *role, struct aws_identity **out, struct err *err)
{
    if (!check_role(role, err)) {
        return false;
    }
    struct role_source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    source->session = session;
    source->base = base;

    const struct aws_source behind = {.fetch = role_fetch, .arg = source, .release = role_release};
    if (!fill(source, role, err) || !aws_identity_make(session, &behind, out, err)) {
        role_release(source);
        return false;
    }
    return true;
}
