/*
 * fuzz_credentials_json: whatever a container's agent or an instance's metadata service answers, it
 * is either credentials that can be signed with, or an error that leaves the result alone and has
 * no part of a secret in it; what is said of a refusal is one line that fits.
 */
#include "aws/credentials_json.h"

#include <ctype.h>
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

static void require_visible(const char *text)
{
    for (; *text != '\0'; text++) {
        require(*text >= '!' && *text <= '~');
    }
}

static void check_failure(const struct err *err, const struct aws_credentials *got)
{
    require(err->kind == ERR_TRANSIENT || err->kind == ERR_AUTH);
    require(strstr(err->msg, "the fuzzer") != NULL && strlen(err->msg) < ERR_MSG_MAX);
    require(got->access_key_id[0] == '\0' && got->account_id[0] == '\0' && got->expires_s == 0);
    require(got->secret_access_key.bytes == NULL && got->session_token.bytes == NULL);
}

static void check_read(const char *bytes, size_t size)
{
    struct aws_credentials got;
    struct err err = {0};

    memset(&got, 0, sizeof(got));
    if (!credentials_json_read("the fuzzer", bytes, size, &got, &err)) {
        check_failure(&err, &got);
        return;
    }
    require(err.kind == ERR_NONE && got.access_key_id[0] != '\0' && got.identity[0] == '\0');
    require(secret_is_set(&got.secret_access_key));
    require(strlen(secret_reveal(&got.session_token)) == got.session_token.len);
    require_visible(got.access_key_id);
    require_visible(secret_reveal(&got.secret_access_key));
    require_visible(secret_reveal(&got.session_token));
    require(strlen(got.account_id) < sizeof(got.account_id));
    aws_credentials_free(&got);
}

static void check_error(const char *bytes, size_t size)
{
    char said[CREDENTIALS_JSON_ERROR_MAX];

    memset(said, 'x', sizeof(said));
    credentials_json_error(bytes, size, said);
    require(memchr(said, '\0', sizeof(said)) != NULL);
    for (const char *at = said; *at != '\0'; at++) {
        require(iscntrl((unsigned char)*at) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + (size == 0)); /* so that ASan sees one byte too many */
    require(exact != NULL);

    if (size > 0) {
        memcpy(exact, data, size);
    }
    check_read(exact, size);
    check_error(exact, size);
    free(exact);
    return 0;
}
