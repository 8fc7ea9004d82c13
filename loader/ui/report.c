#include "ui/report.h"

#include "base/str.h"
#include "ui/grid.h"
#include "ui/report_flow.h"
#include "ui/report_parts.h"
#include "ui/why.h"

#include <stdio.h>
#include <string.h>

#define CELL_MAX    (2 * STR_HUMAN_MAX + 8)
#define REASONS_MAX ((size_t)4 * ERR_MSG_MAX)

/* A name with its destination can be long; it is built in a buffer and copied into the grid. */
static void name_cell(struct grid *g, const char *name, const char *destination)
{
    struct buf text;

    buf_init(&text, ERR_MSG_MAX);
    report_table_name(&text, name, destination);
    grid_cell(g, text.failed ? name : buf_str(&text));
    buf_free(&text);
}

static void count_cell(struct grid *g, uint64_t count)
{
    char text[STR_HUMAN_MAX];
    grid_cell(g, human_count(count, text));
}

static void bytes_cell(struct grid *g, uint64_t bytes)
{
    char text[STR_HUMAN_MAX];
    grid_cell(g, human_bytes(bytes, text));
}

/* "12.3 MB/s"; "-" when no time was measured. */
static const char *rate_text(uint64_t bytes, uint64_t ms, char out[CELL_MAX])
{
    char text[STR_HUMAN_MAX];

    if (ms == 0) {
        (void)snprintf(out, CELL_MAX, "-");
    } else {
        (void)snprintf(out, CELL_MAX, "%s/s", human_bytes(report_per_second(bytes, ms), text));
    }
    return out;
}

static void chunks_cell(struct grid *g, size_t done, size_t total)
{
    char number[2][STR_HUMAN_MAX];
    char text[CELL_MAX];

    (void)snprintf(text, sizeof(text), "%s/%s", human_count(done, number[0]),
                   human_count(total, number[1]));
    grid_cell(g, done == total ? number[1] : text);
}

/* The tables of a summary. */

static uint64_t table_bytes(const void *items, size_t index)
{
    return ((const struct table_view *)items)[index].wire_bytes;
}

static void table_row(struct grid *g, const struct table_view *t, bool timed)
{
    char text[CELL_MAX];
    char why[WHY_SHORT_MAX];

    count_cell(g, t->rows);
    bytes_cell(g, t->wire_bytes);
    grid_cell(g, human_duration(t->busy_ms, text));
    grid_cell(g, rate_text(t->wire_bytes, t->busy_ms, text));
    chunks_cell(g, t->chunks_done, t->chunks_total);
    grid_cell(g, t->format);
    if (timed) {
        why_table(&t->spent, why);
        grid_cell(g, why);
    }
    (void)snprintf(text, sizeof(text), "%u", t->snapshot_no);
    grid_cell(g, text);
}

static void add_table(struct table_view *sum, const struct table_view *t)
{
    sum->rows += t->rows;
    sum->wire_bytes += t->wire_bytes;
    sum->busy_ms += t->busy_ms;
    sum->chunks_done += t->chunks_done;
    sum->chunks_total += t->chunks_total;
}

static void header_row(struct grid *g, const char *const *titles, size_t count)
{
    grid_row(g);
    for (size_t i = 0; i < count; i++) {
        grid_cell(g, titles[i]);
    }
}

/* A row of sums, without what cannot be summed. */
static void sum_row(struct grid *g, const char *name, const struct table_view *sum)
{
    char text[CELL_MAX];

    grid_row(g);
    grid_cell(g, name);
    count_cell(g, sum->rows);
    bytes_cell(g, sum->wire_bytes);
    grid_cell(g, human_duration(sum->busy_ms, text));
    grid_cell(g, rate_text(sum->wire_bytes, sum->busy_ms, text));
    chunks_cell(g, sum->chunks_done, sum->chunks_total);
}

/* Without the column when this run did nothing. */
static bool any_time(const struct summary_view *v)
{
    for (size_t i = 0; i < v->table_count; i++) {
        if (why_sum_ns(&v->tables[i].spent, WHY_WRITERS) > 0) {
            return true;
        }
    }
    return false;
}

static const char *table_align(bool timed, bool snapshots)
{
    if (timed) {
        return snapshots ? "lrrrrrllr" : "lrrrrrll";
    }
    return snapshots ? "lrrrrrlr" : "lrrrrrl";
}

static void summary_tables(const struct summary_view *v, struct buf *out)
{
    bool timed = any_time(v);
    const char *const titles[] = {"table",   "rows",   "bytes",  "stream time",
                                  "rate",    "chunks", "format", timed ? "time went" : "snapshot",
                                  "snapshot"};
    size_t top[REPORT_TABLES_MAX];
    size_t shown = report_largest(table_bytes, v->tables, v->table_count, top);
    struct table_view total = {0};
    struct table_view rest = {0};
    struct grid g = {0};
    char name[CELL_MAX];

    header_row(&g, titles, 7u + timed + (v->snapshot_count > 1));
    for (size_t i = 0; i < v->table_count; i++) {
        add_table(&total, &v->tables[i]);
    }
    rest = total;
    for (size_t i = 0; i < shown; i++) {
        const struct table_view *t = &v->tables[top[i]];
        grid_row(&g);
        name_cell(&g, t->name, t->destination);
        table_row(&g, t, timed);
        rest.rows -= t->rows;
        rest.wire_bytes -= t->wire_bytes;
        rest.busy_ms -= t->busy_ms;
        rest.chunks_done -= t->chunks_done;
        rest.chunks_total -= t->chunks_total;
    }
    if (shown < v->table_count) {
        (void)snprintf(name, sizeof(name), "(%zu smaller table%s)", v->table_count - shown,
                       report_plural(v->table_count - shown));
        sum_row(&g, name, &rest);
    }
    (void)snprintf(name, sizeof(name), "total of %zu table%s", v->table_count,
                   report_plural(v->table_count));
    sum_row(&g, name, &total);
    grid_print(&g, table_align(timed, v->snapshot_count > 1), out);
    grid_free(&g);
}

/* The figures of the run. */

static void summary_rates(const struct summary_view *v, struct buf *out)
{
    char number[STR_HUMAN_MAX];
    char rate[CELL_MAX];
    uint64_t rows_per_s = report_per_second(v->rows_run, v->elapsed_ms);

    buf_printf(out, "%-13s%s rows, ", "this run", human_count(v->rows_run, number));
    buf_printf(out, "%s in ", human_bytes(v->wire_bytes_run, number));
    buf_printf(out, "%s by %s%u stream%s", human_duration(v->elapsed_ms, number),
               v->flow.jobs_auto ? "up to " : "", v->streams, report_plural(v->streams));
    if (v->flow.jobs_auto) {
        buf_printf(out, " (%u readers, %u writers at the end)", v->flow.readers_active,
                   v->flow.writers_active);
    }
    if (v->rows_run > 0 && v->elapsed_ms > 0) {
        buf_printf(out, ": %s rows/s, ", human_count(rows_per_s, number));
        buf_puts(out, rate_text(v->wire_bytes_run, v->elapsed_ms, rate));
    }
    buf_printf(out, "\n%-13s%s rows; ", "whole job", human_count(v->rows, number));
    buf_printf(out, "%s of ", human_count(v->chunks_done, number));
    buf_printf(out, "%s chunks committed\n", human_count(v->chunks_total, number));
}

static void summary_memory(const struct summary_view *v, struct buf *out)
{
    char number[STR_HUMAN_MAX];

    if (v->rows_run == 0) {
        return;
    }
    buf_printf(out, "%-13s%s at most of ", "memory", human_bytes(v->memory_peak_bytes, number));
    buf_puts(out, human_bytes(v->memory_limit_bytes, number));
    if (v->row_widest_bytes > 0) { /* rows from an earlier run's spill are not looked at */
        buf_printf(out, "; widest row %s", human_bytes(v->row_widest_bytes, number));
    }
    buf_puts(out, "\n");
}

static void summary_retries(const struct summary_view *v, struct buf *out)
{
    struct buf text;

    if (v->retries == 0) {
        return;
    }
    buf_init(&text, REASONS_MAX);
    buf_printf(&text, "%u", v->retries);
    if (v->retry_reasons != NULL && v->retry_reasons[0] != '\0') {
        buf_printf(&text, ": %s", v->retry_reasons);
    }
    report_field(out, "retries", buf_str(&text));
    buf_free(&text);
}

static void summary_snapshots(const struct summary_view *v, struct buf *out)
{
    for (size_t i = 0; i < v->snapshot_count; i++) {
        const struct snapshot_view *s = &v->snapshots[i];
        buf_printf(out, "%-13s%u, taken %s, %s\n", "snapshot", s->no, s->taken_at, s->identity);
    }
}

static void summary_title(const struct summary_view *v, struct buf *out)
{
    struct buf text;

    buf_init(&text, ERR_MSG_MAX);
    /* Without a connection to both sides there is no job yet, and no name for it. */
    buf_printf(&text, "%s%s%s", v->job, v->job[0] == '\0' ? "" : ": ",
               v->already_complete ? "done before, nothing was left to do"
                                   : report_outcome(v->exit_status));
    report_field(out, v->job[0] == '\0' ? "load" : "job", text.failed ? v->job : buf_str(&text));
    buf_free(&text);
    if (v->source[0] != '\0') {
        report_field(out, "source", v->source);
    }
    if (v->destination[0] != '\0') {
        report_field(out, "destination", v->destination);
    }
}

void report_summary_text(const struct summary_view *v, struct buf *out)
{
    summary_title(v, out);
    if (v->table_count > 0) {
        buf_puts(out, "\n");
        summary_tables(v, out);
        buf_puts(out, "\n");
    }
    if (v->verbose && v->stream_count > 0) {
        report_streams(v, out);
        buf_puts(out, "\n");
    }
    if (v->chunks_total > 0) {
        summary_rates(v, out);
        report_transactions(v, out);
        report_time(v, out);
        summary_memory(v, out);
        report_aside(v, out);
        report_routers(&v->flow, out);
    }
    summary_retries(v, out);
    summary_snapshots(v, out);
    report_list(out, "sequence", v->sequences_moved, v->sequence_count);
    report_list(out, "warning", v->warnings, v->warning_count);
    if (v->error != NULL && v->error->kind != ERR_NONE) {
        report_field(out, "error", v->error->msg);
    }
    if (v->hint != NULL) {
        report_field(out, "next", v->hint);
    }
}
