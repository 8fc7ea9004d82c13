/*
 * schema_connect.h: the two connections that a part of the schema is read and made with, and what
 * they are connected to. For "sluice schema" and for "load --with-schema".
 */
#ifndef JOB_SCHEMA_CONNECT_H
#define JOB_SCHEMA_CONNECT_H

#include "job/auth.h"
#include "job/identity.h"
#include "job/schema_run.h"

/* Zeroed, it is closed. The targets are borrowed by what is connected with them: do not move it
 * while it is open. */
struct schema_sides {
    struct pg_target targets[AUTH_SIDES];
    struct pg *sides[AUTH_SIDES];
    struct limitless_group group;
    char encoding[SESSION_ENCODING_MAX];
    char job[JOB_NAME_MAX]; /* as the load of the same options is called */
    bool is_replica;        /* the destination, which is why it was not opened */
};

/* Both sides connected, pinned to one encoding, and different. auth is borrowed until the end; each
 * side of it is open. What they are called goes to *out (source, destination, is_limitless), as far
 * as it came. Close it also after a failure. ERR_USAGE: they are the same database, or the
 * destination is a replica; else as pg_open. */
bool schema_sides_open(const struct spec *spec, struct auth *auth, struct schema_sides *s,
                       struct schema_result *out, struct err *err) MUST_CHECK;
void schema_sides_close(struct schema_sides *s);

/* Borrows all of its arguments. */
struct schema_context schema_sides_context(const struct schema_sides *s, const struct spec *spec,
                                           const struct schema_observer *observer,
                                           struct findings *findings);

#endif
