/*
 * session.h: the settings that make a value read the same on both sides, whatever the role's, the
 * database's or the server's defaults are.
 */
#ifndef PG_SESSION_H
#define PG_SESSION_H

#include "base/err.h"
#include "pg/pg.h"

#define SESSION_ENCODING_MAX   64
#define SESSION_OLDEST_VERSION 110000 /* PostgreSQL 11 */

/* A connection that is new enough, looks names up in pg_catalog, and has no pooler in between: its
 * settings are those of session_pin only after that. ERR_USAGE, and pg_open's errors. */
bool session_open(const struct pg_target *target, const char *application_name, int wake_fd,
                  struct pg **out, struct err *err) MUST_CHECK;

/* How many more connections the server takes, ours not counted; not below 0. */
bool session_free_slots(struct pg *pg, uint64_t *left, struct err *err) MUST_CHECK;

/* Pins this session. encoding: the source database's, on both sides. */
bool session_pin(struct pg *pg, const char *encoding, struct err *err) MUST_CHECK;

/* What both sides are to speak: the source's own encoding, such as "LATIN1", which saves the source
 * the work, or UTF8 where the destination has no conversion from it. destination may be NULL. */
bool session_encoding(struct pg *source, struct pg *destination, char out[SESSION_ENCODING_MAX],
                      struct err *err) MUST_CHECK;

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
/* Both ERR_USAGE; pg is the destination's connection, for the message. */
/* They are one database, or one is a standby of the other's server. */
bool session_check_different(const struct server_identity *source,
                             const struct server_identity *destination, const struct pg *pg,
                             struct err *err) MUST_CHECK;
/* It is a replica. */
bool session_check_writable(const struct server_identity *destination, const struct pg *pg,
                            struct err *err) MUST_CHECK;

#endif
