/* assess_report_parts.h: what the files of the assessment's text share. */
#ifndef UI_ASSESS_REPORT_PARTS_H
#define UI_ASSESS_REPORT_PARTS_H

#include "ui/assess_report.h"

/* "  label     text", wrapped; the lines that follow stand under the text. */
void assess_line(struct buf *out, const char *label, const char *text);

/* Indexes of the largest tables, largest first; returns how many. */
size_t assess_largest(const struct assess_view *v, size_t top[ASSESS_REPORT_TABLES]);

size_t assess_count_notes(const struct assess_view *v, const char *topic);

/* What there is to say of each table, and of foreign keys. */
void assess_add_tables(const struct assess_view *v, struct buf *out);
void assess_add_links(const struct assess_view *v, struct buf *out);

#endif
