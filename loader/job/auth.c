#include "job/auth.h"

#include "aws/base64.h"
#include "aws/kms.h"
#include "base/cleanup.h"
#include "job/auth_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_FILE_MAX 16384u /* KMS_CIPHERTEXT_MAX as base64, in lines */

#define TAGS_MAX 50 /* what STS takes, and all that the options let through */

struct aws_identity *auth_party_identity(const struct auth_party *p)
{
    return p->role != NULL ? p->role : p->auth->chain;
}

/* region NULL: the party's own. */
struct aws_caller auth_party_caller(const struct auth_party *p, const char *region)
{
    return (struct aws_caller){.session = &p->auth->session,
                               .identity = auth_party_identity(p),
                               .region = region == NULL ? p->region : region};
}

/* ---- the three functions of pg_auth ---- */

/* The base string with this try's user and password. */
static bool compose(const struct auth_party *p, const struct secret *user,
                    const struct secret *password, struct pg_login *login, struct err *err)
{
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    bool own_user = conninfo_given(p->base, "user") != NULL;
    return conninfo_copy(p->base, &c, err) &&
           (login->host == NULL || conninfo_redirect(c, p->name, login->host, err)) &&
           (own_user || !secret_is_set(user) ||
            conninfo_set(c, "user", secret_reveal(user), err)) &&
           (!secret_is_set(password) ||
            conninfo_set(c, "password", secret_reveal(password), err)) &&
           conninfo_text(c, &login->conninfo, err) &&
           secret_set(&login->user, secret_reveal(user), err) &&
           secret_set(&login->password, secret_reveal(password), err);
}

/* Without one libpq would take the name of whoever runs the program. */
static bool check_user(const struct auth_party *p, const struct secret_body *body, struct err *err)
{
    bool from_secret = p->wish->secret != NULL && !p->wish->iam;
    return !from_secret || secret_is_set(&body->user) || conninfo_given(p->base, "user") != NULL ||
           conninfo_given(p->base, "service") != NULL ||
           err_set(err, ERR_USAGE,
                   "--%s-secret: secret %s has no \"username\", and the connection string no user",
                   p->name, p->wish->secret);
}

static bool next(void *self, struct pg_login *login, bool *more, struct err *err)
{
    struct auth_party *p = self;
    struct secret_body body = {.host = ""};
    bool ok = true;

    *more = login->tries == 0;
    if (p->wish->iam) {
        ok = auth_iam_next(p, login, &body.password, more, err);
    } else if (p->wish->secret != NULL) {
        ok = auth_secret_next(p, login, &body, more, err);
    } else if (*more) {
        bool kept = login->host != NULL && !secret_is_set(&p->fixed_password) &&
                    conninfo_effective(p->base, "password")[0] == '\0';
        ok = secret_set(&body.password,
                        secret_reveal(kept ? &p->kept_password : &p->fixed_password), err);
    }
    ok = ok && (!*more ||
                (check_user(p, &body, err) && compose(p, &body.user, &body.password, login, err)));
    secret_body_free(&body);
    return ok;
}

static void accepted(void *self, const struct pg_login *login)
{
    struct auth_party *p = self;
    atomic_store_explicit(&p->was_let_in, true, memory_order_relaxed);
    if (p->wish->secret != NULL && !p->wish->iam) {
        auth_secret_accepted(p, login);
    }
}

static void explain(void *self, const struct pg_login *login, struct err *err)
{
    struct auth_party *p = self;
    size_t len = strlen(err->msg);
    char *end = err->msg + len;
    size_t room = sizeof err->msg - len;
    if (p->wish->iam) {
        auth_iam_explain(p, login, err);
    } else if (strstr(err->msg, "PAM authentication failed") != NULL) {
        (void)snprintf(end, room,
                       "; if the role has rds_iam, only a token lets it in: add --%s-iam", p->name);
    } else if (p->wish->secret != NULL) {
        (void)snprintf(
            end, room,
            "; the versions AWSCURRENT, AWSPENDING and AWSPREVIOUS of secret %s were "
            "tried (%u different): put the role's password into the secret, or correct the "
            "user%s",
            p->wish->secret, login->tries,
            conninfo_given(p->base, "user") != NULL
                ? " in the connection string, which goes before the secret's"
                : "");
    } else if (p->wish->password_kms != NULL) {
        (void)snprintf(end, room, "; the password is the one decrypted from %s",
                       p->wish->password_kms);
    }
}

/* ---- opening ---- */

static size_t tags_of(const struct text_list *list, char (*keys)[256], struct aws_tag *tags)
{
    size_t count = list->count < TAGS_MAX ? list->count : TAGS_MAX;
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(list->items[i], '=');
        (void)snprintf(keys[i], 256, "%.*s", (int)(equals - list->items[i]), list->items[i]);
        tags[i] = (struct aws_tag){.key = keys[i], .value = equals + 1};
    }
    return count;
}

static bool open_role(struct auth_party *p, struct err *err)
{
    char keys[TAGS_MAX][256];
    struct aws_tag tags[TAGS_MAX];
    if (p->wish->role_arn == NULL) {
        return true;
    }
    struct aws_role role = {.arn = p->wish->role_arn,
                            .external_id = p->wish->external_id,
                            .tags = tags,
                            .tag_count = tags_of(&p->wish->tags, keys, tags),
                            .region = p->wish->region};
    return aws_identity_role(&p->auth->session, p->auth->chain, &role, &p->role, err) ||
           err_wrap(err, "--%s-role-arn", p->name);
}

/* Base64, perhaps in lines. */
static bool decode_lines(const struct secret *text, struct secret *out)
{
    CLEANUP(secret_free) struct secret plain = {0};
    struct err ignored;
    for (const char *p = secret_reveal(text), *end = p + text->len; p < end;) {
        size_t len = strcspn(p, " \t\r\n");
        if (*p == '\0' || !secret_append(&plain, p, len, &ignored)) {
            return false;
        }
        p += len;
        p += strspn(p, " \t\r\n");
    }
    return base64_decode(secret_reveal(&plain), plain.len, out, &ignored);
}

/* A file from "aws kms encrypt" holds base64, unless it was decoded; both are taken. */
static bool decrypt_password(struct auth_party *p, struct err *err)
{
    const struct aws_platform *platform = &p->auth->platform;
    CLEANUP(secret_free) struct secret file = {0};
    CLEANUP(secret_free) struct secret blob = {0};
    char keys[TAGS_MAX][256];
    struct aws_tag context[TAGS_MAX];
    bool found = false;

    if (p->wish->password_kms == NULL) {
        return true;
    }
    if (!platform->read_file(platform->arg, p->wish->password_kms, PASSWORD_FILE_MAX, &file, &found,
                             err)) {
        return err_wrap(err, "--%s-password-kms", p->name);
    }
    if (!found || !secret_is_set(&file)) {
        return err_set(err, ERR_USAGE, "--%s-password-kms: the file %s %s", p->name,
                       p->wish->password_kms, found ? "is empty" : "does not exist");
    }
    if (!decode_lines(&file, &blob) && !secret_set_bytes(&blob, file.bytes, file.len, err)) {
        return false;
    }
    struct aws_caller caller = auth_party_caller(p, NULL);
    size_t count = tags_of(&p->wish->context, keys, context);
    if (!aws_kms_decrypt(&caller, NULL, blob.bytes, blob.len, context, count, &p->fixed_password,
                         err)) {
        return err_wrap(err, "--%s-password-kms%s", p->name,
                        strstr(err->msg, "InvalidCiphertext") == NULL
                            ? ""
                            : ": the file is not a whole KMS ciphertext of this Region, or its "
                              "encryption context is another one (--kms-context KEY=VALUE)");
    }
    struct secret *password = &p->fixed_password;
    if (password->len > 0 && password->bytes[password->len - 1] == '\n') {
        password->bytes[--password->len] = '\0'; /* as "echo" writes it */
    }
    return (secret_is_set(password) && strlen(password->bytes) == password->len) ||
           err_set(err, ERR_USAGE,
                   "--%s-password-kms: what was decrypted is empty or has a zero byte in it",
                   p->name);
}

static void init_party(struct auth *a, enum auth_side side, const struct side_auth *wish)
{
    struct auth_party *p = &a->party[side];
    p->auth = a;
    p->name = side == AUTH_SOURCE ? "source" : "destination";
    p->wish = wish;
    atomic_init(&p->was_let_in, false);
    p->ops = (struct pg_auth){.self = p, .next = next, .accepted = accepted, .explain = explain};
    mutex_init(&p->lock);
}

static bool open_aws(struct auth *a, int wake_fd, struct err *err)
{
    if (!aws_platform_open(wake_fd, &a->platform, err)) {
        return false;
    }
    if (!aws_session_open(&a->platform, a->spec->aws_profile, NULL, &a->session, err)) {
        aws_platform_close(&a->platform);
        return false;
    }
    a->aws_open = true;
    return aws_identity_chain(&a->session, &a->chain, err) &&
           open_role(&a->party[AUTH_SOURCE], err) && open_role(&a->party[AUTH_DESTINATION], err);
}

static struct auth *make(const struct spec *spec, const struct side_auth *source,
                         const struct side_auth *destination)
{
    struct auth *a = calloc(1, sizeof *a);
    if (a != NULL) {
        a->spec = spec;
        init_party(a, AUTH_SOURCE, source);
        init_party(a, AUTH_DESTINATION, destination);
    }
    return a;
}

/* The Regions as far as options, variables and profile say them. */
static void set_regions(struct auth *a)
{
    for (int i = 0; i < AUTH_SIDES; i++) {
        const struct side_auth *wish = a->party[i].wish;
        const char *known = a->aws_open ? a->session.settings.region : "";
        (void)snprintf(a->party[i].region, sizeof a->party[i].region, "%s",
                       wish->region != NULL ? wish->region : known);
    }
}

/* Takes a over. */
static bool finish_open(struct auth *a, bool wants_aws, int wake_fd, struct auth **out,
                        struct err *err)
{
    if (a == NULL) {
        (void)err_set(err, ERR_SYSTEM, "out of memory");
        return false;
    }
    if (wants_aws && !open_aws(a, wake_fd, err)) {
        auth_close(a);
        return false;
    }
    set_regions(a);
    *out = a;
    return true;
}

bool auth_open_bare(const struct spec *spec, int wake_fd, struct auth **out, struct err *err)
{
    return finish_open(make(spec, &spec->source_auth, &spec->destination_auth),
                       auth_uses_aws(spec, AUTH_SOURCE) || auth_uses_aws(spec, AUTH_DESTINATION) ||
                           spec->spill_kms_key != NULL,
                       wake_fd, out, err);
}

bool auth_open_password(struct auth *auth, enum auth_side side, struct err *err)
{
    struct auth_party *p = &auth->party[side];
    return secret_is_set(&p->fixed_password) || decrypt_password(p, err);
}

bool auth_open_side(struct auth *auth, enum auth_side side, struct err *err)
{
    const struct spec *spec = auth->spec;
    return auth_base_make(&auth->party[side],
                          side == AUTH_SOURCE ? &spec->source : &spec->destination, err) &&
           auth_open_password(auth, side, err);
}

bool auth_keep_password(struct auth *auth, enum auth_side side, const struct secret *password,
                        struct err *err)
{
    struct auth_party *p = &auth->party[side];
    return p->wish->iam || p->wish->secret != NULL ||
           secret_set_bytes(&p->kept_password, password->bytes, password->len, err);
}

bool auth_side_is_open(const struct auth *auth, enum auth_side side)
{
    return auth->party[side].base != NULL;
}

bool auth_open(const struct spec *spec, int wake_fd, struct auth **out, struct err *err)
{
    struct auth *a = NULL;
    if (!auth_open_bare(spec, wake_fd, &a, err)) {
        return false;
    }
    if (!auth_open_side(a, AUTH_SOURCE, err) || !auth_open_side(a, AUTH_DESTINATION, err)) {
        auth_close(a);
        return false;
    }
    *out = a;
    return true;
}

bool auth_open_aws(const struct spec *spec, const struct side_auth *side, int wake_fd,
                   struct auth **out, struct err *err)
{
    return finish_open(make(spec, side != NULL ? side : &spec->source_auth,
                            side != NULL ? side : &spec->destination_auth),
                       true, wake_fd, out, err);
}

static void close_party(struct auth_party *p)
{
    auth_iam_close(p);
    aws_identity_free(p->role);
    conninfo_free(&p->base);
    secret_body_free(&p->current);
    secret_free(&p->fixed_password);
    secret_free(&p->kept_password);
    mutex_destroy(&p->lock);
}

void auth_close(struct auth *a)
{
    if (a == NULL) {
        return;
    }
    close_party(&a->party[AUTH_SOURCE]);
    close_party(&a->party[AUTH_DESTINATION]);
    aws_identity_free(a->chain);
    if (a->aws_open) {
        aws_session_close(&a->session);
        aws_platform_close(&a->platform);
    }
    free(a);
}

/* ---- looking in ---- */

const struct pg_auth *auth_of(const struct auth *auth, enum auth_side side)
{
    return &auth->party[side].ops;
}

void auth_notes(struct auth *auth, void (*tell)(void *self, const char *text), void *self)
{
    char text[256];
    int64_t skew_s = auth->aws_open ? aws_session_skew_s(&auth->session) : 0;
    if (skew_s != auth->told_skew_s) {
        auth->told_skew_s = skew_s;
        (void)snprintf(
            text, sizeof text,
            "warning: this machine's clock is %lld s %s AWS's; requests and tokens are signed "
            "with the corrected time, but the clock should be set (NTP)",
            (long long)(skew_s < 0 ? -skew_s : skew_s), skew_s > 0 ? "behind" : "ahead of");
        tell(self, text);
    }
}

bool auth_uses_aws(const struct spec *spec, enum auth_side side)
{
    return side == AUTH_SOURCE ? auth_wants_aws(&spec->source_auth, &spec->source)
                               : auth_wants_aws(&spec->destination_auth, &spec->destination);
}

struct aws_session *auth_session(struct auth *auth)
{
    return auth->aws_open ? &auth->session : NULL;
}

struct aws_identity *auth_identity(struct auth *auth, enum auth_side side)
{
    return auth->aws_open ? auth_party_identity(&auth->party[side]) : NULL;
}

struct aws_identity *auth_chain(struct auth *auth)
{
    return auth->chain;
}

const char *auth_region(const struct auth *auth, enum auth_side side)
{
    return auth->party[side].region;
}
