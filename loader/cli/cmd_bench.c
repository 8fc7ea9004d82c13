#include "cli/cmd_bench.h"

#include "base/buf.h"
#include "base/log.h"
#include "cli/aws_setup_files.h"
#include "cli/frame.h"
#include "job/bench.h"
#include "job/bench_stats.h"
#include "job/exit_status.h"
#include "ui/bench_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the recommended command ---- */

/* For a shell: in single quotes, unless it is plain. */
static void add_word(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buf_puts(out, text);
        return;
    }
    setup_shell_word(out, text);
}

static void add_list(struct buf *out, const char *option, const struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, " %s ", option);
        add_word(out, list->items[i]);
    }
}

static void add_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (unit < 4 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    buf_printf(out, "%llu%s", (unsigned long long)bytes, units[unit]);
}

/* Connection strings may hold secrets, so they are left for the user to put in. */
static void add_command(const struct spec *spec, const struct bench_point *p, struct buf *out)
{
    buf_puts(out, "sluice load --source ... --destination ...");
    add_list(out, "-n", &spec->schemas);
    add_list(out, "-N", &spec->schemas_out);
    add_list(out, "-t", &spec->tables);
    add_list(out, "-T", &spec->tables_out);
    buf_printf(out, " -j %u", p->streams);
    if (spec->bench.chunk_count > 0) {
        buf_puts(out, " --chunk-size ");
        add_size(out, p->chunk_bytes);
    }
}

/* ---- the report ---- */

struct views {
    struct bench_row_view *rows;
    struct bench_run_view *runs; /* BENCH_REPEAT_MAX for each row */
    const char **warnings;
    size_t warning_count;
    struct buf command;
};

static void view_row(const struct bench_point *p, struct bench_run_view *runs,
                     struct bench_row_view *out)
{
    struct bench_figures f;
    bench_figures(p, &f);
    for (unsigned i = 0; i < p->run_count; i++) {
        runs[i] = (struct bench_run_view){.seconds = p->runs[i].seconds,
                                          .rows = p->runs[i].rows,
                                          .bytes = p->runs[i].bytes,
                                          .cpu_s = p->runs[i].cpu_s};
    }
    *out = (struct bench_row_view){.stage = bench_stage_name(p->stage),
                                   .streams = p->streams,
                                   .chunk_bytes = p->chunk_bytes,
                                   .runs = runs,
                                   .run_count = p->run_count,
                                   .bytes_per_s = f.bytes_per_s,
                                   .bytes_per_s_min = f.bytes_per_s_min,
                                   .bytes_per_s_max = f.bytes_per_s_max,
                                   .rows_per_s = f.rows_per_s,
                                   .cpu_cores = f.cpu_cores,
                                   .reading = f.reading,
                                   .waits_memory = f.waits_memory,
                                   .waits_rows = f.waits_rows,
                                   .commits = f.commits};
}

static void mark_knees(const struct bench_result *r, struct views *views)
{
    for (int stage = 0; stage < BENCH_STAGES; stage++) {
        const struct bench_point *knee =
            bench_knee(r->points, r->point_count, (enum bench_stage)stage);
        if (knee != NULL) {
            views->rows[knee - r->points].knee = true;
        }
    }
}

static bool make_views(const struct bench_result *r, struct views *views)
{
    views->rows = calloc(r->point_count + 1, sizeof *views->rows);
    views->runs = calloc(r->point_count * BENCH_REPEAT_MAX + 1, sizeof *views->runs);
    views->warnings = calloc(r->findings.count + 1, sizeof(char *));
    if (views->rows == NULL || views->runs == NULL || views->warnings == NULL) {
        return false;
    }
    for (size_t i = 0; i < r->point_count; i++) {
        view_row(&r->points[i], views->runs + i * BENCH_REPEAT_MAX, &views->rows[i]);
    }
    mark_knees(r, views);
    for (size_t i = 0; i < r->findings.count; i++) {
        if (r->findings.items[i].level == FINDING_WARNING) {
            views->warnings[views->warning_count++] = r->findings.items[i].text;
        }
    }
    return true;
}

static bool make_report(const struct spec *spec, const struct bench_result *r, struct views *views,
                        struct buf *out)
{
    if (!make_views(r, views)) {
        return false;
    }
    const struct bench_point *advice = bench_advice(r->points, r->point_count);
    if (advice != NULL) {
        add_command(spec, advice, &views->command);
    }
    struct bench_view v = {.source = r->source,
                           .destination = r->destination,
                           .table_count = r->table_count,
                           .tables_bytes = r->tables_bytes,
                           .part_bytes = r->part_bytes,
                           .made_up = r->made_up,
                           .with_indexes = spec->bench.with_indexes,
                           .repeat = spec->bench.repeat,
                           .rows = views->rows,
                           .row_count = r->point_count,
                           .advice = advice == NULL ? NULL : &views->rows[advice - r->points],
                           .command = buf_str(&views->command),
                           .warnings = views->warnings,
                           .warning_count = views->warning_count,
                           .error = &r->error,
                           .exit_status = r->exit_status};
    if (spec->json) {
        bench_report_json(&v, out);
        buf_puts(out, "\n");
    } else {
        bench_report_text(&v, out);
    }
    return !out->failed && !views->command.failed;
}

static bool print_report(const struct spec *spec, const struct bench_result *r)
{
    struct views views = {.rows = NULL};
    struct buf out;
    buf_init(&views.command, BUF_SQL_MAX);
    buf_init(&out, BUF_SQL_MAX);
    bool ok = make_report(spec, r, &views, &out);
    if (!ok) {
        log_error("out of memory for the report");
    }
    ok = ok && fputs(buf_str(&out), stdout) >= 0;
    buf_free(&out);
    buf_free(&views.command);
    free(views.rows);
    free(views.runs);
    free(views.warnings);
    return ok;
}

/* ---- running ---- */

static int run(const struct spec *spec, bool *abandon)
{
    struct bench_observer observer = {.note = frame_note};
    struct bench_result result;
    bench_measure(spec, &observer, &result);
    frame_print_problems(&result.findings, &result.error);
    int status = result.exit_status;
    if (!print_report(spec, &result) && status == EXIT_DONE) {
        status = EXIT_FAILED;
    }
    *abandon = result.abandon_threads;
    if (!*abandon) {
        bench_result_free(&result);
    }
    return status;
}

int command_bench(int argc, char **argv, bool *abandon)
{
    return command_with_spec(FOR_BENCH, argc, argv, run, abandon);
}
