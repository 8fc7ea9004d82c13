/* report.h: the summary of a run and the plan of a dry run, as text or JSON. Pure. */
#ifndef UI_REPORT_H
#define UI_REPORT_H

#include "base/buf.h"
#include "ui/view.h"

/* Text: one table of tables (the largest 40, the rest summed in one line), totals, where the time
 * went, snapshots (always; by table when there is more than one), sequences, warnings, then the
 * error and the hint. Column widths fit the content. */
void report_summary_text(const struct summary_view *v, struct buf *out);
/* {"event":"summary",...} in one line, every table listed. */
void report_summary_json(const struct summary_view *v, struct buf *out);

void report_plan_text(const struct plan_view *v, struct buf *out);
void report_plan_json(const struct plan_view *v, struct buf *out); /* {"event":"plan",...} */

#endif
