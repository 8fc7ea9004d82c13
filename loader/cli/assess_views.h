/* assess_views.h: an assessment as the report wants it. */
#ifndef CLI_ASSESS_VIEWS_H
#define CLI_ASSESS_VIEWS_H

#include "job/assess_run.h"
#include "job/spec.h"
#include "ui/assess_report.h"

/* What a view borrows from. */
struct assess_views {
    struct assess_view view;
    struct assess_table_view *tables;
    struct assess_candidate_view *candidates;
    struct assess_note_view *notes;
    struct assess_group_view *groups;
    struct assess_link_view *links;
    struct assess_capacity_view *capacity;
    const char **warnings;
    char **texts; /* made for this */
    size_t text_count;
    char version[32];
};

/* False without memory; assess_views_free is needed in any case. file: the job file, or NULL. */
bool assess_views_make(const struct spec *spec, const struct assess_result *r, const char *file,
                       struct assess_views *out);
void assess_views_free(struct assess_views *v);

#endif
