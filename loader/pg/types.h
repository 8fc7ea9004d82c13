/*
 * types.h: every type of one side, and the proof that a value crosses to the other side unharmed.
 *
 * PostgreSQL checks neither binary values nor, beyond syntax, text ones for us: a composite over
 * int4 read in binary as float4 arrives as nonsense. So two types are compared by what they are
 * made of, recursively: name, kind, base, enum labels, attributes in order, extension and its
 * version.
 *
 *   TYPE_BINARY   the same on both sides all the way down, the source can send and the destination
 *                 receive it; a wider limit, more enum labels and a domain for its base are fine
 *   TYPE_TEXT     not proven for binary, but the text form carries every value without loss
 *   TYPE_REFUSED  a value could be changed or cut, or labels are missing: why says which
 *
 * Text are: regclass and its kin and xml, at any depth; a type without send or receive; an array
 * or a composite of types with other OIDs for a destination before PostgreSQL 14, whose array_recv
 * and record_recv insist on their own; another extension version, a base type in C that belongs to
 * no extension, a user type of another name; interval between a server that knows infinite ones
 * and one that does not; and the lossless widenings listed in type_builtin.c (int4 to int8, ...).
 *
 * Pure once loaded; a loaded set is immutable and may be read by any thread.
 */
#ifndef PG_TYPES_H
#define PG_TYPES_H

#include "base/err.h"
#include "pg/pg.h"

#include <stddef.h>
#include <stdint.h>

struct type_attribute {
    char *name;
    uint32_t type_oid;
    int32_t typmod;
};

struct type_info {
    uint32_t oid;
    char *schema;
    char *name;
    char kind;     /* pg_type.typtype: b c d e p r m */
    char category; /* pg_type.typcategory */
    bool has_send;
    bool has_receive;
    uint32_t element_oid; /* of a true array (typcategory A with typsubscript/typelem), else 0 */
    uint32_t base_oid;    /* of a domain, else 0 */
    int32_t base_typmod;
    bool not_null;        /* of a domain */
    uint32_t subtype_oid; /* of a range; of a multirange: its range; else 0 */
    char *extension;      /* NULL when no extension owns it */
    char *extension_version;
    char **labels; /* of an enum, in order */
    size_t label_count;
    struct type_attribute *attributes; /* of a composite, live ones in order */
    size_t attribute_count;
};

struct type_set {
    struct type_info *items; /* sorted by oid */
    size_t count;
    int server_version; /* as pg_version */
};

bool type_set_load(struct pg *pg, struct type_set *out, struct err *err) MUST_CHECK;
void type_set_free(struct type_set *set);
const struct type_info *type_set_find(const struct type_set *set, uint32_t oid); /* NULL: none */

enum type_match { TYPE_BINARY, TYPE_TEXT, TYPE_REFUSED };

struct type_use {
    const struct type_set *set;
    uint32_t oid;
    int32_t typmod;
};

#define TYPE_WHY_MAX 256
/* why says, for TEXT and REFUSED, which part decided it, in words for a person; "" for BINARY. */
enum type_match type_compare(const struct type_use *source, const struct type_use *destination,
                             char why[TYPE_WHY_MAX]);

/* The reg* type at the top or as array element of oid (through domains), 0 when there is none.
 * *is_array says which. Its values are names that must exist on the destination. */
uint32_t type_names_object(const struct type_set *set, uint32_t oid, bool *is_array);

#endif
