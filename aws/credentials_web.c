#include "aws/credentials_web.h"

#include "aws/sts.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_FILE "AWS_WEB_IDENTITY_TOKEN_FILE"

/* Editors and echo end a file with a line end, which is no part of a token. */
static size_t len_without_line_end(const struct secret *text)
{
    const char *bytes = secret_reveal(text);
    size_t len = text->len;

    while (len > 0 && strchr("\r\n \t", bytes[len - 1]) != NULL) {
        len--;
    }
    return len;
}

static bool read_token(const struct aws_session *session, const struct credentials_web_role *role,
                       struct secret *token, struct err *err)
{
    const struct aws_platform *p = session->platform;
    CLEANUP(secret_free) struct secret text = {0};
    bool found = false;

    if (!p->read_file(p->arg, role->token_file, WEB_TOKEN_BYTES_MAX, &text, &found, err)) {
        return err_wrap(err, "the web identity token of %s", role->where);
    }
    if (!found) {
        return err_set(err, ERR_USAGE, "%s: the web identity token file %s does not exist",
                       role->where, role->token_file);
    }
    size_t len = len_without_line_end(&text);
    if (len == 0) {
        return err_set(err, ERR_USAGE, "%s: the web identity token file %s is empty", role->where,
                       role->token_file);
    }
    if (memchr(secret_reveal(&text), '\0', len) != NULL) {
        return err_set(err, ERR_USAGE, "%s: the web identity token file %s has a zero byte in it",
                       role->where, role->token_file);
    }
    return secret_set_bytes(token, secret_reveal(&text), len, err);
}

bool credentials_web_assume(struct aws_session *session, const struct credentials_web_role *web,
                            struct aws_credentials *out, struct err *err)
{
    CLEANUP(secret_free) struct secret token = {0};
    const struct aws_caller caller = {.session = session};
    const struct aws_role role = {
        .arn = web->role_arn,
        .session_name = web->session_name,
        .duration_s = web->duration_s,
    };

    if (!read_token(session, web, &token, err) ||
        !aws_sts_assume_role_with_web_identity(&caller, &role, &token, out, err)) {
        return false;
    }
    (void)snprintf(out->identity, sizeof(out->identity), "role %s (web identity, from %s)",
                   web->role_arn, web->where);
    return true;
}

bool credentials_web(struct aws_session *session, struct aws_credentials *out,
                     struct credentials_answer *answer, struct err *err)
{
    const struct aws_platform *p = session->platform;
    const struct credentials_web_role role = {
        .role_arn = aws_variable(p, "AWS_ROLE_ARN"),
        .token_file = aws_variable(p, TOKEN_FILE),
        .session_name = aws_variable(p, "AWS_ROLE_SESSION_NAME"),
        .where = TOKEN_FILE,
    };

    if (role.token_file == NULL) {
        return credentials_missing(answer, TOKEN_FILE " is not set");
    }
    if (role.role_arn == NULL) {
        return err_set(err, ERR_USAGE, TOKEN_FILE " is set but AWS_ROLE_ARN is not");
    }
    if (!credentials_web_assume(session, &role, out, err)) {
        return false;
    }
    answer->found = true;
    return true;
}
