/* create_internal.h: what the files create*.c share, and schema_run_group.c, which makes all tables
 * of a schema and not only those that are missing. Nobody else includes it. */
#ifndef JOB_CREATE_INTERNAL_H
#define JOB_CREATE_INTERNAL_H

#include "job/computed.h"
#include "job/create.h"
#include "pg/definition.h"

/* One missing target. The texts of computed types are its own. */
struct create_target {
    size_t first; /* the relation of the list that gives its definition, or whose root does */
    uint32_t oid; /* of the definition */
    bool by_root; /* the definition is that of the relation's topmost partitioned table */
    struct relation_name name;
    char **types; /* of computed columns */
    size_t type_count;
    bool made; /* its script is there */
};

struct create_work {
    const struct create_inputs *in;
    struct creation *out;
    struct create_target *targets;
    struct ddl_table *tables; /* one for each target */
    size_t count;
    struct definitions definitions;
    struct ddl_sequence *sequences; /* one for each of definitions */
    bool *type_missing;             /* one for each type of definitions: needed, and not there */
    struct relation_name *schemas;  /* that something is made in, each once */
    bool *schema_there;
    size_t schema_count;
};

void create_work_free(struct create_work *w); /* not what it borrows: in and out */
/* From w->targets to w->definitions. */
bool create_read_definitions(struct create_work *w, struct err *err) MUST_CHECK;
bool create_same_name(const struct relation_name *a, const struct relation_name *b);

/* create_shape.c: from the definitions and the rules to w->tables and w->sequences. */
bool create_shape(struct create_work *w, struct err *err) MUST_CHECK;

/* create_check.c: what is missing at the destination and cannot be made, and who may make what.
 * Sets w->type_missing, w->schemas and w->schema_there. */
bool create_check(struct create_work *w, struct err *err) MUST_CHECK;

/* create_script.c: out->scripts. */
bool create_script(struct create_work *w, struct err *err) MUST_CHECK;

/* Is this column's value its own: neither computed nor, when it was generated, a plain one now? */
bool create_keeps_default(const struct ddl_table *t, const char *source_column);

#endif
