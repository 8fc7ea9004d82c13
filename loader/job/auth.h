/*
 * auth.h: how each side logs in: the AWS session behind it, if any, and the pg_auth for its
 * connections. With cli/aws*.c and cli/check.c this is the only place in loader/ that knows aws/.
 *
 * Opened once, before any thread; its pg_auth's are used by all threads; closed after the last
 * connection. Nothing of AWS is opened for a side that does not ask for it.
 */
#ifndef JOB_AUTH_H
#define JOB_AUTH_H

#include "base/buf.h"
#include "base/err.h"
#include "job/spec.h"
#include "pg/login.h"

enum auth_side { AUTH_SOURCE, AUTH_DESTINATION, AUTH_SIDES };

struct auth;
struct aws_session;
struct aws_identity;

/* Opens the AWS side when the spec asks for it and resolves what does not change: rds: names, the
 * role, a password under KMS. wake_fd ends its waits, now and later. The spec is borrowed.
 * ERR_USAGE, ERR_AUTH, ERR_TRANSIENT, ERR_DATA, ERR_CANCELLED. */
bool auth_open(const struct spec *spec, int wake_fd, struct auth **out, struct err *err) MUST_CHECK;
void auth_close(struct auth *auth); /* NULL is allowed; wipes */

/* For pg_target; lives as long as auth. */
const struct pg_auth *auth_of(const struct auth *auth, enum auth_side side);

/* A password that libpq found by itself (a password file) for the host of the connection string: it
 * is used for logins to other hosts of this side, the routers of a shard group. Before any thread.
 * Does nothing for a side that has its passwords or tokens from AWS. */
bool auth_keep_password(struct auth *auth, enum auth_side side, const struct secret *password,
                        struct err *err) MUST_CHECK;

/* A new key under a KMS key, with the destination's identity, for the spill file of a job; wrapped
 * is its ciphertext in hex, from which the second function gets it again. auth must have been
 * opened for a spec with spill_kms_key. ERR_AUTH, ERR_TRANSIENT, ERR_USAGE as AWS's calls. */
#define AUTH_KEY_BYTES 32u
bool auth_make_data_key(struct auth *auth, const char *key_id, const char *job,
                        unsigned char key[AUTH_KEY_BYTES], struct buf *wrapped,
                        struct err *err) MUST_CHECK;
bool auth_open_data_key(struct auth *auth, const char *wrapped, const char *job,
                        unsigned char key[AUTH_KEY_BYTES], struct err *err) MUST_CHECK;

/* Was auth_open_side, or auth_open, called for it with success? */
bool auth_side_is_open(const struct auth *auth, enum auth_side side);

/* What a person should know and has not been told: a corrected clock. Calls tell
 * for each; from the controlling thread. */
void auth_notes(struct auth *auth, void (*tell)(void *self, const char *text), void *self);

/* ---- for cli/aws*.c and cli/check.c ---- */

/* Does the spec ask for anything of AWS on this side? */
bool auth_uses_aws(const struct spec *spec, enum auth_side side);

/* NULL when nothing of AWS was asked for. */
struct aws_session *auth_session(struct auth *auth);
/* Who this side is to AWS: its role, else the chain. NULL as above. */
struct aws_identity *auth_identity(struct auth *auth, enum auth_side side);
/* Who this process is to AWS before any role. NULL as above. */
struct aws_identity *auth_chain(struct auth *auth);
/* The Region of this side, "" when unknown. */
const char *auth_region(const struct auth *auth, enum auth_side side);

/* auth_open in steps, so that one side's trouble is not the other's. First this, which resolves
 * nothing yet; then each side once. A side that failed is not to be used, the other one is. Only
 * one auth is to be open at a time, except while load_run has its own: closing forgets what was
 * taken out of the environment. */
bool auth_open_bare(const struct spec *spec, int wake_fd, struct auth **out,
                    struct err *err) MUST_CHECK;
bool auth_open_side(struct auth *auth, enum auth_side side, struct err *err) MUST_CHECK;
/* Only the password under KMS, if there is one; auth_open_side then has it already. */
bool auth_open_password(struct auth *auth, enum auth_side side, struct err *err) MUST_CHECK;

/* Opens a session although no side asks for one, as "aws whoami" does. side NULL: both as the spec
 * has them; else this one stands for both. */
bool auth_open_aws(const struct spec *spec, const struct side_auth *side, int wake_fd,
                   struct auth **out, struct err *err) MUST_CHECK;

#endif
