/*
 * plan_build.h: from two catalogs to a plan. Reads both sides, changes nothing; what does not fit
 * is in the findings, all of it.
 */
#ifndef JOB_PLAN_BUILD_H
#define JOB_PLAN_BUILD_H

#include "base/err.h"
#include "base/findings.h"
#include "job/choice.h"
#include "job/order.h"
#include "job/plan.h"
#include "job/snapshot.h"
#include "job/spec.h"
#include "limitless/limitless.h"
#include "pg/catalog.h"
#include "pg/pg.h"

struct plan_result {
    struct plan plan;
    struct order order;
    struct relation_list source;  /* the selected relations, with columns; plan's order */
    struct relation_list targets; /* each destination relation once, with columns */
    char *truncate_sql;           /* for --mode truncate */
    struct locked_table *locks;   /* one for each table of the plan; borrows from source */
};

void plan_result_free(struct plan_result *r);

/* Just the source's part, so that the tables can be locked before more is read. */
bool plan_select(struct pg *source, const struct spec *spec, struct findings *findings,
                 struct relation_list *out, struct err *err) MUST_CHECK;

/* The whole. list is taken over (emptied). Call targets_* findings included. */
struct plan_inputs {
    struct pg *source;
    struct pg *destination;
    const struct spec *spec;
    struct findings *findings;
    const struct choice *choices; /* one for each relation of the list, in its order; NULL: no
                                     rules */
    const struct limitless_tables *modes; /* NULL: the destination is no shard group */
};
bool plan_build(const struct plan_inputs *in, struct relation_list *list, struct plan_result *out,
                struct err *err) MUST_CHECK;

/* Cuts table no of the plan into chunks by the source as it is now. */
bool plan_cut(struct pg *source, const struct spec *spec, const struct relation *rel,
              bool single_chunk, struct plan_table *t, struct err *err) MUST_CHECK;

/* What to lock for this relation, which is table no of the plan; borrows its strings. */
struct locked_table plan_lock(const struct relation *r, unsigned no);
/* The same for all of these, numbered in their order; the caller frees the array. */
struct locked_table *plan_locks(const struct relation_list *list);

#endif
