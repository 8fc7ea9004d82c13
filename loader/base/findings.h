/*
 * findings.h: what a check found wrong, all of it, so that a person mends it in one go.
 *
 * One owner, not thread-safe. At most FINDINGS_MAX are kept; the rest are counted.
 */
#ifndef BASE_FINDINGS_H
#define BASE_FINDINGS_H

#include "base/err.h"

#include <stddef.h>

#define FINDINGS_MAX 1000

enum finding_level { FINDING_WARNING, FINDING_BLOCKER };

struct finding {
    enum finding_level level;
    enum err_kind kind; /* what the error would be: ERR_USAGE, ERR_AUTH, ... */
    char *text;         /* one sentence or two: what is wrong, where, what to do */
};

struct findings {
    struct finding *items;
    size_t count;
    size_t left_out; /* past FINDINGS_MAX or without memory */
    size_t blockers; /* those left out included */
    size_t blockers_auth;
};

void findings_free(struct findings *f); /* NULL and zeroed are allowed */
void findings_add(struct findings *f, enum finding_level level, enum err_kind kind, const char *fmt,
                  ...) PRINTF_LIKE(4, 5);

/* ERR_AUTH when every blocker is about permission, else ERR_USAGE; ERR_NONE without a blocker. */
enum err_kind findings_kind(const struct findings *f);

#endif
