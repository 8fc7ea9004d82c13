#include "aws/call.h"

#include "aws/call_error.h"
#include "aws/conceal.h"
#include "aws/date.h"
#include "aws/refusal.h"
#include "aws/sigv4.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define ATTEMPTS_MAX           3
#define ATTEMPTS_THROTTLED_MAX 8
#define WAIT_MAX_S             20u
#define DOUBLINGS_MAX          5 /* 16 seconds, then the most */
#define USER_AGENT             "sluice aws/1"
#define SENT_HEADERS_MAX       8

enum outcome {
    OUTCOME_DONE,
    OUTCOME_FAILED,
    OUTCOME_AT_ONCE, /* what was wrong has been put right */
    OUTCOME_LATER,   /* it may go better after a wait */
};

struct sending {
    const struct aws_caller *caller;
    const struct aws_call *call;
    const struct aws_platform *platform;
    const char *region;
    char url[HTTP_URL_MAX];
    struct http_url parts;
    char host[sizeof(((struct http_url *)0)->host) + sizeof(((struct http_url *)0)->port) + 1];
    char target[128];
    struct aws_credentials credentials; /* of the last attempt */
    int64_t sent_s;                     /* and when that was, as AWS sees it */
    struct http_reply reply;            /* to the last attempt */
    struct aws_refusal refusal;
    struct err why;     /* of the last attempt */
    unsigned attempts;  /* those put right at once not counted */
    unsigned throttled; /* of these */
    int64_t skew_ms;    /* of the last reply with a date; against our own clock */
    bool dated;         /* it had one */
    bool clock_set;
    bool refreshed;
};

static void sending_free(struct sending *s)
{
    aws_credentials_free(&s->credentials);
    http_reply_free(&s->reply);
}

/* --- what is sent --------------------------------------------------------------------------- */

const char *aws_caller_region(const struct aws_caller *caller)
{
    bool given = caller->region != NULL && caller->region[0] != '\0';
    return given ? caller->region : caller->session->settings.region;
}

struct aws_caller aws_caller_for(const struct aws_caller *caller, const char *id,
                                 struct aws_arn *arn)
{
    struct aws_caller there = *caller;
    struct err ignored = {0};

    if (id != NULL && aws_is_arn(id) && aws_arn_parse(id, "the ARN", arn, &ignored) &&
        arn->region[0] != '\0') {
        there.region = arn->region;
    }
    return there;
}

const char *aws_caller_resource(const struct aws_caller *caller, const char *service,
                                const char *resource, char *out, size_t size)
{
    const char *region = aws_caller_region(caller);
    int len = snprintf(out, size, "arn:%s:%s:%s:*:%s", aws_partition_of(region)->name, service,
                       region, resource);

    if (len < 0 || (size_t)len >= size) {
        (void)snprintf(out, size, "*");
    }
    return out;
}

/* The Host header has no port that the scheme implies: both ends sign what they see in it. */
static void write_host(struct sending *s)
{
    const char *implied = strcmp(s->parts.scheme, "https") == 0 ? "443" : "80";
    bool shown = s->parts.port[0] != '\0' && strcmp(s->parts.port, implied) != 0;

    (void)snprintf(s->host, sizeof s->host, "%s%s%s", s->parts.host, shown ? ":" : "",
                   shown ? s->parts.port : "");
}

static bool prepare(struct sending *s, struct err *err)
{
    const struct aws_service *service = s->call->service;
    struct err why = {0};

    if (!aws_settings_endpoint(&s->caller->session->settings, service->id, service->prefix,
                               s->region, s->url, &why)) {
        return err_set(err, why.kind, "%s: %s", s->call->operation, why.msg);
    }
    if (s->region[0] == '\0') {
        return err_set(err, ERR_USAGE,
                       "%s: no Region to sign for; set AWS_REGION, or give the option for "
                       "it",
                       s->call->operation);
    }
    size_t len = strlen(s->url);
    if (len + 2 > sizeof s->url) {
        return err_set(err, ERR_USAGE, "%s: the endpoint URL is too long", s->call->operation);
    }
    memcpy(s->url + len, "/", 2);
    if (!http_url_split(s->url, &s->parts, err)) {
        return err_wrap(err, "%s", s->call->operation);
    }
    write_host(s);
    if (service->protocol == AWS_JSON_1_1) {
        (void)snprintf(s->target, sizeof s->target, "%s.%s", service->target, s->call->operation);
    }
    return true;
}

struct headers {
    struct http_header items[SENT_HEADERS_MAX];
    size_t count;
};

static void add_header(struct headers *h, const char *name, const char *value)
{
    if (value[0] != '\0') {
        h->items[h->count++] = (struct http_header){name, value};
    }
}

static void add_call_headers(const struct sending *s, struct headers *h)
{
    bool json = s->call->service->protocol == AWS_JSON_1_1;

    add_header(h, "Host", s->host);
    add_header(h, "Content-Type",
               json ? "application/x-amz-json-1.1"
                    : "application/x-www-form-urlencoded; charset=utf-8");
    add_header(h, "X-Amz-Target", s->target);
}

static bool sign(const struct sending *s, const struct headers *h, struct sigv4_headers *out,
                 struct err *err)
{
    const struct sigv4_request request = {
        .method = "POST",
        .path = s->parts.path,
        .query = s->parts.query,
        .headers = h->items,
        .header_count = h->count,
        .body = s->call->body,
        .body_len = strlen(s->call->body),
    };
    const struct sigv4_params params = {
        .how = SIGV4_HEADERS,
        .credentials = &s->credentials,
        .region = s->region,
        .service = s->call->service->name,
        .now_s = s->sent_s,
    };
    return sigv4_sign(&request, &params, out, err);
}

static bool post(struct sending *s, const struct headers *h, struct err *err)
{
    const char *ca_bundle = s->caller->session->settings.ca_bundle;
    const struct http_request request = {
        .method = "POST",
        .url = s->url,
        .headers = h->items,
        .header_count = h->count,
        .body = s->call->body,
        .body_len = strlen(s->call->body),
        .ca_bundle = ca_bundle,
        .wake_fd = -1,
    };
    http_reply_free(&s->reply);
    return s->platform->send(s->platform->arg, &request, &s->reply, err);
}

/* --- what comes back ------------------------------------------------------------------------ */

static struct call_failure failure_of(const struct sending *s)
{
    bool is_signed = s->caller->identity != NULL;

    return (struct call_failure){
        .call = s->call,
        .identity = is_signed ? s->credentials.identity : NULL,
        .account = s->credentials.account_id,
        .region = s->region,
        .host = s->host,
        .attempts = s->attempts,
        .skew_ms = s->skew_ms,
    };
}

static enum outcome on_unreached(struct sending *s, const struct err *why)
{
    const struct call_failure f = failure_of(s);

    (void)call_error_unreached(&f, why, &s->why);
    return s->why.kind == ERR_TRANSIENT ? OUTCOME_LATER : OUTCOME_FAILED;
}

/* Whatever was sent back of what is secret is left out. */
static void conceal(const struct sending *s, struct aws_refusal *refusal)
{
    char *const texts[] = {refusal->code, refusal->message, refusal->request_id};
    const struct secret *const secrets[] = {&s->credentials.secret_access_key,
                                            &s->credentials.session_token, s->call->concealed};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t k = 0; k < sizeof secrets / sizeof secrets[0]; k++) {
            if (secrets[k] != NULL && conceal_found(texts[i], secrets[k])) {
                secret_wipe(texts[i], strlen(texts[i]));
            }
        }
    }
}

static void read_refusal(struct sending *s)
{
    refusal_read(&s->reply, &s->refusal);
    conceal(s, &s->refusal);
}

static enum outcome on_answer(struct sending *s)
{
    const struct secret *body = &s->reply.body;
    struct err why = {0};

    if (!secret_is_set(body)) {
        (void)err_set(&why, ERR_TRANSIENT, "it is empty");
    } else if (s->call->read == NULL || s->call->read(s->call->read_arg, body, &why)) {
        return OUTCOME_DONE;
    }
    const struct call_failure f = failure_of(s);
    read_refusal(s);
    (void)call_error_no_answer(&f, &s->refusal, &why, &s->why);
    return why.kind == ERR_TRANSIENT ? OUTCOME_LATER : OUTCOME_FAILED;
}

/* How far the reply's date is from the one that the request was signed with, which another thread
 * may have put right meanwhile. */
static int64_t measure_skew(struct sending *s)
{
    int64_t date_s = 0;

    s->dated = date_parse_http(s->reply.date, &date_s);
    if (!s->dated) {
        return 0;
    }
    s->skew_ms = date_s * 1000 - s->platform->wall_ms(s->platform->arg);
    return (date_s - s->sent_s) * 1000;
}

static bool put_right(struct sending *s, enum refusal_class class)
{
    struct aws_session *session = s->caller->session;

    if (s->caller->identity == NULL) {
        return false;
    }
    if (class == REFUSAL_CLOCK && !s->clock_set && s->dated) {
        s->clock_set = true;
        /* One word that nothing else is ordered by. */
        atomic_store_explicit(&session->skew_ms, s->skew_ms, memory_order_relaxed);
        return true;
    }
    if (class == REFUSAL_EXPIRED && !s->refreshed) {
        s->refreshed = true;
        aws_identity_refused(s->caller->identity, &s->credentials);
        return true;
    }
    return false;
}

static enum outcome on_refusal(struct sending *s)
{
    read_refusal(s);
    enum refusal_class class = refusal_class(&s->refusal, measure_skew(s));
    if (put_right(s, class)) {
        s->attempts--;
        return OUTCOME_AT_ONCE;
    }
    const struct call_failure f = failure_of(s);
    (void)call_error_refused(&f, &s->refusal, class, &s->why);
    if (class == REFUSAL_THROTTLED) {
        s->throttled++;
    }
    return refusal_kind(class) == ERR_TRANSIENT ? OUTCOME_LATER : OUTCOME_FAILED;
}

/* --- the loop ------------------------------------------------------------------------------- */

static bool get_credentials(struct sending *s, struct err *err)
{
    aws_credentials_free(&s->credentials);
    if (s->caller->identity == NULL ||
        aws_identity_get(s->caller->identity, &s->credentials, err)) {
        return true;
    }
    return err_wrap(err, "%s", s->call->operation);
}

/* Signed anew each time: the clock has moved, or the credentials have. */
static enum outcome attempt(struct sending *s)
{
    CLEANUP(sigv4_headers_free) struct sigv4_headers added = {0};
    struct headers headers = {0};
    struct err why = {0};

    /* The source of the credentials has its own retries. */
    if (!get_credentials(s, &s->why)) {
        return OUTCOME_FAILED;
    }
    add_call_headers(s, &headers);
    s->sent_s = aws_session_now_s(s->caller->session);
    if (s->caller->identity != NULL) {
        if (!sign(s, &headers, &added, &s->why)) {
            return OUTCOME_FAILED;
        }
        add_header(&headers, "X-Amz-Date", added.date);
        add_header(&headers, "X-Amz-Security-Token", secret_reveal(&added.session_token));
        add_header(&headers, "Authorization", secret_reveal(&added.authorization));
    }
    add_header(&headers, "User-Agent", USER_AGENT);

    s->attempts++;
    s->refusal = (struct aws_refusal){0};
    if (!post(s, &headers, &why)) {
        return on_unreached(s, &why);
    }
    return s->reply.status >= 200 && s->reply.status <= 299 ? on_answer(s) : on_refusal(s);
}

/* Throttling passes by itself, so it is given more time than anything else. */
static bool may_go_on(const struct sending *s)
{
    unsigned told = s->caller->session->settings.max_attempts;

    if (told > 0) {
        return s->attempts < told;
    }
    return s->attempts < ATTEMPTS_THROTTLED_MAX && s->attempts - s->throttled < ATTEMPTS_MAX;
}

static bool wait_before_next(struct sending *s)
{
    unsigned doublings = s->attempts - 1;
    uint64_t cap_s = doublings < DOUBLINGS_MAX ? UINT64_C(1) << doublings : WAIT_MAX_S;
    uint64_t cap_ms = cap_s * 1000;
    uint64_t wait_ms = s->platform->random(s->platform->arg) % (cap_ms + 1);

    return s->platform->wait(s->platform->arg, wait_ms);
}

static bool send_until_answered(struct sending *s, struct err *err)
{
    enum outcome outcome = attempt(s);

    while (outcome == OUTCOME_AT_ONCE || (outcome == OUTCOME_LATER && may_go_on(s))) {
        if (outcome == OUTCOME_LATER && !wait_before_next(s)) {
            return err_set(err, ERR_CANCELLED, "%s: stopped while waiting to try again",
                           s->call->operation);
        }
        outcome = attempt(s);
    }
    if (outcome == OUTCOME_DONE) {
        return true;
    }
    *err = s->why;
    return false;
}

bool aws_call_send(const struct aws_caller *caller, const struct aws_call *call,
                   struct secret *reply, struct aws_refusal *refusal, struct err *err)
{
    CLEANUP(sending_free)
    struct sending s = {.caller = caller,
                        .call = call,
                        .platform = caller->session->platform,
                        .region = aws_caller_region(caller)};

    if (!prepare(&s, err)) {
        return false;
    }
    if (!send_until_answered(&s, err)) {
        if (refusal != NULL && s.refusal.status != 0) {
            *refusal = s.refusal;
        }
        return false;
    }
    if (reply != NULL) {
        secret_free(reply);
        *reply = s.reply.body;
        s.reply.body = (struct secret){0};
    }
    return true;
}
