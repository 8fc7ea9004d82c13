#include "cli/cmd_schema.h"

#include "base/buf.h"
#include "base/log.h"
#include "cli/frame.h"
#include "cli/schema_views.h"
#include "job/exit_status.h"
#include "job/schema_run.h"

#include <stdio.h>

/* A line an object: long, but of a bounded number of objects. */
#define REPORT_BYTES_MAX (1u << 30)

static bool print_report(const struct spec *spec, const struct schema_result *r)
{
    struct schema_views views = {.objects = NULL};
    struct buf out;
    buf_init(&out, REPORT_BYTES_MAX);
    bool ok = schema_views_make(r, &views);
    if (ok && spec->json) {
        schema_report_json(&views.view, &out);
        buf_puts(&out, "\n");
    } else if (ok) {
        schema_report_text(&views.view, &out);
    }
    ok = ok && !out.failed;
    if (!ok) {
        log_error("out of memory for the report");
    }
    ok = ok && fputs(buf_str(&out), stdout) >= 0;
    buf_free(&out);
    schema_views_free(&views);
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
