/* report_parts.h: what the summary and the plan have in common. For the files of ui/. */
#ifndef UI_REPORT_PARTS_H
#define UI_REPORT_PARTS_H

#include "base/buf.h"
#include "ui/view.h"

#include <stddef.h>
#include <stdint.h>

#define REPORT_TABLES_MAX 40 /* listed one by one as text; JSON has them all */

/* What exit_status means in a word or two; "unknown" for one that is not documented. */
const char *report_outcome(int exit_status);

/* "label        text"; further lines of text are indented likewise, control characters escaped. */
void report_field(struct buf *out, const char *label, const char *text);

/* One field for each text, at most REPORT_TABLES_MAX, then how many more there are. */
void report_list(struct buf *out, const char *label, const char *const *texts, size_t count);

/* Indexes of the largest of count sizes, largest first, equal ones in their order; returns how
 * many were put in top. */
size_t report_largest(uint64_t (*size_of)(const void *items, size_t index), const void *items,
                      size_t count, size_t top[REPORT_TABLES_MAX]);

/* Whole units a second; 0 when no time passed. */
uint64_t report_per_second(uint64_t count, uint64_t ms);

/* A planner's estimate as a count; 0 for a negative one. */
uint64_t report_estimate(double rows);

/* The s of "2 tables". */
const char *report_plural(size_t count);

/* "public.a", or "public.a -> public.b" when the destination has another name. */
void report_table_name(struct buf *out, const char *name, const char *destination);

#endif
