#include "aws/credentials_env.h"

#include "aws/date.h"

#include <stdio.h>

#define KEY_ID     "AWS_ACCESS_KEY_ID"
#define SECRET     "AWS_SECRET_ACCESS_KEY"
#define EXPIRATION "AWS_CREDENTIAL_EXPIRATION"

/* 0 when the variable is not set. */
static bool read_expiry(const char *text, int64_t *expires_s, struct err *err)
{
    *expires_s = 0;
    if (text != NULL && !date_parse_iso(text, expires_s)) {
        return err_set(err, ERR_USAGE, EXPIRATION " is not a date as in 2021-09-21T18:41:26Z");
    }
    return true;
}

static bool read_keys(const struct aws_platform *p, struct aws_credentials *out, struct err *err)
{
    const char *account = aws_variable(p, "AWS_ACCOUNT_ID");
    int64_t expires_s = 0;

    if (!read_expiry(aws_variable(p, EXPIRATION), &expires_s, err) ||
        !aws_credentials_set(out, "the environment", aws_variable(p, KEY_ID),
                             aws_variable(p, SECRET), aws_variable(p, "AWS_SESSION_TOKEN"), err)) {
        return false;
    }
    out->expires_s = expires_s;
    (void)snprintf(out->account_id, sizeof(out->account_id), "%s", account == NULL ? "" : account);
    (void)snprintf(out->identity, sizeof(out->identity), "the environment");
    return true;
}

bool credentials_env(const struct aws_session *session, struct aws_credentials *out,
                     struct credentials_answer *answer, struct err *err)
{
    const struct aws_platform *p = session->platform;
    bool has_id = aws_variable(p, KEY_ID) != NULL;
    bool has_secret = aws_variable(p, SECRET) != NULL;

    if (!has_id && !has_secret) {
        return credentials_missing(answer, KEY_ID " is not set");
    }
    if (has_id != has_secret) {
        return err_set(err, ERR_USAGE, "%s is set but %s is not", has_id ? KEY_ID : SECRET,
                       has_id ? SECRET : KEY_ID);
    }
    if (!read_keys(p, out, err)) {
        return false;
    }
    answer->found = true;
    return true;
}
