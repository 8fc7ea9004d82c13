#include "cli/cmd_schema.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/frame.h"
#include "job/exit_status.h"
#include "job/schema_run.h"
#include "ui/schema_report.h"

#include <stdio.h>
#include <stdlib.h>

/* A line an object: long, but of a bounded number of objects. */
#define REPORT_BYTES_MAX (1u << 30)

struct views {
    struct schema_object_view *objects;
    const char **warnings;
    size_t object_count;
    size_t warning_count;
};

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

static bool make_views(const struct schema_result *r, struct views *v)
{
    const struct schema_plan *p = &r->made.plan;
    v->objects = calloc(p->count + 1, sizeof *v->objects);
    v->warnings = calloc(r->findings.count + 1, sizeof(char *));
    if (v->objects == NULL || v->warnings == NULL) {
        return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].origin != SCHEMA_OURS) {
            view_object(&p->items[i], &v->objects[v->object_count++]);
        }
    }
    for (size_t i = 0; i < r->findings.count; i++) {
        if (r->findings.items[i].level == FINDING_WARNING) {
            v->warnings[v->warning_count++] = r->findings.items[i].text;
        }
    }
    return true;
}

static void fill_report(const struct spec *spec, const struct schema_result *r,
                        const struct views *views, struct buf *out)
{
    struct schema_applied_view applied = {.after = spec->schema.apply == SCHEMA_APPLY_AFTER,
                                          .made = r->done.made,
                                          .before = r->done.before,
                                          .there = r->done.there,
                                          .failed = r->done.failed,
                                          .moved = r->done.moved};
    bool tried = spec->schema.apply != SCHEMA_APPLY_NOTHING && r->planned;
    struct schema_view v = {.source = r->source,
                            .destination = r->destination,
                            .shard_group = r->is_limitless,
                            .planned = r->planned,
                            .objects = views->objects,
                            .object_count = views->object_count,
                            .entries = r->made.plan.entry_count,
                            .applied = tried ? &applied : NULL,
                            .warnings = views->warnings,
                            .warning_count = views->warning_count,
                            .error = &r->error,
                            .exit_status = r->exit_status};
    if (spec->json) {
        schema_report_json(&v, out);
        buf_puts(out, "\n");
    } else {
        schema_report_text(&v, out);
    }
}

static bool print_report(const struct spec *spec, const struct schema_result *r)
{
    struct views views = {.objects = NULL};
    struct buf out;
    buf_init(&out, REPORT_BYTES_MAX);
    bool ok = make_views(r, &views);
    if (ok) {
        fill_report(spec, r, &views, &out);
        ok = !out.failed;
    }
    if (!ok) {
        log_error("out of memory for the report");
    }
    ok = ok && fputs(buf_str(&out), stdout) >= 0;
    buf_free(&out);
    free(views.objects);
    free(views.warnings);
    return ok;
}

static int run(const struct spec *spec, bool *abandon)
{
    struct schema_observer observer = {.note = frame_note};
    struct schema_result result;
    (void)abandon;
    schema_run(spec, &observer, &result);
    frame_print_problems(&result.findings, &result.error);
    int status = result.exit_status;
    if (!print_report(spec, &result) && status == EXIT_DONE) {
        status = EXIT_FAILED;
    }
    schema_result_free(&result);
    return status;
}

int command_schema(int argc, char **argv, bool *abandon)
{
    return command_with_spec(FOR_SCHEMA, argc, argv, run, abandon);
}
