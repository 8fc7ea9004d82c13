/*
 * session.h: the settings that make a value read the same on both sides, whatever the role's, the
 * database's or the server's defaults are.
 */
#ifndef PG_SESSION_H
#define PG_SESSION_H

#include "base/err.h"
#include "pg/pg.h"

#define SESSION_ENCODING_MAX 64

/* Pins this session. encoding: the source database's, on both sides. */
bool session_pin(struct pg *pg, const char *encoding, struct err *err) MUST_CHECK;

/* The database's own encoding, such as "UTF8". */
bool session_encoding(struct pg *pg, char out[SESSION_ENCODING_MAX], struct err *err) MUST_CHECK;

/* Which server and database this is. */
struct server_identity {
    char system[32];   /* pg_control_system().system_identifier */
    char started[64];  /* pg_postmaster_start_time(), UTC */
    char database[64]; /* name */
    char database_oid[16];
    char timeline[16];
    bool in_recovery;
};
bool session_identity(struct pg *pg, struct server_identity *out, struct err *err) MUST_CHECK;

#endif
