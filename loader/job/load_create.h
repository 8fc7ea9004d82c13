/* load_create.h: --create-tables, within the planning of a load. Nobody but load_plan.c includes
 * it. */
#ifndef JOB_LOAD_CREATE_H
#define JOB_LOAD_CREATE_H

#include "job/load_internal.h"

/* The selection on its way to a plan. */
struct planning {
    struct relation_list list; /* empty once it is planned */
    struct choice *choices;    /* one for each of list, then one for each of pending */
    size_t choice_count;
    struct relation_list pending; /* those whose targets are not made now: a dry run, or blockers */
    struct spec narrowed; /* the spec without the --where options that mean pending tables alone */
    struct where_filter *where; /* of narrowed */
};
void planning_free(struct planning *p);

/* Makes what is missing on the destination, with a note for each; with --with-schema nothing, as
 * others make it. In a dry run, or when something
 * stands in the way (blockers are in the findings then, or will be when the rest is planned):
 * nothing is made, and the tables in question are in p->pending instead of p->list. */
bool load_create(struct load *l, struct planning *p, struct err *err) MUST_CHECK;

/* For a dry run: the plan gets a row for each pending table. */
bool load_create_show(struct load *l, const struct planning *p, struct plan *plan,
                      struct err *err) MUST_CHECK;

#endif
