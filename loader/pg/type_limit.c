/* The type modifiers of PostgreSQL's own types, whose encoding is the server's. */
#include "pg/type_builtin.h"
#include "pg/type_oids.h"

#include <stdio.h>

/* varchar, char and numeric count the header of a stored value in, for reasons of long ago. */
#define TYPMOD_HEADER 4

#define SECOND_DIGITS_MAX   6
#define INTERVAL_ALL_FIELDS 0x7fff
#define INTERVAL_NO_DIGITS  0xffff

static int numeric_precision(int32_t typmod)
{
    return (typmod - TYPMOD_HEADER) >> 16;
}

/* Eleven bits with a sign since 15; before, 0 to 1000, which reads the same. */
static int numeric_scale(int32_t typmod)
{
    return (((typmod - TYPMOD_HEADER) & 0x7ff) ^ 1024) - 1024;
}

static bool numeric_fits(int32_t source, int32_t destination)
{
    int source_scale = numeric_scale(source);
    int destination_scale = numeric_scale(destination);

    return destination_scale >= source_scale &&
           numeric_precision(destination) - destination_scale >=
               numeric_precision(source) - source_scale;
}

static int interval_fields(int32_t typmod)
{
    return typmod < 0 ? INTERVAL_ALL_FIELDS : (typmod >> 16) & INTERVAL_ALL_FIELDS;
}

static int interval_digits(int32_t typmod)
{
    int digits = typmod & 0xffff;
    return typmod < 0 || digits == INTERVAL_NO_DIGITS ? SECOND_DIGITS_MAX : digits;
}

static bool interval_fits(int32_t source, int32_t destination)
{
    int fields = interval_fields(destination);

    return (fields == INTERVAL_ALL_FIELDS || fields == interval_fields(source)) &&
           interval_digits(destination) >= interval_digits(source);
}

bool type_limit_fits(uint32_t oid, int32_t source_typmod, int32_t destination_typmod)
{
    if (destination_typmod < 0 || destination_typmod == source_typmod) {
        return true;
    }
    switch (oid) {
    case OID_VARCHAR:
    case OID_VARBIT:
        return source_typmod >= 0 && destination_typmod >= source_typmod;
    case OID_NUMERIC:
        return source_typmod >= 0 && numeric_fits(source_typmod, destination_typmod);
    case OID_TIME:
    case OID_TIMETZ:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        return destination_typmod >= (source_typmod < 0 ? SECOND_DIGITS_MAX : source_typmod);
    case OID_INTERVAL:
        return interval_fits(source_typmod, destination_typmod);
    default: /* char(n) and bit(n) pad; what the modifier of another type means is not known */
        return false;
    }
}

const char *type_limit_text(uint32_t oid, int32_t typmod, char out[TYPE_LIMIT_MAX])
{
    out[0] = '\0';
    if (typmod < 0) {
        return out;
    }
    switch (oid) {
    case OID_VARCHAR:
    case OID_BPCHAR:
        (void)snprintf(out, TYPE_LIMIT_MAX, "(%d)", typmod - TYPMOD_HEADER);
        break;
    case OID_NUMERIC:
        (void)snprintf(out, TYPE_LIMIT_MAX, "(%d,%d)", numeric_precision(typmod),
                       numeric_scale(typmod));
        break;
    case OID_INTERVAL:
        (void)snprintf(out, TYPE_LIMIT_MAX, "(%d)%s", interval_digits(typmod),
                       interval_fields(typmod) == INTERVAL_ALL_FIELDS ? "" : " of some fields");
        break;
    default:
        (void)snprintf(out, TYPE_LIMIT_MAX, "(%d)", typmod);
        break;
    }
    return out;
}
