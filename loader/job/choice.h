/*
 * choice.h: what the rules of a job file come to for one table: each wish from the last rule that
 * has it. Borrows from the spec and from the relation; column rules of all matching rules are
 * merged by name.
 */
#ifndef JOB_CHOICE_H
#define JOB_CHOICE_H

#include "base/err.h"
#include "base/findings.h"
#include "job/spec.h"
#include "pg/catalog.h"
#include "pg/pg.h"

struct choice {
    enum table_mode mode;
    const struct text_list *shard_key; /* NULL: not given */
    const char *collocate_with;        /* NULL: not given */
    const char *where;
    const char *to_schema; /* never NULL: the table's own where nothing is said; a partition leaf's
                              is its own, and match_target goes to the root as without a rule */
    const char *to_table;  /* never NULL, likewise; said of a root it is meant for its leaves */
    bool renamed;          /* to_schema or to_table comes from a rule */
    bool schema_said;
    bool table_said;
    enum format_choice format;
    bool format_said; /* by a rule, and not by --format */
    uint64_t chunk_bytes;
    const struct column_rule **columns; /* in the order of first mention */
    size_t column_count;
    unsigned line; /* of the last rule that matched; 0: none did */
    unsigned where_line;
    unsigned mode_line; /* of the last rule that wished a mode, a shard key or a collocation */
};

/* One for each table of list, in its order. A rule that matches no table of the list is a blocker
 * (ERR_USAGE) that names its line, unless is_default; so is a shard key or a collocation of a table
 * that no rule makes sharded. Of tables that go to one, what is said of the mode of
 * one holds for all, and what contradicts it is a blocker. Asks the source which tables a pattern
 * means: a pattern that names a partitioned table means its leaves, and one that matches a view
 * of the list means that view. Runs in a savepoint of the caller's transaction. */
bool choices_make(struct pg *source, const struct spec *spec, const struct relation_list *list,
                  struct findings *findings, struct choice **out, struct err *err) MUST_CHECK;
void choices_free(struct choice *choices, size_t count);

/* One more rule that matches c's table; later ones win. Pure; for the tests. False only without
 * memory. */
bool choice_add_rule(struct choice *c, const struct table_rule *r, struct err *err) MUST_CHECK;

/* The rule for this column of the source, or NULL. A computed column is not one. */
const struct column_rule *choice_column(const struct choice *c, const char *source_column);

/* The rule that computes this column of the destination, or NULL. It also takes the place of a
 * column of the source that has the same name. */
const struct column_rule *choice_computed(const struct choice *c, const char *column);

#endif
