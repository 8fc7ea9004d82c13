/*
 * conninfo.h: a libpq connection string taken apart, changed, and put together again.
 *
 * Nothing is dialled. Values may be passwords: they are wiped when freed, and no error text holds
 * one. One owner, not thread-safe.
 */
#ifndef PG_CONNINFO_H
#define PG_CONNINFO_H

#include "base/err.h"
#include "base/secret.h"

#include <stdbool.h>

struct conninfo;

/* text: a URI, keyword list or database name, "" for libpq's defaults. side: "source" or
 * "destination", for messages. ERR_USAGE when it cannot be parsed or names a service that is not
 * there. */
bool conninfo_parse(const struct secret *text, const char *side, struct conninfo **out,
                    struct err *err) MUST_CHECK;
bool conninfo_copy(const struct conninfo *from, struct conninfo **out, struct err *err) MUST_CHECK;
void conninfo_free(struct conninfo **c); /* for CLEANUP; wipes */

/* Only whether text can be parsed. ERR_USAGE. */
bool conninfo_check(const struct secret *text, const char *side, struct err *err) MUST_CHECK;

/* What the string itself says; NULL when it does not, or says nothing (host=''). Borrowed until the
 * next conninfo_set. */
const char *conninfo_given(const struct conninfo *c, const char *keyword);
/* What libpq would use: the string, the service file, the PG* variables, its defaults; "" if none.
 */
const char *conninfo_effective(const struct conninfo *c, const char *keyword);

/* As if the string had said so, over what it says. value "" takes the keyword away. */
bool conninfo_set(struct conninfo *c, const char *keyword, const char *value,
                  struct err *err) MUST_CHECK;

/* As if the string had named this one host, with the port that it has (of several the first), and
 * neither hostaddr nor target_session_attrs. ERR_USAGE when a hostaddr comes from elsewhere
 * (PGHOSTADDR, a service file): libpq would dial that one. */
bool conninfo_redirect(struct conninfo *c, const char *side, const char *host,
                       struct err *err) MUST_CHECK;

/* The whole as a keyword string. */
bool conninfo_text(const struct conninfo *c, struct secret *out, struct err *err) MUST_CHECK;

#endif
