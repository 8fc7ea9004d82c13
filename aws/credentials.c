#include "aws/credentials.h"

#include <string.h>

/* AWS sends 40 and some hundred to a few thousand bytes. What is longer than this is no key. */
#define SECRET_KEY_MAX    256
#define SESSION_TOKEN_MAX 16384

void aws_credentials_free(struct aws_credentials *c)
{
    if (c == NULL) {
        return;
    }
    secret_free(&c->secret_access_key);
    secret_free(&c->session_token);
    secret_wipe(c, sizeof(*c));
}

static bool copy_secret(const struct secret *from, struct secret *to, struct err *err)
{
    return secret_set_bytes(to, secret_reveal(from), from->len, err);
}

/* Puts fresh into c's place; c's old content is wiped. */
static void replace(struct aws_credentials *c, const struct aws_credentials *fresh)
{
    aws_credentials_free(c);
    *c = *fresh;
}

bool aws_credentials_copy(const struct aws_credentials *from, struct aws_credentials *to,
                          struct err *err)
{
    struct aws_credentials fresh = *from;

    fresh.secret_access_key = (struct secret){0};
    fresh.session_token = (struct secret){0};
    if (!copy_secret(&from->secret_access_key, &fresh.secret_access_key, err) ||
        !copy_secret(&from->session_token, &fresh.session_token, err)) {
        aws_credentials_free(&fresh);
        return false;
    }
    replace(to, &fresh);
    return true;
}

/* Keys are ASCII that can be seen. Anything else got in by a careless copy, and would only be
 * refused by the service later, with a message that does not say so. */
static bool is_visible(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '!' || *at > '~') {
            return false;
        }
    }
    return true;
}

static bool check_text(const char *text, size_t max, const char *where, const char *what,
                       struct err *err)
{
    if (strlen(text) > max) {
        return err_set(err, ERR_USAGE, "%s: the %s has more than %zu characters", where, what, max);
    }
    if (!is_visible(text)) {
        return err_set(err, ERR_USAGE,
                       "%s: the %s has a blank, a control character or one that is not ASCII",
                       where, what);
    }
    return true;
}

static bool check_present(const char *text, const char *where, const char *what, struct err *err)
{
    if (text == NULL || text[0] == '\0') {
        return err_set(err, ERR_USAGE, "%s: the %s is missing or empty", where, what);
    }
    return true;
}

bool aws_credentials_set(struct aws_credentials *c, const char *where, const char *access_key_id,
                         const char *secret_access_key, const char *session_token, struct err *err)
{
    const char *token = session_token == NULL ? "" : session_token;
    struct secret key = {0};
    struct secret session = {0};

    if (!check_present(access_key_id, where, "access key id", err) ||
        !check_present(secret_access_key, where, "secret access key", err) ||
        !check_text(access_key_id, sizeof(c->access_key_id) - 1, where, "access key id", err) ||
        !check_text(secret_access_key, SECRET_KEY_MAX, where, "secret access key", err) ||
        !check_text(token, SESSION_TOKEN_MAX, where, "session token", err)) {
        return false;
    }
    if (!secret_set(&key, secret_access_key, err) || !secret_set(&session, token, err)) {
        secret_free(&key);
        return false;
    }
    memmove(c->access_key_id, access_key_id, strlen(access_key_id) + 1);
    secret_free(&c->secret_access_key);
    secret_free(&c->session_token);
    c->secret_access_key = key;
    c->session_token = session;
    return true;
}
