/* logins.h: what logins need of the environment, read here because this is where it may be read. */
#ifndef CLI_LOGINS_H
#define CLI_LOGINS_H

#include "base/err.h"
#include "job/spec.h"

#include <stdbool.h>

/* Fills spec->user_roots and spec->password, and removes from the environment what held secrets.
 * After the options are read, before any other thread exists. ERR_SYSTEM without memory. */
bool logins_prepare(struct spec *spec, struct err *err) MUST_CHECK;

#endif
