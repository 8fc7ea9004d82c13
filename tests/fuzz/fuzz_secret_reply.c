/*
 * fuzz_secret_reply: whatever the network answers to GetSecretValue, there is a secret with an ARN,
 * or no such stage, or an error; and no error text repeats the value.
 *
 * The first two bytes are the status, the rest is the body.
 */
#include "aws/secrets_manager.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    int status;
    const uint8_t *body;
    size_t len;
};

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static const char *no_variable(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "AWS_REGION") == 0 ? "us-east-1" : NULL;
}

static bool no_file(void *arg, const char *path, size_t bytes_max, struct secret *out, bool *found,
                    struct err *err)
{
    (void)arg;
    (void)path;
    (void)bytes_max;
    (void)out;
    (void)err;
    *found = false;
    return true;
}

static bool answer(void *arg, const struct http_request *request, struct http_reply *reply,
                   struct err *err)
{
    const struct input *input = arg;

    (void)request;
    reply->status = input->status;
    return secret_set_bytes(&reply->body, input->body, input->len, err);
}

static int64_t wall_ms(void *arg)
{
    (void)arg;
    return INT64_C(1440938160000);
}

static uint64_t zero(void *arg)
{
    (void)arg;
    return 0;
}

static bool do_not_wait(void *arg, uint64_t wait_ms)
{
    (void)arg;
    (void)wait_ms;
    return true;
}

static void check(const struct aws_caller *caller)
{
    struct aws_secret_version version = {0};
    struct err err = {0};
    bool found = false;

    if (aws_secret_get(caller, "db", NULL, NULL, &version, &found, &err)) {
        require(err.kind == ERR_NONE);
        require(found == (version.arn[0] != '\0'));
        require(found || !secret_is_set(&version.value));
    } else {
        require(err.kind != ERR_NONE && err.msg[0] != '\0');
        require(strstr(err.msg, "sesame") == NULL);
        require(!secret_is_set(&version.value));
    }
    aws_secret_version_free(&version);
}

/* The marker may stand in an answer's value only; a refusal's message is shown, as it should be. */
static bool may_be_shown(const struct input *input)
{
    return input->status < 200 || input->status > 299;
}

static void mask(char *body, size_t len)
{
    for (size_t i = 0; i + 6 <= len; i++) {
        if (memcmp(body + i, "sesame", 6) == 0) {
            body[i] = 'S';
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    char *body = malloc(size - 1);
    struct input input = {.status = 100 + (data[0] << 1 | (data[1] & 1)), .len = size - 2};
    struct aws_platform platform = {.arg = &input,
                                    .variable = no_variable,
                                    .read_file = no_file,
                                    .send = answer,
                                    .wall_ms = wall_ms,
                                    .mono_ns = zero,
                                    .random = zero,
                                    .wait = do_not_wait};
    struct aws_session session;
    struct err err = {0};

    require(body != NULL);
    memcpy(body, data + 2, size - 2);
    input.body = (const uint8_t *)body;
    if (may_be_shown(&input)) {
        mask(body, size - 2);
    }
    require(aws_session_open(&platform, NULL, NULL, &session, &err));
    const struct aws_caller caller = {.session = &session};
    check(&caller);
    aws_session_close(&session);
    free(body);
    return 0;
}
