/*
 * computed.h: columns that are computed while they are read: SQL expressions over the source's row,
 * which stand in the select list of each chunk's own statement. Here they are tried before the
 * start.
 */
#ifndef JOB_COMPUTED_H
#define JOB_COMPUTED_H

#include "base/err.h"
#include "base/findings.h"
#include "job/choice.h"
#include "pg/catalog.h"
#include "pg/pg.h"

#include <stddef.h>
#include <stdint.h>

struct computed {
    const struct column_rule *rule; /* borrowed */
    uint32_t type_oid;              /* on the source; 0: it does not work, and a finding says why */
    int32_t typmod;
};

struct computed_list {
    struct computed *items; /* in the order of the choice's columns */
    size_t count;
};
void computed_free(struct computed_list *list); /* zeroed is allowed */

/* Has the server analyse and plan each expression of the choice over rel, reading no row, in a
 * savepoint of the caller's transaction. An expression that is not one value for each row, does not
 * work, or reads what the role may not read is a blocker that names config, the line and the
 * column. */
struct computed_trial {
    struct pg *source;
    const struct relation *rel;
    const struct choice *choice; /* NULL: no rules */
    const char *config;          /* the job file */
    struct findings *findings;
};
bool computed_try(const struct computed_trial *t, struct computed_list *out,
                  struct err *err) MUST_CHECK;

/* The expression as an item of a select list. The line break ends a comment that it may close
 * with. */
void computed_add(struct buf *b, const struct column_rule *rule);

#endif
