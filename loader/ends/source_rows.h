/*
 * source_rows.h: sample rows of tables, kept in memory, and a source (flow/ends.h) that gives them
 * again and again, to measure a destination alone.
 *
 * A task's work is a struct group_work (ends/work.h). Of each chunk it gives as many whole rows of
 * its table's sample as make up the chunk's bytes, going on where the last chunk ended.
 */
#ifndef ENDS_SOURCE_ROWS_H
#define ENDS_SOURCE_ROWS_H

#include "base/err.h"
#include "flow/ends.h"

#include <stddef.h>
#include <stdint.h>

/* Room for a sample is given to rows_sample_take: at most this. */
#define ROWS_SAMPLE_MAX (64u << 20)

/* Whole rows of COPY, without the framing of messages or files. Immutable while streams run. */
struct rows_sample {
    char *bytes;
    uint32_t *ends; /* of each row, as an offset */
    size_t count;   /* of rows; 0: the table is empty */
    size_t row_widest;
};

/* Takes bytes over (malloc), also on failure. What follows the last whole row is forgotten.
 * ERR_DATA when they are no rows of that format, ERR_SYSTEM without memory. Formats: the COPY page
 * of the PostgreSQL manual, "Text Format" and "Binary Format". */
bool rows_sample_make(char *bytes, size_t len, bool binary, struct rows_sample *out,
                      struct err *err) MUST_CHECK;
void rows_sample_free(struct rows_sample *s); /* zeroed is allowed */

struct pg;
struct table_work;

/* Reads rows of the table from its beginning until they fill room. pg is idle inside a transaction,
 * and so it is afterwards. ERR_USAGE when not even one row fits. */
bool rows_sample_take(struct pg *pg, const struct table_work *table, size_t room,
                      struct rows_sample *out, struct err *err) MUST_CHECK;

struct source_rows;

/* samples by the number of their table; borrowed. NULL: no memory. */
struct source_rows *source_rows_new(const struct rows_sample *samples);
struct source source_rows_ops(struct source_rows *s);
void source_rows_free(struct source_rows *s); /* NULL is allowed */

#endif
