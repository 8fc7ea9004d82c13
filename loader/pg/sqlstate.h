/*
 * sqlstate.h: what a SQLSTATE means for a loader. Pure. Source: PostgreSQL's documentation,
 * appendix A, "PostgreSQL Error Codes".
 */
#ifndef PG_SQLSTATE_H
#define PG_SQLSTATE_H

#include "base/err.h"

#include <stdbool.h>

/* state: five characters, or "" where the failure was not a server's; that is ERR_TRANSIENT when
 * connection_lost and ERR_DATA when not. */
enum err_kind sqlstate_kind(const char *state, bool connection_lost);

/* The same, where the server's words may say more than its state: a shard group's errors that pass,
 * whose SQLSTATEs are not documented. message: the primary one, in any surroundings. */
enum err_kind sqlstate_kind_said(const char *state, const char *message, bool connection_lost);

/* What such an error asks for, by the whole text of an error of ours, "(SQLSTATE 40P01)" included.
 */
enum sqlstate_plea {
    PLEA_NONE,
    PLEA_SHORTER, /* a conflict: deadlock, serialization failure */
    PLEA_FEWER,   /* commits are throttled */
    PLEA_REFUSED, /* too many connections */
};
enum sqlstate_plea sqlstate_plea(const char *text);

#endif
