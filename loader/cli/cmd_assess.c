#include "cli/cmd_assess.h"

#include "base/buf.h"
#include "base/log.h"
#include "cli/assess_job.h"
#include "cli/assess_views.h"
#include "cli/frame.h"
#include "job/assess_run.h"
#include "job/exit_status.h"
#include "ui/assess_report.h"

#include <stdio.h>

static bool make_report(const struct spec *spec, const struct assess_result *r, const char *file,
                        struct buf *out)
{
    struct assess_views views;
    bool ok = assess_views_make(spec, r, file, &views);
    if (ok && spec->json) {
        assess_report_json(&views.view, out);
        buf_puts(out, "\n");
    } else if (ok) {
        assess_report_text(&views.view, out);
    }
    assess_views_free(&views);
    return ok && !out->failed;
}

static bool print_report(const struct spec *spec, const struct assess_result *r, const char *file)
{
    struct buf out;
    buf_init(&out, BUF_SQL_MAX);
    bool ok = make_report(spec, r, file, &out);
    if (!ok) {
        log_error("out of memory for the report");
    }
    ok = ok && fputs(buf_str(&out), stdout) >= 0;
    buf_free(&out);
    return ok;
}

/* The file first, so that the report can say that it is there. */
static const char *write_job(const struct spec *spec, struct assess_result *r)
{
    struct err err;
    if (spec->assess.out == NULL || r->exit_status != EXIT_DONE) {
        return NULL;
    }
    if (!assess_job_write(spec->assess.out, spec, r, &err)) {
        r->error = err;
        r->exit_status = exit_status_of(err.kind);
        return NULL;
    }
    return spec->assess.out;
}

static int run(const struct spec *spec, bool *abandon)
{
    struct assess_observer observer = {.note = frame_note};
    struct assess_result result;
    (void)abandon;
    assess_source(spec, &observer, &result);
    const char *file = write_job(spec, &result);
    frame_print_problems(&result.findings, &result.error);
    int status = result.exit_status;
    bool stopped = result.error.kind == ERR_CANCELLED;
    if (!stopped && !print_report(spec, &result, file) && status == EXIT_DONE) {
        status = EXIT_FAILED;
    }
    assess_result_free(&result);
    return status;
}

int command_assess(int argc, char **argv, bool *abandon)
{
    return command_with_spec(FOR_ASSESS, argc, argv, run, abandon);
}
