/*
 * lease.h: one loader a job. The lease names the destination session that renews it; it is dead
 * when that session is gone, or when it expired. Of a shard group, whose routers each see their own
 * sessions only, all are asked where there is a view of them; else only the expiry counts. Not a
 * lock (Limitless has no advisory locks): should two loaders ever run all the same, the ledger's
 * keys still keep rows exact.
 */
#ifndef JOB_LEASE_H
#define JOB_LEASE_H

#include "base/err.h"
#include "job/ledger.h"
#include "pg/pg.h"

#define LEASE_RENEW_MS    2000u
#define LEASE_LIFETIME    "30 s" /* as SQL writes it */
#define LEASE_PATIENCE_MS 10000u /* for the sessions of a loader that has just died */
#define LEASE_TOKEN_MAX   40

/* A name for this process, different each time. */
void lease_token(char out[LEASE_TOKEN_MAX]);

/* Takes the lease for pg's session, and waits for the dead predecessor's writers to be gone.
 * ERR_BUSY: another loader is alive. tag: see session_tag. */
bool lease_take(const struct ledger *l, struct pg *pg, const char *token, const char *tag,
                struct err *err) MUST_CHECK;

/* ERR_BUSY when somebody else has it by now. Also moves it to another session of ours. */
bool lease_renew(const struct ledger *l, struct pg *pg, const char *token,
                 struct err *err) MUST_CHECK;

/* Gives it back; harmless when it is not ours. */
bool lease_release(const struct ledger *l, struct pg *pg, const char *token,
                   struct err *err) MUST_CHECK;

#endif
