/* check_report.h: what "sluice check" found, as text or JSON. Pure. */
#ifndef UI_CHECK_REPORT_H
#define UI_CHECK_REPORT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define CHECK_REPORT_COLUMNS 100
#define CHECK_REPORT_LINES                                                \
    100 /* findings of one side that are shown as text; JSON has them all \
         */

enum check_mark { CHECK_MARK_OK, CHECK_MARK_WARNING, CHECK_MARK_BLOCKER };

struct check_side_view {
    const char *name;  /* "source": what JSON says */
    const char *title; /* "Source db1:5432/shop": the text's heading */
};

struct check_line_view {
    size_t side; /* into sides */
    enum check_mark mark;
    const char *check; /* "source-secret" */
    const char *text;
    const char *fix; /* NULL: none */
};

struct check_view {
    const struct check_side_view *sides;
    size_t side_count;
    const struct check_line_view *lines; /* grouped by the report, whatever their order */
    size_t line_count;
    size_t left_out;
    size_t warnings;
    size_t blockers;
};

/* Grouped by side, a line a finding, wrapped at CHECK_REPORT_COLUMNS; the verdict last. Sides
 * without findings are left out. */
void check_report_text(const struct check_view *v, bool color, struct buf *out);

/* {"ready":..,"blockers":..,"warnings":..,"findings":[{"side","check","level","text","fix"}]} in
 * one line; "fix" is null where there is nothing to mend. */
void check_report_json(const struct check_view *v, struct buf *out);

#endif
