/*
 * plan_internal.h: the plan in the making, between the files behind plan_build.h.
 */
#ifndef JOB_PLAN_INTERNAL_H
#define JOB_PLAN_INTERNAL_H

#include "job/computed.h"
#include "job/plan_build.h"
#include "pg/types.h"

struct build {
    struct pg *source;
    struct pg *destination;
    const struct spec *spec;
    struct findings *findings;
    const struct choice *choices; /* NULL: no rules */
    const struct limitless_tables *modes;
    struct plan_result *out;
    struct relation_list found;        /* destination relations by name */
    const struct relation **target_of; /* of each source relation; NULL: none */
    struct computed_list *computed;    /* of each source relation */
    struct type_set source_types;
    struct type_set destination_types;
    struct foreign_key_list keys;
    struct oid_list deferrable; /* destination tables */
};

/* The choice for table no, or NULL. */
static inline const struct choice *build_choice(const struct build *b, size_t no)
{
    return b->choices == NULL ? NULL : &b->choices[no];
}

/* The job file, for messages. */
static inline const char *build_config(const struct build *b)
{
    return b->spec->config == NULL ? "job file" : b->spec->config;
}

/* The filters of the rules and of --where into the plan's tables, each tried at the source. */
bool plan_filters(struct build *b, struct err *err) MUST_CHECK;

/* Renames and left-out columns that no table has. A rule of several tables is right when one of
 * them has the column. */
bool plan_check_columns(const struct build *b, struct err *err) MUST_CHECK;

/* Wishes for table modes beside what the destination's tables are. */
void plan_check_modes(const struct build *b);

/* Wishes for collocations beside what the destination's sharded tables are. */
bool plan_check_collocations(struct build *b, struct err *err) MUST_CHECK;

/* Is it a reference table of a shard group? */
bool plan_is_reference(const struct build *b, const struct relation *destination);

#endif
