/*
 * type_builtin.h: what is known about PostgreSQL's own types, by OID. Pure.
 *
 * initdb gives a hand-assigned OID below 10000 to every type of pg_catalog that is not the row type
 * of a catalog, and a released OID never changes its meaning. So equal OID and name mean the same
 * type in every version from 11 to 18.
 */
#ifndef PG_TYPE_BUILTIN_H
#define PG_TYPE_BUILTIN_H

#include "pg/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FirstGenbkiObjectId in the server's source: from here on OIDs differ between servers. */
#define TYPE_BUILTIN_END 10000u

/* How well a type fits, from best to worst. The first two mean that both sides are the same type:
 * only those may be the subtype of a range, where another type would canonicalise differently. */
enum type_rank { RANK_BINARY, RANK_TEXT, RANK_WIDENED, RANK_REFUSED };

struct type_verdict {
    enum type_rank rank;
    char why[TYPE_WHY_MAX]; /* "" for RANK_BINARY */
};

/* A verdict only ever gets worse, and keeps the first reason for what it is. */
void type_verdict_worsen(struct type_verdict *v, enum type_rank rank, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

bool type_is_builtin(const struct type_info *type);

/* regclass and its kin: the value is the OID of an object, and its text form the object's name. */
bool type_is_object_name(uint32_t oid);

/* Holds of one built-in base type on both sides; versions as pg_version. */
void type_builtin_judge(const struct type_info *type, int source_version, int destination_version,
                        struct type_verdict *v);

/* True when text or varchar without a limit keeps a value of this base type as it is: not
 * char(n), whose padding would become part of the value, xml, which loses its declaration on the
 * way out, and the names of objects. */
bool type_text_is_value(uint32_t oid);

/* True when every value of the source type, as text, is the same value of the destination type,
 * by a table of pairs. */
bool type_widens(uint32_t source_oid, int32_t source_typmod, uint32_t destination_oid,
                 int32_t destination_typmod);

/* True when no value within the source's type modifier is cut, rounded, padded or refused by the
 * destination's. Types that are not built in fit when equal or without a limit. */
bool type_limit_fits(uint32_t oid, int32_t source_typmod, int32_t destination_typmod);

#define TYPE_LIMIT_MAX 32
/* "(10,2)" for a person; "" when there is no limit. Returns out. */
const char *type_limit_text(uint32_t oid, int32_t typmod, char out[TYPE_LIMIT_MAX]);

/* True for text, and for varchar without a limit. */
bool type_is_free_text(uint32_t oid, int32_t typmod);

#endif
