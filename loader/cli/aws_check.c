#include "cli/aws_check.h"

#include "aws/arn.h"
#include "aws/call.h"
#include "aws/identity.h"
#include "aws/session.h"
#include "aws/sts.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "flow/stop.h"
#include "pg/conninfo.h"

#include <stdio.h>
#include <string.h>

#define EXPIRES_SOON_S (15 * 60)
#define MS_PER_S       1000
#define DEFAULT_REGION "us-east-1" /* STS has to be asked somewhere, and answers there for all */

/* ---- for the other files ---- */

struct check_note aws_note(const struct aws_side *s, enum check_level level, enum aws_check_id id,
                           const char *fix)
{
    static const char *const ids[AUTH_SIDES][ID_COUNT] = {
        {"source-role",      "source-secret",      "source-key",      "source-password",      "source-database",
         "source-iam"                                                                                                             },
        {"destination-role", "destination-secret", "destination-key", "destination-password",
         "destination-database",                                                                                 "destination-iam"},
    };
    return (struct check_note){
        .side = CHECK_AWS, .level = level, .kind = ERR_AUTH, .id = ids[s->side][id], .fix = fix};
}

void aws_refuse(struct aws_side *s, enum aws_check_id id, const struct err *err, const char *fix)
{
    struct check_note note = aws_note(s, CHECK_BLOCKER, id, fix);
    s->refused = true;
    if (err->kind != ERR_CANCELLED) {
        check_add_err(s->list, &note, err);
    }
}

/* ---- who ---- */

/* ", for another 58 min" */
static const char *say_life(const struct aws_session *session, const struct aws_credentials *c,
                            char *out, size_t size)
{
    char span[STR_HUMAN_MAX];
    int64_t left_s = c->expires_s - aws_session_now_s(session);
    if (c->expires_s == 0) {
        (void)snprintf(out, size, "%s",
                       secret_is_set(&c->session_token) ? "; they do not say when they end"
                                                        : "; they do not expire");
    } else if (left_s <= 0) {
        (void)snprintf(out, size, "; they have expired");
    } else {
        (void)snprintf(out, size, "; they end in %s",
                       human_duration((uint64_t)left_s * MS_PER_S, span));
    }
    return out;
}

/* Keys that somebody pasted are not renewed when they end. */
static bool are_pasted(const struct aws_credentials *c)
{
    return secret_is_set(&c->session_token) && c->expires_s == 0;
}

static void add_identity(const struct aws_session *session, struct check_list *list,
                         const struct aws_credentials *c, const struct aws_caller_identity *who)
{
    char life[80];
    struct check_note note = {
        .side = CHECK_AWS,
        .level = are_pasted(c) ? CHECK_WARNING : CHECK_OK,
        .id = "identity",
        .fix = are_pasted(c) ? "use a profile, a role or the machine's own role, whose temporary "
                               "keys Sluice renews; these cannot be, and a load that outlives them "
                               "can no longer log in"
                             : NULL};
    check_add(list, &note, "%s, with credentials from %s%s", who->arn, c->identity,
              say_life(session, c, life, sizeof life));
}

/* Nothing that a load does depends on this one call; that there are keys, and that they are known,
 * does. */
static bool refuse_identity(struct check_list *list, const struct err *err, bool has_keys)
{
    bool needed = !has_keys || (err->kind == ERR_AUTH && strstr(err->msg, "AccessDenied") == NULL);
    struct check_note note = {.side = CHECK_AWS,
                              .level = needed ? CHECK_BLOCKER : CHECK_WARNING,
                              .id = "identity",
                              .fix = "give credentials: --aws-profile, AWS_PROFILE, the AWS_* "
                                     "variables, or a role of the machine or container"};
    if (err->kind != ERR_CANCELLED) {
        check_add_err(list, &note, err);
    }
    return !needed;
}

static void add_clock(const struct aws_session *session, struct check_list *list)
{
    char span[STR_HUMAN_MAX];
    int64_t skew_s = aws_session_skew_s(session);
    struct check_note note = {.side = CHECK_AWS, .level = CHECK_OK, .id = "clock"};
    if (skew_s == 0) {
        check_add(list, &note, "close enough to AWS's: signatures are accepted");
        return;
    }
    note.level = CHECK_WARNING;
    note.fix = "set this machine's clock (NTP)";
    check_add(list, &note,
              "this machine's is %s %s AWS's; requests and tokens are signed with the corrected "
              "time",
              human_duration((uint64_t)(skew_s < 0 ? -skew_s : skew_s) * MS_PER_S, span),
              skew_s > 0 ? "behind" : "ahead of");
}

/* The identity before any role. False when the sides have nothing to go on with. */
static bool check_identity(struct auth *auth, struct check_list *list)
{
    CLEANUP(aws_credentials_free) struct aws_credentials credentials = {.expires_s = 0};
    struct aws_caller_identity who = {.arn = ""};
    struct aws_session *session = auth_session(auth);
    const char *region = session->settings.region;
    struct aws_caller caller = {.session = session,
                                .identity = auth_chain(auth),
                                .region = region[0] == '\0' ? DEFAULT_REGION : region};
    struct err err;
    bool has_keys = aws_identity_get(caller.identity, &credentials, &err);
    if (!has_keys || !aws_sts_get_caller_identity(&caller, &who, &err)) {
        return refuse_identity(list, &err, has_keys);
    }
    add_identity(session, list, &credentials, &who);
    add_clock(session, list);
    return true;
}

/* ---- a side ---- */

static void check_role(struct aws_side *s)
{
    CLEANUP(aws_credentials_free) struct aws_credentials credentials = {.expires_s = 0};
    char life[80];
    char fix[256];
    struct err err;
    if (s->wish->role_arn == NULL) {
        return;
    }
    if (!aws_identity_get(s->caller->identity, &credentials, &err)) {
        (void)snprintf(fix, sizeof fix,
                       "let the role's trust policy name the identity above, and give the external "
                       "id that it asks for with --%s-external-id",
                       s->name);
        aws_refuse(s, ID_ROLE, &err, fix);
        return;
    }
    struct check_note note = aws_note(s, CHECK_OK, ID_ROLE, NULL);
    check_add(s->list, &note, "%s can be assumed%s", s->wish->role_arn,
              say_life(s->caller->session, &credentials, life, sizeof life));
}

/* What the string itself says; a secret may say more. */
static void read_host(struct aws_side *s)
{
    CLEANUP(conninfo_free) struct conninfo *c = NULL;
    struct err ignored;
    if (conninfo_parse(s->text, s->name, &c, &ignored)) {
        (void)snprintf(s->host, sizeof s->host, "%s", conninfo_effective(c, "host"));
    }
}

static void check_side(struct preflight *p, enum auth_side side)
{
    const struct spec *spec = p->spec;
    char region[AWS_REGION_MAX] = "";
    struct aws_caller caller = {.session = auth_session(p->auth),
                                .identity = auth_identity(p->auth, side),
                                .region = region};
    struct aws_side s = {.auth = p->auth,
                         .list = p->list,
                         .side = side,
                         .name = side == AUTH_SOURCE ? "source" : "destination",
                         .wish = side == AUTH_SOURCE ? &spec->source_auth : &spec->destination_auth,
                         .text = side == AUTH_SOURCE ? &spec->source : &spec->destination,
                         .caller = &caller};
    read_host(&s);
    (void)snprintf(region, sizeof region, "%s", auth_region(p->auth, side));
    if (region[0] == '\0') {
        (void)aws_region_of_host(s.wish->iam_host != NULL ? s.wish->iam_host : s.host, region);
    }
    check_role(&s);
    if (!s.refused) {
        aws_check_secret(&s);
        aws_check_password(&s);
        aws_check_database(&s);
    }
    p->aws_refused[side] = s.refused;
}

void aws_check(struct preflight *p)
{
    if (auth_session(p->auth) == NULL) {
        return;
    }
    bool known = check_identity(p->auth, p->list);
    for (int i = 0; i < AUTH_SIDES && stop_level() == STOP_RUN; i++) {
        enum auth_side side = (enum auth_side)i;
        if (auth_uses_aws(p->spec, side)) {
            p->aws_refused[side] = !known;
        }
        if (known && auth_uses_aws(p->spec, side)) {
            check_side(p, side);
        }
    }
}
