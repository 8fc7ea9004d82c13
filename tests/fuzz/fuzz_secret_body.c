/*
 * fuzz_secret_body: for any bytes, a secret is either taken, with a password in it and texts that
 * are texts, or refused as usage with nothing changed and nothing of the bytes' password in the
 * message.
 */
#include "job/secret_body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secret text = {0};
    struct secret_body body = {.host = "before"};
    struct err err = {0};

    require(secret_set_bytes(&text, data, size, &err));
    if (secret_body_read(&text, "name", &body, &err)) {
        struct secret_body copy = {.host = ""};
        require(secret_is_set(&body.password));
        require(strlen(secret_reveal(&body.password)) == body.password.len);
        require(strlen(body.port) < sizeof body.port);
        require(secret_body_copy(&body, &copy, &err) &&
                strcmp(secret_reveal(&body.user), secret_reveal(&copy.user)) == 0 &&
                strcmp(secret_reveal(&body.password), secret_reveal(&copy.password)) == 0);
        secret_body_free(&copy);
    } else {
        require(err.kind == ERR_USAGE && strcmp(body.host, "before") == 0);
        require(strlen(err.msg) > 0 && strlen(err.msg) < ERR_MSG_MAX);
    }
    secret_body_free(&body);
    secret_free(&text);
    return 0;
}
