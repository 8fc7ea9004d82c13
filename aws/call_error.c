#include "aws/call_error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Shares of ERR_MSG_MAX, so that what to do is never what is cut off. */
#define TEXT_MAX     960 /* the rest is for a context that a caller puts before it */
#define ADVICE_MAX   640
#define RESOURCE_MAX 400
#define MESSAGE_MAX  300
#define IDENTITY_MAX 160
#define WORD_MAX     72 /* a code, a request id */

static void say_attempts(unsigned attempts, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", "");
    if (attempts > 1) {
        (void)snprintf(out, size, ", after %u attempts", attempts);
    }
}

static void say_caller(const struct call_failure *f, char *out, size_t size)
{
    if (f->identity == NULL) {
        (void)snprintf(out, size, "%s", "not signed");
    } else {
        (void)snprintf(out, size, "as %.*s", IDENTITY_MAX, f->identity);
    }
}

/* The resource as a policy's statement has it: an account left open is the caller's, if known. */
static void say_resource(const struct call_failure *f, char *out, size_t size)
{
    const char *resource = f->call->resource == NULL ? "*" : f->call->resource;
    const char *account = strstr(resource, ":*:");

    if (strlen(resource) > RESOURCE_MAX || strpbrk(resource, "\"\\") != NULL) {
        (void)snprintf(out, size, "%s", "the ARN of what is asked for");
    } else if (account != NULL && f->account[0] != '\0') {
        (void)snprintf(out, size, "%.*s:%s:%s", (int)(account - resource), resource, f->account,
                       account + strlen(":*:"));
    } else {
        (void)snprintf(out, size, "%s", resource);
    }
}

/* Secrets Manager reads as the caller, so a missing permission may be that of the key beneath. */
static bool is_about_key(const struct aws_call *call, const struct aws_refusal *refusal)
{
    return strncmp(call->action, "kms:", strlen("kms:")) != 0 &&
           (strstr(refusal->message, "KMS") != NULL || strstr(refusal->message, "kms:") != NULL);
}

static void say_permission(const struct call_failure *f, const struct aws_refusal *refusal,
                           char *out, size_t size)
{
    char resource[RESOURCE_MAX + 32];
    const char *action = f->call->action;
    const char *hint = f->call->hint == NULL ? "" : f->call->hint;

    say_resource(f, resource, sizeof resource);
    if (is_about_key(f->call, refusal)) {
        action = "kms:Decrypt";
        (void)snprintf(resource, sizeof resource, "%s", "the ARN of its KMS key");
    }
    (void)snprintf(out, size,
                   "allow it with {\"Effect\":\"Allow\",\"Action\":\"%s\",\"Resource\":\"%s\"}%s%s",
                   action, resource, hint[0] == '\0' ? "" : "; ", hint);
}

static bool is_deleted_secret(const struct aws_refusal *refusal)
{
    return strcmp(refusal->code, "InvalidRequestException") == 0 &&
           strstr(refusal->message, "delet") != NULL;
}

static void say_clock(const struct call_failure *f, char *out, size_t size)
{
    int64_t seconds = f->skew_ms / 1000;

    if (seconds == 0) {
        (void)snprintf(out, size, "%s", "set this machine's clock");
        return;
    }
    (void)snprintf(out, size, "set this machine's clock, which is %" PRId64 " s %s AWS's",
                   seconds < 0 ? -seconds : seconds, seconds < 0 ? "ahead of" : "behind");
}

/* Where nothing depends on the call. */
static const char *fixed_advice(enum refusal_class class, bool is_signed)
{
    static const char *const advice[] = {
        [REFUSAL_CREDENTIALS] = "check the access key and its secret",
        [REFUSAL_EXPIRED] = "renew these credentials",
        [REFUSAL_THROTTLED] = "too many calls in this account: run again later",
        [REFUSAL_TRANSIENT] = "run again later",
        [REFUSAL_DISABLED] = "enable the KMS key, or cancel its deletion",
        [REFUSAL_OTHER] = "check what is asked for",
    };
    if (!is_signed && (class == REFUSAL_CREDENTIALS || class == REFUSAL_EXPIRED)) {
        return "check the web identity token";
    }
    return advice[class];
}

static bool is_wrong_ciphertext(const struct aws_refusal *refusal)
{
    return strcmp(refusal->code, "InvalidCiphertextException") == 0;
}

static void say_advice(const struct call_failure *f, const struct aws_refusal *refusal,
                       enum refusal_class class, char *out, size_t size)
{
    if (refusal->code[0] == '\0' && refusal_kind(class) != ERR_TRANSIENT) {
        (void)snprintf(out, size,
                       "AWS does not answer like that: is there a proxy before %.100s, or is the "
                       "endpoint URL wrong?",
                       f->host);
    } else if (class == REFUSAL_DENIED) {
        say_permission(f, refusal, out, size);
    } else if (class == REFUSAL_CLOCK) {
        say_clock(f, out, size);
    } else if (is_deleted_secret(refusal)) {
        (void)snprintf(out, size,
                       "restore it (aws secretsmanager restore-secret), or name another one");
    } else if (class == REFUSAL_MISSING) {
        (void)snprintf(out, size, "check the name, the account and the Region (%s)", f->region);
    } else if (is_wrong_ciphertext(refusal)) {
        (void)snprintf(out, size, "it was encrypted with another context or key, or is damaged");
    } else {
        (void)snprintf(out, size, "%s", fixed_advice(class, f->identity != NULL));
    }
}

static void say_code(const struct aws_refusal *refusal, char *out, size_t size)
{
    if (refusal->code[0] == '\0') {
        (void)snprintf(out, size, "HTTP status %d", refusal->status);
    } else {
        (void)snprintf(out, size, "%.*s", WORD_MAX, refusal->code);
    }
}

static const char *id_of(const struct aws_refusal *refusal)
{
    return refusal->request_id[0] == '\0' ? "unknown" : refusal->request_id;
}

/* How much of the message fits beside the rest. */
static int room_for_message(size_t rest)
{
    size_t room = rest < TEXT_MAX ? TEXT_MAX - rest : 0;
    return (int)(room < MESSAGE_MAX ? room : MESSAGE_MAX);
}

bool call_error_refused(const struct call_failure *f, const struct aws_refusal *refusal,
                        enum refusal_class class, struct err *err)
{
    char caller[IDENTITY_MAX + 8];
    char code[WORD_MAX + 1];
    char attempts[40];
    char advice[ADVICE_MAX];
    char tail[ADVICE_MAX + 2 * WORD_MAX];

    say_caller(f, caller, sizeof caller);
    say_code(refusal, code, sizeof code);
    say_attempts(f->attempts, attempts, sizeof attempts);
    say_advice(f, refusal, class, advice, sizeof advice);
    (void)snprintf(tail, sizeof tail, " (request %.*s%s); %s", WORD_MAX, id_of(refusal), attempts,
                   advice);
    const char *colon = refusal->message[0] == '\0' ? "" : ": ";
    size_t rest = strlen(f->call->operation) + strlen(caller) + strlen(code) + strlen(tail) + 8;
    return err_set(err, refusal_kind(class), "%s (%s): %s%s%.*s%s", f->call->operation, caller,
                   code, colon, room_for_message(rest), refusal->message, tail);
}

bool call_error_unreached(const struct call_failure *f, const struct err *why, struct err *err)
{
    char attempts[40];
    struct err cause = *why;

    say_attempts(f->attempts, attempts, sizeof attempts);
    if (cause.kind != ERR_TRANSIENT) {
        return err_set(err, cause.kind, "%s: %s", f->call->operation, cause.msg);
    }
    return err_set(
        err, ERR_TRANSIENT,
        "%s: %.400s%s; check the way to %.255s: a VPC endpoint or a route, HTTPS_PROXY and "
        "NO_PROXY, AWS_ENDPOINT_URL",
        f->call->operation, cause.msg, attempts, f->host);
}

bool call_error_no_answer(const struct call_failure *f, const struct aws_refusal *reply,
                          const struct err *why, struct err *err)
{
    char attempts[40];
    char caller[IDENTITY_MAX + 8];
    struct err cause = *why;

    say_caller(f, caller, sizeof caller);
    say_attempts(f->attempts, attempts, sizeof attempts);
    return err_set(
        err, cause.kind,
        "%s (%s): an answer that is none: %.200s (HTTP status %d, request %.*s%s); is %.200s "
        "the service, or a proxy before it?",
        f->call->operation, caller, cause.msg, reply->status, WORD_MAX, id_of(reply), attempts,
        f->host);
}
