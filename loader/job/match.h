/*
 * match.h: which destination table and which of its columns take the rows of a source table, and
 * in which format. Names only: the order of columns may differ. Says everything that does not fit.
 */
#ifndef JOB_MATCH_H
#define JOB_MATCH_H

#include "base/err.h"
#include "base/findings.h"
#include "job/plan.h"
#include "job/spec.h"
#include "pg/catalog.h"
#include "pg/types.h"

struct match {
    const struct spec *spec;
    const struct type_set *source_types;
    const struct type_set *destination_types;
    const struct relation_list *destination; /* with columns */
    struct findings *findings;
};

/* The destination relation for src: its own name; a partition leaf goes to the leaf of the same
 * name when that has the same bounds under the same root, else to the root. NULL: there is none. */
const struct relation *match_target(const struct match *m, const struct relation *src);

/* Fills names, column lists, format and format_why of out. Findings tell what does not fit; false
 * only without memory. */
bool match_columns(const struct match *m, const struct relation *src, const struct relation *dst,
                   struct plan_table *out, struct err *err) MUST_CHECK;

#endif
