/*
 * schema_run.h: the destination's schema from the source's, in two parts: what has to be there
 * before the rows come, and what is made after them. For "sluice schema", and for whoever loads
 * rows in between.
 *
 * The source's DDL is pg_dump's (ddl/dump_run.h). A plain destination gets it as it is; a shard
 * group gets what it can take, and every object is marked as carried, changed or left out.
 *
 * What was made is written down in the table schema_step of the ledger's schema, in the transaction
 * that made it, so that a part that ended in the middle goes on where it was, and a second run does
 * nothing.
 */
#ifndef JOB_SCHEMA_RUN_H
#define JOB_SCHEMA_RUN_H

#include "base/err.h"
#include "base/findings.h"
#include "ddl/marks.h"
#include "job/spec.h"
#include "limitless/limitless.h"
#include "pg/pg.h"
#include "pg/session.h"

struct schema_observer {
    void (*note)(void *self, const char *text);
    void *self;
};

/* Both sides, connected and pinned to the same encoding. Borrowed throughout. */
struct schema_context {
    const struct spec *spec;
    struct pg *source;                          /* outside a transaction, or in one that reads */
    struct pg *destination;                     /* outside a transaction */
    const struct pg_target *source_target;      /* for pg_dump */
    const struct pg_target *destination_target; /* for more connections */
    const struct limitless_group *group;
    const char *encoding;
    const char *job; /* steps are this job's */
    const struct schema_observer *observer;
    struct findings *findings;
};

struct schema_sequence {
    char *schema; /* at the source */
    char *name;
    char *to_schema;
    char *to_name;
};

#define SCHEMA_PARTS (SCHEMA_AFTER + 1)

/* What there is to be made. Owns all of it. */
struct schema_made {
    struct dump_toc toc;
    struct schema_facts facts;
    struct role_facts roles;
    struct schema_plan plan;
    struct schema_sequence *sequences;
    size_t sequence_count;
};
void schema_made_free(struct schema_made *m); /* zeroed is allowed */

/* Reads the source; changes nothing on either side. ERR_USAGE with blockers in the findings when
 * the job file does not fit. */
bool schema_make(const struct schema_context *cx, struct schema_made *out,
                 struct err *err) MUST_CHECK;

/* What a part came to. */
struct schema_done {
    size_t made;   /* steps of this run */
    size_t before; /* of earlier runs */
    size_t there;  /* objects that were there without us; a warning names them */
    size_t failed; /* with --keep-going; a blocker names each */
    size_t moved;  /* sequences */
};

/* ERR_DATA, ERR_USAGE and ERR_AUTH name the object. ERR_TRANSIENT, ERR_CANCELLED: the same call
 * goes on later. */
bool schema_apply(const struct schema_context *cx, const struct schema_made *made,
                  enum schema_part part, struct schema_done *out, struct err *err) MUST_CHECK;

/* Forgets which steps of this job are made, of both parts. For --restart. */
bool schema_forget(const struct schema_context *cx, struct err *err) MUST_CHECK;

/* before.sql and after.sql in a directory, made if it is missing; neither file may exist.
 * ERR_USAGE, ERR_SYSTEM. */
bool schema_emit(const struct schema_context *cx, const struct schema_made *made,
                 const char *directory, struct err *err) MUST_CHECK;

/* ---- the command ---- */

struct schema_result {
    struct schema_made made;
    struct schema_done done[SCHEMA_PARTS]; /* by enum schema_part */
    bool tried[SCHEMA_PARTS];              /* the part was begun by this run */
    struct findings findings;
    bool is_limitless;
    bool planned; /* made is there */
    char source[192];
    char destination[192];
    struct err error;
    int exit_status;
};
void schema_run(const struct spec *spec, const struct schema_observer *observer,
                struct schema_result *out);
void schema_result_free(struct schema_result *r);

#endif
