/* form.h: the body of a query-protocol request, "Action=AssumeRole&Version=...&...", built in
 * memory that is wiped, because a web identity token is one of the values. One owner. */
#ifndef AWS_FORM_H
#define AWS_FORM_H

#include "base/err.h"
#include "base/secret.h"

struct form {
    struct secret body; /* percent-encoded */
    struct err err;     /* of the first addition that failed; those after it do nothing */
};

void form_free(struct form *f); /* wipes; NULL and zeroed are allowed */

/* value NULL: nothing is added. */
void form_add(struct form *f, const char *name, const char *value);

/* False with ERR_SYSTEM when an addition failed for want of memory. */
bool form_ok(const struct form *f, struct err *err) MUST_CHECK;

#endif
