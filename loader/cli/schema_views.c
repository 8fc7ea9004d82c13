#include "cli/schema_views.h"

#include <stdlib.h>

static void view_object(const struct schema_item *item, struct schema_object_view *out)
{
    static const enum schema_view_mark marks[SCHEMA_MARKS] = {
        [SCHEMA_CARRIED] = SCHEMA_VIEW_CARRIED,
        [SCHEMA_CHANGED] = SCHEMA_VIEW_CHANGED,
        [SCHEMA_LEFT_OUT] = SCHEMA_VIEW_LEFT_OUT,
    };
    *out = (struct schema_object_view){.type = item->type,
                                       .name = item->name,
                                       .note = item->note,
                                       .mark = marks[item->mark],
                                       .after = item->part == SCHEMA_AFTER,
                                       .in_table = item->origin == SCHEMA_CHECK};
}

static void view_parts(const struct schema_result *r, struct schema_views *v)
{
    for (int part = 0; part < SCHEMA_PARTS; part++) {
        const struct schema_done *d = &r->done[part];
        if (r->tried[part]) {
            v->parts[v->view.part_count++] =
                (struct schema_applied_view){.after = part == SCHEMA_AFTER,
                                             .made = d->made,
                                             .before = d->before,
                                             .there = d->there,
                                             .failed = d->failed,
                                             .moved = d->moved};
        }
    }
}

bool schema_views_make(const struct schema_result *r, struct schema_views *v)
{
    const struct schema_plan *p = &r->made.plan;
    *v = (struct schema_views){
        .view = {.source = r->source,
                 .destination = r->destination,
                 .shard_group = r->is_limitless,
                 .planned = r->planned,
                 .entries = p->entry_count,
                 .error = &r->error,
                 .exit_status = r->exit_status}
    };
    v->objects = calloc(p->count + 1, sizeof *v->objects);
    v->warnings = calloc(r->findings.count + 1, sizeof(char *));
    if (v->objects == NULL || v->warnings == NULL) {
        return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].origin != SCHEMA_OURS) {
            view_object(&p->items[i], &v->objects[v->view.object_count++]);
        }
    }
    for (size_t i = 0; i < r->findings.count; i++) {
        if (r->findings.items[i].level == FINDING_WARNING) {
            v->warnings[v->view.warning_count++] = r->findings.items[i].text;
        }
    }
    view_parts(r, v);
    v->view.objects = v->objects;
    v->view.warnings = v->warnings;
    v->view.parts = v->parts;
    return true;
}

void schema_views_free(struct schema_views *v)
{
    free(v->objects);
    free(v->warnings);
}
