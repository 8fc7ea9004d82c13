#include "aws/conceal.h"

#include <string.h>

bool conceal_found(const char *text, const struct secret *secret)
{
    char part[CONCEAL_BYTES + 1] = "";
    size_t len = strlen(text);
    bool found = false;

    if (secret->len < CONCEAL_BYTES) {
        return secret_is_set(secret) && strstr(text, secret_reveal(secret)) != NULL;
    }
    for (size_t at = 0; !found && at + CONCEAL_BYTES <= len; at++) {
        memcpy(part, text + at, CONCEAL_BYTES);
        found = strstr(secret_reveal(secret), part) != NULL;
    }
    secret_wipe(part, sizeof part);
    return found;
}
