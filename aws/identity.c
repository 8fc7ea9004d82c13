#include "aws/identity.h"

#include "aws/identity_source.h"
#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_S_MAX 900
#define LATE_S_MAX  120
#define PAUSE_S_MAX 60
#define EARLY_SHARE 3
#define LATE_SHARE  6
#define PAUSE_SHARE 10

/* How urgent it is to fetch. */
enum need { NEED_NOTHING, NEED_EARLY, NEED_LATE, NEED_NOW };

struct aws_identity {
    struct aws_session *session; /* set once, like source */
    struct aws_source source;
    atomic_uint fetches; /* a counter that nothing is ordered by */

    struct mutex lock; /* guards the rest; never held while the source is asked */
    struct cond changed;
    bool fetching;   /* one thread is at the source */
    unsigned rounds; /* ended fetches, so that who waited knows that one ended */
    bool last_ok;
    struct err last_err; /* of the last fetch, when it failed */

    bool filled;
    bool refused; /* by the service: have is not to be given again while another can be got */
    struct aws_credentials have;
    int64_t life_s;        /* of have, when it arrived; <= 0: it arrived expired */
    uint64_t not_again_ns; /* no try before this while have lives */
};

bool aws_identity_make(struct aws_session *session, const struct aws_source *source,
                       struct aws_identity **out, struct err *err)
{
    struct aws_identity *fresh = calloc(1, sizeof(*fresh));

    if (fresh == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    fresh->session = session;
    fresh->source = *source;
    atomic_init(&fresh->fetches, 0);
    mutex_init(&fresh->lock);
    cond_init(&fresh->changed);
    *out = fresh;
    return true;
}

bool aws_identity_custom(struct aws_session *session, aws_fetch fetch, void *arg,
                         struct aws_identity **out, struct err *err)
{
    const struct aws_source source = {.fetch = fetch, .arg = arg};

    return aws_identity_make(session, &source, out, err);
}

void aws_identity_free(struct aws_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    assert(!identity->fetching);
    if (identity->source.release != NULL) {
        identity->source.release(identity->source.arg);
    }
    aws_credentials_free(&identity->have);
    cond_destroy(&identity->changed);
    mutex_destroy(&identity->lock);
    free(identity);
}

static int64_t share(int64_t life_s, int64_t part, int64_t max)
{
    return life_s / part < max ? life_s / part : max;
}

static uint64_t mono_ns(const struct aws_identity *identity)
{
    const struct aws_platform *platform = identity->session->platform;

    return platform->mono_ns(platform->arg);
}

static bool arrived_expired_locked(const struct aws_identity *identity) REQUIRES(identity->lock)
{
    return identity->have.expires_s != 0 && identity->life_s <= 0;
}

static bool lives_locked(const struct aws_identity *identity, int64_t now_s)
    REQUIRES(identity->lock)
{
    return identity->have.expires_s == 0 || identity->have.expires_s > now_s;
}

/* By the clock alone, whatever was tried before. */
static enum need need_by_clock_locked(const struct aws_identity *identity, int64_t now_s)
    REQUIRES(identity->lock)
{
    int64_t left_s = identity->have.expires_s - now_s;

    if (identity->have.expires_s == 0 ||
        left_s > share(identity->life_s, EARLY_SHARE, EARLY_S_MAX)) {
        return NEED_NOTHING;
    }
    return left_s > share(identity->life_s, LATE_SHARE, LATE_S_MAX) ? NEED_EARLY : NEED_LATE;
}

static enum need need_locked(const struct aws_identity *identity) REQUIRES(identity->lock)
{
    int64_t now_s = aws_session_now_s(identity->session);
    bool paused = mono_ns(identity) < identity->not_again_ns;

    if (!identity->filled || identity->refused) {
        return NEED_NOW;
    }
    if (arrived_expired_locked(identity)) {
        return paused ? NEED_NOTHING : NEED_NOW;
    }
    if (!lives_locked(identity, now_s)) {
        return NEED_NOW;
    }
    return paused ? NEED_NOTHING : need_by_clock_locked(identity, now_s);
}

/* No fetch for a while: have was just fetched and arrived expired, or a fetch has failed. */
static void pause_locked(struct aws_identity *identity) REQUIRES(identity->lock)
{
    int64_t pause_s = arrived_expired_locked(identity)
                          ? PAUSE_S_MAX
                          : share(identity->life_s, PAUSE_SHARE, PAUSE_S_MAX);

    identity->not_again_ns = mono_ns(identity) + (uint64_t)pause_s * NS_PER_S;
}

/* fresh is taken over. */
static void keep_locked(struct aws_identity *identity, const struct aws_credentials *fresh)
    REQUIRES(identity->lock)
{
    aws_credentials_free(&identity->have);
    identity->have = *fresh;
    identity->filled = true;
    identity->refused = false;
    identity->life_s =
        fresh->expires_s == 0 ? 0 : fresh->expires_s - aws_session_now_s(identity->session);
    identity->not_again_ns = 0;
    if (arrived_expired_locked(identity)) {
        pause_locked(identity);
    }
}

/* Asks the source with the lock given back meanwhile. What came of it is in last_ok and last_err.
 */
static void fetch_locked(struct aws_identity *identity) REQUIRES(identity->lock)
{
    struct aws_credentials fresh = {0};
    struct err why = {0};

    identity->fetching = true;
    mutex_unlock(&identity->lock);
    bool ok = aws_identity_ask(identity, &fresh, &why);
    mutex_lock(&identity->lock);

    identity->fetching = false;
    identity->rounds++;
    identity->last_ok = ok;
    if (ok) {
        keep_locked(identity, &fresh);
    } else {
        identity->last_err = why;
        pause_locked(identity);
    }
    cond_broadcast(&identity->changed);
}

static void wait_locked(struct aws_identity *identity) REQUIRES(identity->lock)
{
    unsigned round = identity->rounds;

    while (identity->fetching && identity->rounds == round) {
        cond_wait(&identity->changed, &identity->lock);
    }
}

/* May the credentials at hand be given although the last fetch failed? */
static bool usable_locked(const struct aws_identity *identity) REQUIRES(identity->lock)
{
    return identity->filled && !identity->refused &&
           (arrived_expired_locked(identity) ||
            lives_locked(identity, aws_session_now_s(identity->session)));
}

/* After a fetch, one's own or one that was waited for. True when have may be given. */
static bool settle_locked(const struct aws_identity *identity, enum need need, struct err *err)
    REQUIRES(identity->lock)
{
    enum err_kind kind = identity->last_err.kind;
    bool no_matter = kind == ERR_TRANSIENT || (need == NEED_EARLY && kind != ERR_CANCELLED);

    if (identity->last_ok || (no_matter && usable_locked(identity))) {
        return true;
    }
    *err = identity->last_err;
    return false;
}

/* True when have may be given. */
static bool refresh_locked(struct aws_identity *identity, struct err *err) REQUIRES(identity->lock)
{
    enum need need = need_locked(identity);

    if (need == NEED_NOTHING || (need == NEED_EARLY && identity->fetching)) {
        return true;
    }
    if (identity->fetching) {
        wait_locked(identity);
    } else {
        fetch_locked(identity);
    }
    return settle_locked(identity, need, err);
}

bool aws_identity_get(struct aws_identity *identity, struct aws_credentials *out, struct err *err)
{
    mutex_lock(&identity->lock);
    bool ok = refresh_locked(identity, err) && aws_credentials_copy(&identity->have, out, err);
    mutex_unlock(&identity->lock);
    return ok;
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && memcmp(secret_reveal(a), secret_reveal(b), a->len) == 0;
}

void aws_identity_refused(struct aws_identity *identity, const struct aws_credentials *refused)
{
    mutex_lock(&identity->lock);
    if (identity->filled && strcmp(identity->have.access_key_id, refused->access_key_id) == 0 &&
        same_secret(&identity->have.session_token, &refused->session_token)) {
        identity->refused = true;
    }
    mutex_unlock(&identity->lock);
}

unsigned aws_identity_fetches(const struct aws_identity *identity)
{
    return atomic_load_explicit(&identity->fetches, memory_order_relaxed);
}

bool aws_identity_ask(struct aws_identity *identity, struct aws_credentials *out, struct err *err)
{
    atomic_fetch_add_explicit(&identity->fetches, 1, memory_order_relaxed);
    return identity->source.fetch(identity->source.arg, out, err);
}

bool credentials_missing(struct credentials_answer *answer, const char *fmt, ...)
{
    va_list args;

    answer->found = false;
    va_start(args, fmt);
    (void)vsnprintf(answer->missing, sizeof(answer->missing), fmt, args);
    va_end(args);
    return true;
}
