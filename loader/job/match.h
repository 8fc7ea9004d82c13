/*
 * match.h: which destination table and which of its columns take the rows of a source table, and
 * in which format. Names only: the order of columns may differ. Says everything that does not fit.
 */
#ifndef JOB_MATCH_H
#define JOB_MATCH_H

#include "base/err.h"
#include "base/findings.h"
#include "job/choice.h"
#include "job/computed.h"
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
    const struct choice *choice;          /* for the table at hand; NULL: no rules */
    const struct computed_list *computed; /* likewise; of the choice, with their types */
};

/* The names that the destination's relation may have: own, and for a partition leaf the root, else
 * {NULL, NULL}. A rule's schema is meant for both; its table is the only one that is looked for. */
struct match_names {
    struct relation_name own;
    struct relation_name root;
};
struct match_names match_names(const struct choice *choice, const struct relation *src);

/* The destination relation for src: its own name, or the one that a rule gives it; a partition leaf
 * goes to the leaf of the same name when that has the same bounds under the same root, else to the
 * root. NULL: there is none. */
const struct relation *match_target(const struct match *m, const struct relation *src);

/* Fills names, column lists, format, format_why and chunk_bytes of out. Computed columns come after
 * the source's own; one that has the name of a column of the source takes its place. Findings tell
 * what does not fit; false only without memory. */
bool match_columns(const struct match *m, const struct relation *src, const struct relation *dst,
                   struct plan_table *out, struct err *err) MUST_CHECK;

#endif
