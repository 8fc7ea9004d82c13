/* schema_views.h: what job/ tells of a schema, in the form that ui/ shows. */
#ifndef CLI_SCHEMA_VIEWS_H
#define CLI_SCHEMA_VIEWS_H

#include "job/schema_run.h"
#include "ui/schema_report.h"

struct schema_views {
    struct schema_view view; /* borrows from the result and from what follows */
    struct schema_object_view *objects;
    const char **warnings;
    struct schema_applied_view parts[SCHEMA_PARTS];
};

/* False without memory; free it in any case. It points into itself: do not move it. */
bool schema_views_make(const struct schema_result *r, struct schema_views *out) MUST_CHECK;
void schema_views_free(struct schema_views *v); /* zeroed is allowed */

#endif
