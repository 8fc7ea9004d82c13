/* schema_run_internal.h: what the files schema_run*.c share. Nobody else includes it. */
#ifndef JOB_SCHEMA_RUN_INTERNAL_H
#define JOB_SCHEMA_RUN_INTERNAL_H

#include "base/buf.h"
#include "job/schema_run.h"

void schema_note(const struct schema_context *cx, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Names are copied. */
bool schema_add_sequence(struct schema_made *made, const struct fact_class *from,
                         const struct relation_name *to, struct err *err) MUST_CHECK;

/* ---- schema_run_group.c: the tables of a shard group, by the job file's rules ---- */

bool schema_mark_for_group(const struct schema_context *cx, struct schema_made *made,
                           struct err *err) MUST_CHECK;

/* ---- schema_run_steps.c: what is written down ---- */

#define STEP_KEY_MAX 40u

struct step_set {
    char **keys; /* in the order of strcmp */
    size_t count;
};
void step_set_free(struct step_set *s);
/* Makes the table where it is missing. */
bool steps_open(const struct schema_context *cx, struct err *err) MUST_CHECK;
bool steps_read(const struct schema_context *cx, struct step_set *out, struct err *err) MUST_CHECK;
bool step_is_done(const struct step_set *s, const char key[STEP_KEY_MAX]);
void step_key(const struct schema_item *item, char out[STEP_KEY_MAX]);
/* The whole transaction: the step first, so that a second run of the same job waits for us and then
 * finds it done. memory is maintenance_work_mem in bytes; 0: the session's. */
bool step_sql(const struct schema_context *cx, const struct schema_item *item, uint64_t memory,
              struct buf *out, struct err *err) MUST_CHECK;
/* INSERT of an item's step alone. */
void step_insert(const struct schema_context *cx, const struct schema_item *item, struct buf *out);
bool steps_forget(const struct schema_context *cx, struct err *err) MUST_CHECK;

/* Settings of a session that makes schema objects. */
bool schema_pin(const struct schema_context *cx, struct pg *pg, struct err *err) MUST_CHECK;
/* maintenance_work_mem and the workers, for the part after the rows. */
bool schema_pin_after(const struct schema_context *cx, struct pg *pg, struct err *err) MUST_CHECK;

/* ---- schema_run_apply.c ---- */

struct apply {
    const struct schema_context *cx;
    const struct schema_made *made;
    enum schema_part part;
    struct schema_done *done;
    struct step_set steps;
    size_t todo;   /* steps of this part */
    size_t passed; /* done, by whomever */
    uint64_t told_ns;
};

/* Does the server say that something of this name is there? */
bool apply_is_duplicate(const struct schema_item *item, const char *sqlstate);
/* A step failed: true when the run goes on (it was there already, is done by a twin, or
 * --keep-going says so). */
bool apply_failed(struct apply *a, const struct schema_item *item, const char *sqlstate, bool dead,
                  struct err *err) MUST_CHECK;
/* The last error's SQLSTATE; a name that a catalog has already is "42710", whatever the server
 * calls it. */
void apply_state(const struct pg *pg, char out[6]);
void apply_passed(struct apply *a, const struct schema_item *item, bool now);

/* ---- schema_run_parallel.c: items [first, last) beside each other ---- */

bool apply_parallel(struct apply *a, size_t first, size_t last, struct err *err) MUST_CHECK;

/* ---- schema_run_weigh.c: what is due beside each other, and how much work it is ---- */

struct weight {
    uint32_t class_oid;
    uint32_t oid;
    uint64_t bytes;
    bool is_btree;
};

struct due {
    const struct schema_item *item;
    uint64_t bytes; /* of the index, or of the table that a foreign key is of; 0: little, unknown */
    bool is_btree;  /* building it is sorting */
    bool begun;
    bool alone; /* nothing beside it */
};

/* Keys first, then the largest first, by the sizes that the source's catalog has; where they cannot
 * be read the order stays, and nothing is said: the steps are the same. */
void weigh_due(const struct schema_context *cx, struct due *items, size_t count);
/* The same by sizes at hand, in any order; they are sorted. Pure. */
void weigh_order(struct weight *weights, size_t known, struct due *items, size_t count);
/* maintenance_work_mem for it in bytes, when so many items can run at once, itself among them: they
 * share --jobs processes of the server. 0: as the session has it; else less than 256 MB or just
 * that, so that --jobs of them never take more than with the session's. Pure: of cx, spec and group
 * are read. */
uint64_t weigh_memory(const struct schema_context *cx, const struct due *due, size_t beside);

/* ---- schema_run_sequences.c ---- */

bool apply_sequences(struct apply *a, struct err *err) MUST_CHECK;
/* For a file: statements that set the positions that the source has now. */
bool sequence_statements(const struct schema_context *cx, const struct schema_made *made,
                         struct buf *out, struct err *err) MUST_CHECK;

#endif
