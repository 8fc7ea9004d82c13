/* connection_text.h: does a connection string hold a password? */
#ifndef CLI_CONNECTION_TEXT_H
#define CLI_CONNECTION_TEXT_H

#include "base/err.h"
#include "base/secret.h"

#include <stdbool.h>

/* text: what --source takes, the form "rds:ID/DATABASE KEYWORD=VALUE..." included. A service that
 * is not known here is no fault. ERR_USAGE when libpq could not read it; the message may hold a
 * piece of the string. */
bool connection_has_password(const struct secret *text, bool *has, struct err *err) MUST_CHECK;

#endif
