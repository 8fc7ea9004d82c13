#include "cli/environment.h"

#include <stdlib.h>
#include <string.h>

#define PASSWORD "PGPASSWORD"

bool environment_take_password(struct secret *password, struct err *err)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet. */
    if (!secret_set(password, getenv(PASSWORD), err)) {
        return false;
    }
    environment_forget(PASSWORD);
    return true;
}

void environment_forget(const char *name)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet. */
    char *value = getenv(name);
    if (value != NULL) {
        secret_wipe(value, strlen(value));
        (void)unsetenv(name); /* NOLINT(concurrency-mt-unsafe): likewise */
    }
}
