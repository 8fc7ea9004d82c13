/*
 * token_lines: one JSON object a line in, one RDS token a line out, for a comparison with other
 * makers of tokens.
 *
 *   {"host": ..., "port": 5432, "user": ..., "region": ..., "now": 1440938160,
 *    "access_key_id": ..., "secret_access_key": ..., "session_token": null}
 *
 * Where there is no token the line is "error: " and why. A line that is no such object ends the
 * program with status 1.
 */
#include "aws/rds_token.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 65536

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool make(const json_t *in, struct secret *token, struct err *err)
{
    json_int_t port = json_integer_value(json_object_get(in, "port"));
    const struct rds_token_params params = {
        .host = text(in, "host"),
        .port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0,
        .region = text(in, "region"),
        .user = text(in, "user"),
        .now_s = json_integer_value(json_object_get(in, "now"))};
    CLEANUP(aws_credentials_free) struct aws_credentials keys = {0};

    return aws_credentials_set(&keys, "the line", text(in, "access_key_id"),
                               text(in, "secret_access_key"), text(in, "session_token"), err) &&
           rds_token_make(&keys, &params, token, err);
}

static void answer(const json_t *in)
{
    CLEANUP(secret_free) struct secret token = {0};
    struct err err = {0};

    if (make(in, &token, &err)) {
        (void)puts(secret_reveal(&token));
    } else {
        (void)printf("error: %s\n", err.msg);
    }
}

int main(void)
{
    static char line[LINE_MAX_BYTES];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        json_t *in = json_loads(line, 0, NULL);
        if (!json_is_object(in)) {
            (void)puts("error: no JSON object");
            json_decref(in);
            return 1;
        }
        answer(in);
        json_decref(in);
    }
    return ferror(stdin) != 0 || fflush(stdout) != 0;
}
