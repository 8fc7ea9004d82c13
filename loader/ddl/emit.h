/* emit.h: a part of a plan as a script for psql, to be read and changed by people. Pure. */
#ifndef DDL_EMIT_H
#define DDL_EMIT_H

#include "base/buf.h"
#include "ddl/marks.h"

struct emit_head {
    const char *source; /* host:port/database */
    const char *destination;
    bool is_limitless;
    const char *encoding;
    bool backslashes;      /* standard_conforming_strings off */
    const char *positions; /* statements for the sequences, for the part after the rows */
};

/* Every item of the part with its mark; what is left out stands as a comment. */
void emit_part(const struct schema_plan *plan, enum schema_part part, const struct emit_head *head,
               struct buf *out);

/* Text for a comment of one line: no name can end it. */
void emit_comment(struct buf *out, const char *text);

#endif
