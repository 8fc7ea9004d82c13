#include "aws/env.h"

#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What was moved out of the environment. A process has one environment, so there is one of these,
 * and nobody writes to it between aws_env_open and aws_env_close. */
static struct taken {
    const char *name;
    bool taken;
    struct secret value;
} secrets[] = {
    {.name = "AWS_SECRET_ACCESS_KEY"},
    {.name = "AWS_SESSION_TOKEN"},
    {.name = "AWS_CONTAINER_AUTHORIZATION_TOKEN"},
};
#define SECRETS (sizeof secrets / sizeof secrets[0])

/* Nobody changes the environment once there are threads. */
static char *variable(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): see above */
}

void aws_env_open(void)
{
    for (size_t i = 0; i < SECRETS; i++) {
        char *value = variable(secrets[i].name);
        struct err err;
        if (value == NULL || !secret_set(&secrets[i].value, value, &err)) {
            continue;
        }
        secrets[i].taken = true;
        secret_wipe(value, strlen(value));
        (void)unsetenv(secrets[i].name); /* NOLINT(concurrency-mt-unsafe): one thread still */
    }
}

void aws_env_close(void)
{
    for (size_t i = 0; i < SECRETS; i++) {
        secret_free(&secrets[i].value);
        secrets[i].taken = false;
    }
}

const char *aws_env_get(const char *name)
{
    for (size_t i = 0; i < SECRETS; i++) {
        if (secrets[i].taken && strcmp(secrets[i].name, name) == 0) {
            return secret_reveal(&secrets[i].value);
        }
    }
    return variable(name);
}
