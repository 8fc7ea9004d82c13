/*
 * sqlstate.h: what a SQLSTATE means for a loader. Pure. Source: PostgreSQL's documentation,
 * appendix A, "PostgreSQL Error Codes".
 */
#ifndef PG_SQLSTATE_H
#define PG_SQLSTATE_H

#include "base/err.h"

/* state: five characters, or "" where the failure was not a server's; that is ERR_TRANSIENT when
 * connection_lost and ERR_DATA when not. */
enum err_kind sqlstate_kind(const char *state, bool connection_lost);

#endif
