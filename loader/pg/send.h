/*
 * send.h: statements that run while the caller waits for several connections at once, by poll on
 * pg_socket. For one thread; pg.h's rules and errors.
 */
#ifndef PG_SEND_H
#define PG_SEND_H

#include "base/err.h"
#include "pg/pg.h"

/* Simple-protocol statements whose rows do not matter. Comes back before they are done. */
bool pg_send(struct pg *pg, const char *sql, struct err *err) MUST_CHECK;

/* Takes in what has come, without waiting. *done: everything that was sent has ended; until then
 * call again when the socket is readable. False: a statement failed; the connection is usable
 * unless pg_is_dead. */
bool pg_sent(struct pg *pg, bool *done, struct err *err) MUST_CHECK;

#endif
