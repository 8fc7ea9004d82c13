#include "cli/frame.h"

#include "base/buf.h"
#include "base/log.h"
#include "cli/job_file.h"
#include "cli/logins.h"
#include "cli/options_result.h"
#include "cli/print_config.h"
#include "flow/stop.h"
#include "job/exit_status.h"

#include <stdio.h>
#include <stdlib.h>

int frame_failed(const struct err *err)
{
    log_error("%s", err->msg);
    return exit_status_of(err->kind);
}

void frame_note(void *self, const char *text)
{
    (void)self;
    log_info("%s", text);
}

void frame_print_problems(const struct findings *findings, const struct err *err)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].level == FINDING_BLOCKER) {
            log_error("%s", findings->items[i].text);
        }
    }
    if (findings->left_out > 0) {
        log_error("... and %zu more", findings->left_out);
    }
    if (err->kind != ERR_NONE) {
        log_error("%s", err->msg);
    }
}

int frame_finish(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return status;
    }
    log_error("what was printed could not be written to standard output");
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

static bool asks_servers(enum option_command command, const struct spec *spec)
{
    const unsigned loads = FOR_LOAD | FOR_CHECK | FOR_BENCH | FOR_ASSESS | FOR_SCHEMA;
    return (command & loads) != 0 && !spec->print_sql;
}

static int run_with(enum option_command command, struct spec *spec, frame_run *run, bool *abandon)
{
    struct err err;
    if (asks_servers(command, spec) && !logins_prepare(spec, &err)) {
        return frame_failed(&err);
    }
    options_open_log(spec);
    if (!stop_open(&err)) {
        return frame_failed(&err);
    }
    return run(spec, abandon);
}

/* What is wrong with a job file is told in full. */
static int refuse(const struct options_result *r, const struct err *err)
{
    bool several = r->findings.count + r->findings.left_out > 1;
    static const struct findings none = {.count = 0};
    frame_print_problems(several ? &r->findings : &none, err);
    return exit_status_of(err->kind);
}

static int show_config(const struct options_result *r)
{
    struct buf out;
    struct err err;
    buf_init(&out, BUF_SQL_MAX);
    bool ok = print_config(r, &out, &err);
    if (ok) {
        (void)fputs(buf_str(&out), stdout); /* frame_finish sees whether it went well */
    }
    buf_free(&out);
    return ok ? EXIT_DONE : frame_failed(&err);
}

static int run_wanted(enum option_command command, struct options_result *r, frame_run *run,
                      bool *abandon)
{
    switch (r->verdict) {
    case OPTIONS_HELP:
        options_help(command, stdout);
        return EXIT_DONE;
    case OPTIONS_MARKDOWN:
        options_markdown(stdout);
        return EXIT_DONE;
    case OPTIONS_KEYS:
        job_file_print_keys(stdout);
        return EXIT_DONE;
    case OPTIONS_RUN:
    default:
        return r->spec.print_config ? show_config(r) : run_with(command, &r->spec, run, abandon);
    }
}

int command_with_spec(enum option_command command, int argc, char **argv, frame_run *run,
                      bool *abandon)
{
    struct err err = {.kind = ERR_NONE};
    struct options_result *r = calloc(1, sizeof *r);
    if (r == NULL) {
        (void)err_set(&err, ERR_SYSTEM, "out of memory for the options");
        return frame_failed(&err);
    }
    int status = options_read(command, argc, argv, r, &err) ? run_wanted(command, r, run, abandon)
                                                            : refuse(r, &err);
    if (!*abandon) {
        options_result_free(r);
        free(r);
    }
    return status;
}
