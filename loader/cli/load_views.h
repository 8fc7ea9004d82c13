/* load_views.h: what job/ tells, in the form that ui/ shows. */
#ifndef CLI_LOAD_VIEWS_H
#define CLI_LOAD_VIEWS_H

#include "base/buf.h"
#include "job/load.h"
#include "job/spec.h"
#include "ui/view.h"

/* The summary or, for a dry run, the plan, as text or one JSON line. False without memory. */
bool load_views_report(const struct spec *spec, const struct load_result *result, bool json,
                       struct buf *out);

struct schema_view;

/* The same for a load with a schema around it, whose own text is not in this one. */
bool load_views_report_with(const struct spec *spec, const struct load_result *result,
                            const struct schema_view *schema, bool json, struct buf *out);

/* How many there are; out borrows from them. */
size_t load_views_routers(const struct load_routers *from, struct router_line out[ROUTERS_MAX]);

/* What the data plane did, of one moment or of the whole run. */
void load_views_flow(const struct spec *spec, const struct board_view *b,
                     const struct load_totals *t, struct flow_view *out);

#endif
