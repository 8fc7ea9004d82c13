#include "cli/aws_whoami.h"

#include "aws/arn.h"
#include "aws/credentials.h"
#include "aws/identity.h"
#include "aws/session.h"
#include "aws/settings.h"
#include "aws/sts.h"
#include "base/cleanup.h"
#include "cli/aws_commands.h"
#include "cli/frame.h"
#include "flow/stop.h"
#include "job/auth.h"
#include "job/exit_status.h"

#include <stdio.h>
#include <string.h>

#define WHOAMI_MAX (1u << 20)

/* STS answers the question in any Region of the partition; it only has to be asked somewhere. */
static const char *region_to_ask(const struct spec *spec, const char *known)
{
    struct aws_arn role;
    struct err ignored;

    if (known[0] != '\0') {
        return known;
    }
    if (spec->aws.auth.role_arn != NULL &&
        aws_arn_parse(spec->aws.auth.role_arn, "--role-arn", &role, &ignored)) {
        if (strcmp(role.partition, "aws-cn") == 0) {
            return "cn-north-1";
        }
        if (strcmp(role.partition, "aws-us-gov") == 0) {
            return "us-gov-west-1";
        }
    }
    return "us-east-1";
}

static bool print(const struct spec *spec, const struct whoami *w, struct err *err)
{
    struct buf out;
    bool ok = true;

    buf_init(&out, WHOAMI_MAX);
    if (spec->json) {
        ok = whoami_json(w, &out, err);
    } else {
        whoami_text(w, &out);
    }
    ok = ok && buf_ok(&out, err);
    if (ok && (fputs(buf_str(&out), stdout) < 0 || fflush(stdout) != 0)) {
        ok = err_set_errno(err, "cannot write the answer");
    }
    buf_free(&out);
    return ok;
}

static bool ask(const struct spec *spec, struct auth *auth, struct err *err)
{
    struct aws_session *session = auth_session(auth);
    const char *region = auth_region(auth, AUTH_SOURCE);
    const struct aws_caller caller = {.session = session,
                                      .identity = auth_identity(auth, AUTH_SOURCE),
                                      .region = region_to_ask(spec, region)};
    CLEANUP(aws_credentials_free) struct aws_credentials credentials = {.expires_s = 0};
    struct aws_caller_identity who = {.arn = ""};
    char endpoint[HTTP_URL_MAX] = "";

    if (!aws_settings_endpoint(&session->settings, "sts", "sts", caller.region, endpoint, err) ||
        !aws_sts_get_caller_identity(&caller, &who, err) ||
        !aws_identity_get(caller.identity, &credentials, err)) {
        return false;
    }
    const struct whoami w = {.arn = who.arn,
                             .account = who.account,
                             .user_id = who.user_id,
                             .credentials = credentials.identity,
                             .expires_s = credentials.expires_s,
                             .now_s = aws_session_now_s(session),
                             .region = region,
                             .endpoint = endpoint,
                             .skew_s = aws_session_skew_s(session)};
    return print(spec, &w, err);
}

int aws_whoami_run(const struct spec *spec, bool *abandon)
{
    (void)abandon; /* no thread is ever left behind here */
    struct err err = {.kind = ERR_NONE};
    struct auth *auth = NULL;

    bool ok =
        auth_open_aws(spec, &spec->aws.auth, stop_drain_fd(), &auth, &err) && ask(spec, auth, &err);
    auth_close(auth);
    return ok ? EXIT_DONE : frame_failed(&err);
}
