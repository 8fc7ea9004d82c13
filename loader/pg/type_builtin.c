#include "pg/type_builtin.h"

#include "pg/type_oids.h"

#include <stdarg.h>
#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* From 17 on the extreme values of interval mean infinity. */
#define INFINITE_INTERVAL_VERSION 170000

static const uint32_t object_names[] = {
    OID_REGPROC,   OID_REGPROCEDURE,  OID_REGOPER, OID_REGOPERATOR,  OID_REGCLASS,     OID_REGTYPE,
    OID_REGCONFIG, OID_REGDICTIONARY, OID_REGROLE, OID_REGNAMESPACE, OID_REGCOLLATION,
};

/* Their input functions answer "cannot accept a value of type", and so do their receive functions,
 * where they have one (seen on 15, by calling every input function in pg_type). */
static const uint32_t never_read[] = {
    OID_PG_NODE_TREE, OID_PG_NDISTINCT,          OID_PG_DEPENDENCIES,
    OID_PG_MCV_LIST,  OID_PG_BRIN_BLOOM_SUMMARY, OID_PG_BRIN_MINMAX_MULTI_SUMMARY,
    OID_GTSVECTOR,
};

/* Source, destination, and for numeric the digits that the source's largest value has. Not here:
 * float4 to float8 (0.1 becomes 0.10000000149), int4 to float4 and int8 to float8 (not exact), json
 * to jsonb (drops keys and white space), date to timestamp (another text form). */
static const struct widening {
    uint32_t source;
    uint32_t destination;
    int digits;
} widenings[] = {
    {OID_INT2,  OID_INT4,    0 },
    {OID_INT2,  OID_INT8,    0 },
    {OID_INT2,  OID_FLOAT4,  0 },
    {OID_INT2,  OID_FLOAT8,  0 },
    {OID_INT2,  OID_NUMERIC, 5 },
    {OID_INT4,  OID_INT8,    0 },
    {OID_INT4,  OID_FLOAT8,  0 },
    {OID_INT4,  OID_NUMERIC, 10},
    {OID_INT8,  OID_NUMERIC, 19},
    {OID_OID,   OID_INT8,    0 },
    {OID_JSONB, OID_JSON,    0 },
    {OID_BIT,   OID_VARBIT,  0 },
};

static bool is_among(const uint32_t *oids, size_t count, uint32_t oid)
{
    for (size_t i = 0; i < count; i++) {
        if (oids[i] == oid) {
            return true;
        }
    }
    return false;
}

void type_verdict_worsen(struct type_verdict *v, enum type_rank rank, const char *fmt, ...)
{
    if (rank <= v->rank) {
        return;
    }
    v->rank = rank;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, args);
    va_end(args);
}

bool type_is_builtin(const struct type_info *type)
{
    return type->oid < TYPE_BUILTIN_END;
}

bool type_is_object_name(uint32_t oid)
{
    return is_among(object_names, COUNT(object_names), oid);
}

bool type_text_is_value(uint32_t oid)
{
    return oid != OID_BPCHAR && oid != OID_XML && !type_is_object_name(oid);
}

bool type_is_free_text(uint32_t oid, int32_t typmod)
{
    return oid == OID_TEXT || (oid == OID_VARCHAR && typmod < 0);
}

void type_builtin_judge(const struct type_info *type, int source_version, int destination_version,
                        struct type_verdict *v)
{
    bool source_infinite = source_version >= INFINITE_INTERVAL_VERSION;
    bool destination_infinite = destination_version >= INFINITE_INTERVAL_VERSION;

    if (is_among(never_read, COUNT(never_read), type->oid)) {
        type_verdict_worsen(v, RANK_TEXT, "no server reads a value of %s, only NULL gets across",
                            type->name);
    }
    if (type_is_object_name(type->oid)) {
        type_verdict_worsen(v, RANK_TEXT, "%s names an object, whose OID differs between servers",
                            type->name);
    }
    /* xml_send declares the client's encoding unless that is UTF8, and xml_recv keeps the
     * declaration in the stored value: <a/> arrived as <?xml version="1.0" encoding="LATIN1"?><a/>
     * (seen on 15, with LATIN1 and SQL_ASCII). */
    if (type->oid == OID_XML) {
        type_verdict_worsen(v, RANK_TEXT, "xml in binary gains an encoding declaration");
    }
    /* In text the older server refuses "infinity"; in binary it would take it for a finite value.
     */
    if (type->oid == OID_INTERVAL && source_infinite != destination_infinite) {
        type_verdict_worsen(v, RANK_TEXT, "interval has infinite values on one side only");
    }
}

/* Only without a scale, which would add zeros to the text form. */
static bool numeric_holds(int32_t typmod, int digits)
{
    return typmod < 0 || (((typmod - 4) & 0xffff) == 0 && (typmod - 4) >> 16 >= digits);
}

bool type_widens(uint32_t source_oid, int32_t source_typmod, uint32_t destination_oid,
                 int32_t destination_typmod)
{
    for (size_t i = 0; i < COUNT(widenings); i++) {
        const struct widening *w = &widenings[i];
        if (w->source != source_oid || w->destination != destination_oid) {
            continue;
        }
        if (w->destination == OID_NUMERIC) {
            return numeric_holds(destination_typmod, w->digits);
        }
        if (w->destination == OID_VARBIT) {
            return type_limit_fits(OID_VARBIT, source_typmod, destination_typmod);
        }
        return true;
    }
    return false;
}
