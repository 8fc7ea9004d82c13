/*
 * type_pair.h: what can be said of a type of the source and a type of the destination without
 * looking into their parts; type_compare.c goes through those. Pure.
 */
#ifndef PG_TYPE_PAIR_H
#define PG_TYPE_PAIR_H

#include "pg/type_builtin.h"
#include "pg/types.h"

#include <stdbool.h>
#include <stdint.h>

struct type_sides {
    const struct type_set *source;
    const struct type_set *destination;
};

/* A type of one side that is no domain, with the type modifier that its values have. */
struct type_part {
    const struct type_info *type;
    int32_t typmod;
};

/* Takes the domains off. A domain sends and receives what its base type does, and domain_recv
 * checks the destination's constraints. False when the set has no such type. */
bool type_part_find(const struct type_set *set, uint32_t oid, int32_t typmod,
                    struct type_part *out);

/* Both are true arrays, so their elements decide. */
bool type_pair_is_array(const struct type_part *s, const struct type_part *d);

/* Names, labels, limits, functions and the listed widenings, which are refused within a range: it
 * may move its bounds to a canonical form of its own. v starts as RANK_BINARY. */
void type_pair_judge(const struct type_sides *sides, const struct type_part *s,
                     const struct type_part *d, bool within_range, struct type_verdict *v);

#endif
