/*
 * targets.h: the destination's tables before the first row: are they empty, may they be emptied,
 * how.
 */
#ifndef JOB_TARGETS_H
#define JOB_TARGETS_H

#include "base/err.h"
#include "base/findings.h"
#include "job/spec.h"
#include "pg/catalog.h"
#include "pg/pg.h"

/*
 * empty[i] says whether targets->items[i] holds no row. A role without SELECT cannot look; a
 * table whose files have no page is empty all the same, and one with pages counts as not empty.
 * One query for all.
 */
bool targets_are_empty(struct pg *pg, const struct relation_list *targets, bool *empty,
                       struct err *err) MUST_CHECK;

/* Tables on the destination that an unfinished job has put rows into: schema, name, job. Only a
 * hint: *out is NULL without a ledger, or when the role may not read it. The caller frees. */
bool targets_unfinished(struct pg *pg, const struct spec *spec, struct pg_rows **out,
                        struct err *err) MUST_CHECK;

/* What the mode says to them: blockers for tables with rows in mode error (every one is named), and
 * in mode truncate for missing privileges and for tables outside the job that reference one of
 * them. unfinished: of targets_unfinished, or NULL. */
void targets_check(const struct spec *spec, const struct relation_list *targets, const bool *empty,
                   const struct foreign_key_list *keys, const struct pg_rows *unfinished,
                   struct findings *findings);

/* One TRUNCATE of all targets, never CASCADE. Children by inheritance that are not targets are
 * left alone. The caller frees. */
char *targets_truncate_sql(const struct relation_list *targets);

#endif
