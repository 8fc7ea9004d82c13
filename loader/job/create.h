/*
 * create.h: --create-tables: which targets of the selected tables are missing on the destination,
 * and the SQL that makes them: schemas, types, sequences, and tables in their mode with primary
 * keys. Everything else (indexes, constraints, foreign keys, views, ...) is not for here.
 *
 * create_plan changes nothing. create_run makes each schema, type and table in a transaction of its
 * own, so that a run that ends in the middle leaves whole empty tables, which the next run finds.
 */
#ifndef JOB_CREATE_H
#define JOB_CREATE_H

#include "base/err.h"
#include "base/findings.h"
#include "job/choice.h"
#include "job/spec.h"
#include "limitless/limitless.h"
#include "limitless/table_ddl.h"
#include "pg/catalog.h"
#include "pg/pg.h"

struct create_inputs {
    struct pg *source; /* inside its snapshot */
    struct pg *destination;
    const struct spec *spec;
    const struct relation_list *list; /* with columns, where there are rules */
    const struct choice *choices;     /* one for each relation of the list, in its order */
    const struct limitless_group *group;
    const struct limitless_tables *modes; /* empty on a plain server */
    bool only_missing; /* what is missing and no more: others make it, in their own way */
    struct findings *findings;
};

struct creation {
    bool *pending; /* one for each relation of the list: its target is missing, and to be made */
    size_t pending_count;
    struct ddl_script *scripts; /* in an order in which they work; none when there are blockers */
    size_t count;
    size_t table_count; /* how many of them are tables */
    size_t unsaid;      /* tables on a shard group that no rule gives a mode */
};
void creation_free(struct creation *c); /* zeroed is allowed */

bool create_plan(const struct create_inputs *in, struct creation *out, struct err *err) MUST_CHECK;

/* What was done, or would be: "table public.orders, sharded by customer_id". */
typedef void create_told(void *self, const struct ddl_script *script);

/* Simple queries. False with *raced: some object that was missing was there when its turn came,
 * made by somebody else; everything else was made, and the caller plans again. Else ERR_AUTH,
 * ERR_USAGE or ERR_DATA name the object. */
bool create_run(struct pg *destination, const struct creation *c, create_told *told, void *self,
                bool *raced, struct err *err) MUST_CHECK;

#endif
