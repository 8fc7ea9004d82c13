#include "aws/arn.h"
#include "aws/credentials.h"
#include "aws/identity.h"
#include "aws/rds_token.h"
#include "aws/session.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/aws_commands.h"
#include "cli/frame.h"
#include "flow/stop.h"
#include "job/auth.h"
#include "job/exit_status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The Region is the option's, then the environment's and the profile's (the session knows both),
 * then the one in the host's name. */
static bool choose_region(const struct spec *spec, const struct aws_session *session,
                          char region[AWS_REGION_MAX], struct err *err)
{
    const char *given =
        spec->aws.auth.region != NULL ? spec->aws.auth.region : session->settings.region;
    if (given[0] != '\0') {
        (void)snprintf(region, AWS_REGION_MAX, "%s", given);
        return true;
    }
    if (aws_region_of_host(spec->aws.host, region)) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "the Region is not known: \"%.200s\" does not name one; give --region or set "
                   "AWS_REGION",
                   spec->aws.host);
}

static bool make_token(const struct spec *spec, struct auth *auth, struct secret *token,
                       struct err *err)
{
    struct aws_session *session = auth_session(auth);
    CLEANUP(aws_credentials_free) struct aws_credentials credentials = {.expires_s = 0};
    char region[AWS_REGION_MAX] = "";

    if (!choose_region(spec, session, region, err) ||
        !aws_identity_get(auth_identity(auth, AUTH_SOURCE), &credentials, err)) {
        return false;
    }
    const struct rds_token_params params = {.host = spec->aws.host,
                                            .port = spec->aws.port,
                                            .region = region,
                                            .user = spec->aws.user,
                                            .now_s = aws_session_now_s(session)};
    if (credentials.expires_s != 0 && credentials.expires_s - params.now_s < RDS_TOKEN_LIFETIME_S) {
        log_warning("the credentials (%s) expire before the token does; it works until they do",
                    credentials.identity);
    }
    return rds_token_make(&credentials, &params, token, err);
}

static bool print_token(const struct secret *token, struct err *err)
{
    if (isatty(STDOUT_FILENO) != 0) {
        log_warning("the token is a password for 15 minutes, and now it is on a screen");
    }
    if (fputs(secret_reveal(token), stdout) < 0 || fputc('\n', stdout) == EOF ||
        fflush(stdout) != 0) {
        return err_set_errno(err, "cannot write the token");
    }
    return true;
}

int aws_token_run(const struct spec *spec, bool *abandon)
{
    (void)abandon; /* no thread is ever left behind here */
    struct err err = {.kind = ERR_NONE};
    struct auth *auth = NULL;
    CLEANUP(secret_free) struct secret token = {.bytes = NULL};

    bool ok = auth_open_aws(spec, &spec->aws.auth, stop_drain_fd(), &auth, &err) &&
              make_token(spec, auth, &token, &err) && print_token(&token, &err);
    auth_close(auth);
    return ok ? EXIT_DONE : frame_failed(&err);
}
