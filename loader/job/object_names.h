/*
 * object_names.h: values of regclass and its kin are names that the destination has to know. Looked
 * at before the first row moves, since COPY would find out half-way.
 */
#ifndef JOB_OBJECT_NAMES_H
#define JOB_OBJECT_NAMES_H

#include "base/err.h"
#include "base/findings.h"
#include "job/choice.h"
#include "job/computed.h"
#include "pg/catalog.h"
#include "pg/types.h"

struct object_names {
    struct pg *source;
    struct pg *destination;
    const struct type_set *source_types;
    struct findings *findings;
    const struct choice *choice;          /* of the table at hand; NULL: no rules */
    const struct computed_list *computed; /* likewise */
};

/* Reads the different values of each such column of rel (also as array elements), computed ones
 * included and those that are left out not, and asks the
 * destination for them; what it lacks is a blocker. filter: the --where of the table, or "". Inside
 * composites and ranges names are not looked for. */
bool object_names_check(const struct object_names *o, const struct relation *rel,
                        const char *filter, struct err *err) MUST_CHECK;

#endif
