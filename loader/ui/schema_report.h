/* schema_report.h: what becomes of a source's schema, as text or JSON. Pure. */
#ifndef UI_SCHEMA_REPORT_H
#define UI_SCHEMA_REPORT_H

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SCHEMA_REPORT_LINES 200 /* objects of a mark that are shown as text; JSON has them all */

enum schema_view_mark {
    SCHEMA_VIEW_CARRIED,
    SCHEMA_VIEW_CHANGED,
    SCHEMA_VIEW_LEFT_OUT,
    SCHEMA_VIEW_MARKS
};

struct schema_object_view {
    const char *type; /* "FK CONSTRAINT" */
    const char *name;
    const char *note; /* how or why; NULL: nothing to say */
    enum schema_view_mark mark;
    bool after;    /* the rows */
    bool in_table; /* a check within a table: not an entry of the dump's table of contents */
};

struct schema_applied_view {
    bool after;
    size_t made;
    size_t before; /* by an earlier run */
    size_t there;
    size_t failed;
    size_t moved; /* sequences */
};

struct schema_view {
    const char *source;
    const char *destination;
    bool shard_group;
    bool planned; /* objects are there */
    const struct schema_object_view *objects;
    size_t object_count;
    size_t entries;                          /* of the dump's table of contents */
    const struct schema_applied_view *parts; /* those that were tried, in order */
    size_t part_count;
    const char *const *warnings;
    size_t warning_count;
    const struct err *error; /* kind ERR_NONE: none */
    int exit_status;
    bool within_load; /* whose own summary follows, with the error and what to do */
};

void schema_report_text(const struct schema_view *v, struct buf *out);
/* One line. */
void schema_report_json(const struct schema_view *v, struct buf *out);
/* The same as a value, for a larger object; the caller releases. NULL without memory. */
json_t *schema_report_object(const struct schema_view *v);

#endif
