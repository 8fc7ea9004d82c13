/* print_sql.h: the SQL that an administrator runs once, for --print-sql. Pure. */
#ifndef CLI_PRINT_SQL_H
#define CLI_PRINT_SQL_H

#include "base/buf.h"
#include "job/spec.h"

/* Two parts, each beginning with a comment line "-- On the source" or "-- On the destination". */
void print_sql(const struct spec *spec, struct buf *out);

#endif
