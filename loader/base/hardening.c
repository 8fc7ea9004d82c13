#include "base/hardening.h"

#include "base/sanitizers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

static void hide_from_others(void)
{
#if defined(__linux__) && !SANITIZER_ADDRESS
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void process_harden(void)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};

    hide_from_others();
    (void)setrlimit(RLIMIT_CORE, &none); /* for a core that dumpable alone would allow */
}

bool is_secret_variable(const char *entry)
{
    static const char *const names[] = {
        "PGPASSWORD",         "SLUICE_SOURCE",
        "SLUICE_DESTINATION", "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",     "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    };
    size_t len = strcspn(entry, "=");

    if (len > 6 && strncasecmp(entry + len - 6, "_proxy", 6) == 0) {
        return true; /* its URL may hold a password, and the holder speaks no HTTP */
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], entry, len) == 0) {
            return true;
        }
    }
    return false;
}

char **child_environment(char *const *environment)
{
    size_t count = 0;
    while (environment[count] != NULL) {
        count++;
    }
    char **kept = calloc(count + 1, sizeof *kept);
    for (size_t i = 0, n = 0; kept != NULL && i < count; i++) {
        if (!is_secret_variable(environment[i])) {
            kept[n++] = environment[i];
        }
    }
    return kept;
}
