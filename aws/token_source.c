#include "aws/token_source.h"

#include "aws/rds_token.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/thread.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Towards the end of its credentials' life a token is not used again: in the last minute, or in the
 * last quarter of what they had left when it was made. */
#define LAST_S        60
#define LAST_FRACTION 4

struct aws_token_source {
    struct aws_session *session; /* these are set once */
    struct aws_identity *identity;
    char *host;
    char *region;
    char *user;
    uint16_t port;
    unsigned reuse_s;
    atomic_uint made; /* a counter that nothing is ordered by */

    struct mutex lock; /* guards the rest; never held while a token is made */
    struct cond changed;
    bool making;
    unsigned rounds; /* ended attempts, so that who waited knows that one ended */
    bool last_ok;
    struct err last_err; /* of the last attempt, when it failed */

    struct secret token;           /* not set: none is at hand */
    int64_t made_s;                /* the session's time */
    struct aws_credentials signer; /* of token; its secret key is not kept */
};

/* What one attempt yields. */
struct minted {
    struct secret token;
    int64_t made_s;
    struct aws_credentials signer;
};

void aws_token_source_close(struct aws_token_source *s)
{
    if (s == NULL) {
        return;
    }
    assert(!s->making);
    secret_free(&s->token);
    aws_credentials_free(&s->signer);
    free(s->host);
    free(s->region);
    free(s->user);
    cond_destroy(&s->changed);
    mutex_destroy(&s->lock);
    free(s);
}

bool aws_token_source_open(const struct aws_token_params *params, struct aws_token_source **out,
                           struct err *err)
{
    struct aws_token_source *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    s->session = params->session;
    s->identity = params->identity;
    s->host = str_copy(params->host);
    s->region = str_copy(params->region);
    s->user = str_copy(params->user);
    s->port = params->port;
    s->reuse_s = params->reuse_s == 0 ? TOKEN_REUSE_S : params->reuse_s;
    atomic_init(&s->made, 0);
    mutex_init(&s->lock);
    cond_init(&s->changed);
    if ((params->host != NULL && s->host == NULL) ||
        (params->region != NULL && s->region == NULL) ||
        (params->user != NULL && s->user == NULL)) {
        aws_token_source_close(s);
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    *out = s;
    return true;
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && memcmp(secret_reveal(a), secret_reveal(b), a->len) == 0;
}

static bool make_at(const struct aws_token_source *s, int64_t now_s, struct minted *out,
                    struct err *err)
{
    const struct rds_token_params params = {
        .host = s->host, .port = s->port, .region = s->region, .user = s->user, .now_s = now_s};

    return rds_token_make(&out->signer, &params, &out->token, err);
}

/* Without the lock. A token within the second of the one refused would be the same text, and
 * whoever was refused too could not tell them apart: it is dated a second back. */
static bool make(struct aws_token_source *s, const struct secret *refused, struct minted *out,
                 struct err *err)
{
    if (!aws_identity_get(s->identity, &out->signer, err)) {
        return false;
    }
    out->made_s = aws_session_now_s(s->session);
    if (!make_at(s, out->made_s, out, err)) {
        return false;
    }
    if (refused != NULL && same_secret(refused, &out->token) &&
        !make_at(s, out->made_s - 1, out, err)) {
        return false;
    }
    secret_free(&out->signer.secret_access_key);
    atomic_fetch_add_explicit(&s->made, 1, memory_order_relaxed);
    return true;
}

static void minted_free(struct minted *m)
{
    secret_free(&m->token);
    aws_credentials_free(&m->signer);
}

/* fresh is taken over. */
static void keep_locked(struct aws_token_source *s, struct minted *fresh) REQUIRES(s->lock)
{
    secret_free(&s->token);
    aws_credentials_free(&s->signer);
    s->token = fresh->token;
    s->made_s = fresh->made_s;
    s->signer = fresh->signer;
}

/* What came of it is in last_ok and last_err. */
static void make_locked(struct aws_token_source *s, const struct secret *refused) REQUIRES(s->lock)
{
    struct minted fresh = {0};
    struct err why = {0};

    s->making = true;
    mutex_unlock(&s->lock);
    bool ok = make(s, refused, &fresh, &why);
    mutex_lock(&s->lock);

    s->making = false;
    s->rounds++;
    s->last_ok = ok;
    if (ok) {
        keep_locked(s, &fresh);
    } else {
        minted_free(&fresh);
        s->last_err = why;
    }
    cond_broadcast(&s->changed);
}

static void wait_locked(struct aws_token_source *s) REQUIRES(s->lock)
{
    unsigned round = s->rounds;

    while (s->rounds == round) {
        cond_wait(&s->changed, &s->lock);
    }
}

/* A clock that went back says nothing about age, so that is not fresh either. */
static bool fresh_locked(const struct aws_token_source *s) REQUIRES(s->lock)
{
    int64_t now_s = aws_session_now_s(s->session);
    int64_t last_s = (s->signer.expires_s - s->made_s) / LAST_FRACTION;
    last_s = last_s < LAST_S ? last_s : LAST_S;
    bool lives = s->signer.expires_s == 0 || now_s < s->signer.expires_s - last_s;

    return secret_is_set(&s->token) && lives && now_s >= s->made_s &&
           now_s - s->made_s < s->reuse_s;
}

/* True with a token at hand. The one that this thread has made or waited for will do, whatever is
 * left of its life; it is gone only when it was refused to somebody meanwhile. */
static bool refresh_locked(struct aws_token_source *s, const struct secret *refused,
                           struct err *err) REQUIRES(s->lock)
{
    if (fresh_locked(s)) {
        return true;
    }
    do {
        if (s->making) {
            wait_locked(s);
        } else {
            make_locked(s, refused);
        }
        if (!s->last_ok) {
            *err = s->last_err;
            return false;
        }
    } while (!secret_is_set(&s->token));
    return true;
}

static void drop_locked(struct aws_token_source *s) REQUIRES(s->lock)
{
    aws_identity_refused(s->identity, &s->signer);
    secret_free(&s->token);
}

bool aws_token_source_get(struct aws_token_source *s, const struct secret *refused,
                          struct secret *token, struct err *err)
{
    mutex_lock(&s->lock);
    if (refused != NULL && secret_is_set(&s->token) && same_secret(refused, &s->token)) {
        drop_locked(s);
    }
    bool ok = refresh_locked(s, refused, err) &&
              secret_set_bytes(token, secret_reveal(&s->token), s->token.len, err);
    mutex_unlock(&s->lock);
    return ok;
}

unsigned aws_token_source_made(const struct aws_token_source *s)
{
    return atomic_load_explicit(&s->made, memory_order_relaxed);
}
