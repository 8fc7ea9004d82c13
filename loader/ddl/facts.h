/*
 * facts.h: what the source's catalog knows of the objects in a dump and the dump's text does not
 * say in a form that can be worked with: the tables and columns of constraints and indexes, checks
 * within tables, languages of functions, kinds of types. And which roles a destination has.
 *
 * Read in the caller's transaction on a pinned session. Errors are pg.h's.
 */
#ifndef DDL_FACTS_H
#define DDL_FACTS_H

#include "base/err.h"
#include "ddl/dump_toc.h"
#include "pg/pg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fact_names {
    char **items;
    size_t count;
};

struct fact_constraint {
    uint32_t oid;
    uint32_t rel;   /* 0: of a domain */
    uint32_t other; /* of a foreign key: the table that it refers to */
    char type;      /* contype: c f p u x n */
    char on_update; /* confupdtype: a r c n d */
    char on_delete;
    char match; /* confmatchtype: f p s */
    bool valid;
    bool child; /* belongs to a constraint of a partitioned table, or is inherited */
    char *name;
    char *definition; /* pg_get_constraintdef */
    struct fact_names columns;
    struct fact_names other_columns;
};

struct fact_index {
    uint32_t oid;
    uint32_t rel;
    bool unique;
    bool partial;
    bool expressions;
    bool child;                /* of a partition, and a part of the partitioned table's index */
    struct fact_names columns; /* those that count for uniqueness, without expressions */
};

struct fact_class {
    uint32_t oid;
    uint32_t root; /* of a partition: the topmost table; else 0 */
    char kind;
    bool populated; /* of a materialised view */
    char *schema;   /* as they are; a dump's header has its line ends changed */
    char *name;
};

struct fact_word { /* a function's language, a type's typtype, a table's name */
    uint32_t oid;
    char *word;
};

struct schema_facts {
    struct fact_constraint *constraints; /* all by oid */
    size_t constraint_count;
    struct fact_index *indexes;
    size_t index_count;
    struct fact_class *classes;
    size_t class_count;
    struct fact_word *functions;
    size_t function_count;
    struct fact_word *types;
    size_t type_count;
    struct fact_word *view_uses; /* of views: a table, say, that is not part of the dump */
    size_t view_use_count;
    struct fact_word *function_uses;
    size_t function_use_count;
};

void schema_facts_free(struct schema_facts *f); /* zeroed is allowed */
bool schema_facts_read(struct pg *source, const struct dump_toc *toc, struct schema_facts *out,
                       struct err *err) MUST_CHECK;

/* NULL: the catalog had none of this oid. */
const struct fact_constraint *fact_constraint_of(const struct schema_facts *f, uint32_t oid);
const struct fact_index *fact_index_of(const struct schema_facts *f, uint32_t oid);
const struct fact_class *fact_class_of(const struct schema_facts *f, uint32_t oid);
/* A table or view of the source that the entry, a view or a function, needs and that is not part of
 * the dump, which does not list it among the needs; "": there is none. */
const char *fact_outside(const struct schema_facts *f, const struct dump_entry *e);
/* "" when it is not known. */
const char *fact_language(const struct schema_facts *f, uint32_t oid);
const char *fact_type_kind(const struct schema_facts *f, uint32_t oid);

/* ---- the destination ---- */

struct role_facts {
    char **names; /* in the order of strcmp */
    bool *member; /* the current role has its rights, and may give things to it */
    size_t count;
    char *current;
};
void role_facts_free(struct role_facts *r);
bool role_facts_read(struct pg *destination, struct role_facts *out, struct err *err) MUST_CHECK;
/* Is it there? PUBLIC always is. member may be NULL. */
bool role_is_there(const struct role_facts *r, const char *name, bool *member);

#endif
