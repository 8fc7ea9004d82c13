#include "aws/secrets_manager.h"
#include "base/clock.h"
#include "job/auth_internal.h"

#include <string.h>

/* The ways on after a refused password, in order. A single-user rotation sets the password in the
 * database before it makes the pending version the current one; a version that somebody else just
 * found to be right comes before all. */
enum step { STEP_START, STEP_KNOWN, STEP_CURRENT, STEP_PENDING, STEP_PREVIOUS, STEP_END };

static const char *stage_of(unsigned step)
{
    static const char *const stages[] = {[STEP_START] = "AWSCURRENT",
                                         [STEP_KNOWN] = "AWSCURRENT",
                                         [STEP_CURRENT] = "AWSCURRENT",
                                         [STEP_PENDING] = "AWSPENDING",
                                         [STEP_PREVIOUS] = "AWSPREVIOUS"};
    return stages[step];
}

static bool read_stage(const struct auth_party *p, const char *stage, struct secret_body *out,
                       bool *found, struct err *err)
{
    struct aws_secret_version version = {.arn = ""};
    struct aws_caller caller = auth_party_caller(p, NULL);
    bool ok = aws_secret_get(&caller, p->wish->secret, stage, NULL, &version, found, err) &&
              (!*found || secret_body_read(&version.value, p->wish->secret, out, err));
    aws_secret_version_free(&version);
    return ok || err_wrap(err, "--%s-secret", p->name);
}

/* With the lock held. */
static bool read_current(struct auth_party *p, struct err *err)
{
    struct secret_body body = {.host = ""};
    bool found = false;
    bool ok = read_stage(p, "AWSCURRENT", &body, &found, err) &&
              (found || err_set(err, ERR_USAGE, "--%s-secret: %s has no version AWSCURRENT yet",
                                p->name, p->wish->secret));
    if (ok) {
        secret_body_free(&p->current);
        p->current = body;
        p->current_ns = clock_mono_ns();
        p->failed_ns = 0;
    }
    return ok;
}

static bool is_younger(uint64_t since_ns, uint64_t limit_s)
{
    return since_ns != 0 && clock_mono_ns() - since_ns < limit_s * NS_PER_S;
}

/* A version in use may well be good when AWS does not give it any more, be it down, or are our
 * credentials over, or the secret deleted since: that is for the server to say. If it refuses, the
 * secret is asked for again, and then that error counts. While AWS does not answer, the threads in
 * the queue behind the lock do not ask one after the other. */
static bool refresh(struct auth_party *p, struct err *err)
{
    struct err why;
    if (is_younger(p->current_ns, SECRET_REUSE_S) || is_younger(p->failed_ns, SECRET_PAUSE_S)) {
        return true;
    }
    if (read_current(p, &why)) {
        return true;
    }
    p->failed_ns = p->current_ns == 0 ? 0 : clock_mono_ns();
    if (p->current_ns != 0 && why.kind != ERR_CANCELLED) {
        return true;
    }
    *err = why;
    return false;
}

bool auth_secret_first(struct auth_party *p, struct secret_body *out, struct err *err)
{
    mutex_lock(&p->lock);
    bool ok = refresh(p, err) && secret_body_copy(&p->current, out, err);
    mutex_unlock(&p->lock);
    return ok;
}

/* tried: users and passwords in turns, each with its NUL. */
static bool was_tried(const struct pg_login *login, const struct secret_body *body)
{
    const char *at = secret_reveal(&login->tried);
    const char *end = at + login->tried.len;
    while (at < end) {
        const char *password = at + strlen(at) + 1;
        if (strcmp(at, secret_reveal(&body->user)) == 0 &&
            strcmp(password, secret_reveal(&body->password)) == 0) {
            return true;
        }
        at = password + strlen(password) + 1;
    }
    return false;
}

static bool note_tried(struct pg_login *login, struct err *err)
{
    return secret_append(&login->tried, secret_reveal(&login->user), login->user.len + 1, err) &&
           secret_append(&login->tried, secret_reveal(&login->password), login->password.len + 1,
                         err);
}

static bool look(struct auth_party *p, unsigned step, struct secret_body *out, bool *found,
                 struct err *err)
{
    *found = true;
    struct err why;
    switch (step) {
    case STEP_KNOWN:
        return secret_body_copy(&p->current, out, err);
    case STEP_CURRENT:
        return read_current(p, err) && secret_body_copy(&p->current, out, err);
    default:
        if (read_stage(p, stage_of(step), out, found, &why)) {
            return true;
        }
        if (why.kind == ERR_USAGE) { /* an old version need not be one for a database */
            *found = false;
            return true;
        }
        *err = why;
        return false;
    }
}

bool auth_secret_next(struct auth_party *p, struct pg_login *login, struct secret_body *out,
                      bool *more, struct err *err)
{
    if (login->tries == 0) {
        *more = true;
        return auth_secret_first(p, out, err);
    }
    if (!note_tried(login, err)) {
        return false;
    }
    bool ok = true;
    *more = false;
    mutex_lock(&p->lock);
    while (ok && !*more && login->step + 1 < STEP_END) {
        bool found = false;
        login->step++;
        ok = look(p, login->step, out, &found, err);
        *more = ok && found && !was_tried(login, out);
    }
    mutex_unlock(&p->lock);
    return ok ||
           err_wrap(err, "the %s refused the password, and the secret was read again", p->name);
}

void auth_secret_accepted(struct auth_party *p, const struct pg_login *login)
{
    struct err ignored;
    mutex_lock(&p->lock);
    bool known = strcmp(secret_reveal(&p->current.user), secret_reveal(&login->user)) == 0 &&
                 strcmp(secret_reveal(&p->current.password), secret_reveal(&login->password)) == 0;
    if (!known && secret_set(&p->current.user, secret_reveal(&login->user), &ignored) &&
        secret_set(&p->current.password, secret_reveal(&login->password), &ignored)) {
        p->current_ns = clock_mono_ns();
    }
    mutex_unlock(&p->lock);
}
