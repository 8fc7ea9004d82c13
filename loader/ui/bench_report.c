#include "ui/bench_report.h"

#include "base/str.h"
#include "ui/grid.h"
#include "ui/plain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MB          (1024.0 * 1024.0)
#define CELL_MAX    64
#define GRID_ALIGN  "rrrrrrrrl"
#define SLOWER_SIDE 1.15 /* one side is called the slower one from this quotient on */

/* ---- the heading ---- */

static void add_side(const char *title, const char *where, struct buf *out)
{
    if (where[0] != '\0') {
        buf_printf(out, "%-12s ", title);
        (void)plain_add(out, where, PLAIN_ALL);
        buf_puts(out, "\n");
    }
}

static void add_heading(const struct bench_view *v, struct buf *out)
{
    char part[STR_HUMAN_MAX];
    char all[STR_HUMAN_MAX];
    add_side("Source", v->source, out);
    add_side("Destination", v->destination, out);
    if (v->table_count > 0) {
        buf_printf(out, "%-12s %zu, %s; each measurement moves %s of them%s%s\n", "Tables",
                   v->table_count, human_bytes(v->tables_bytes, all),
                   human_bytes(v->part_bytes, part),
                   v->made_up ? ", rows made up as the tables are empty" : "",
                   v->with_indexes ? "; scratch tables with indexes" : "");
    }
}

/* ---- tables ---- */

static void cell(struct grid *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void cell(struct grid *g, const char *fmt, ...)
{
    char text[CELL_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    grid_cell(g, text);
}

static void add_titles(struct grid *g)
{
    static const char *const titles[] = {"streams",      "MB/s",         "from..to",
                                         "rows/s",       "CPU cores",    "readers wait",
                                         "writers wait", "begin+commit", ""};
    grid_row(g);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        grid_cell(g, titles[i]);
    }
}

static void add_row(struct grid *g, const struct bench_row_view *r, unsigned repeat)
{
    char rows[STR_HUMAN_MAX];
    grid_row(g);
    cell(g, "%u", r->streams);
    if (r->run_count == 0) {
        grid_cell(g, "-");
        return;
    }
    cell(g, "%.1f", r->bytes_per_s / MB);
    cell(g, "%.1f..%.1f", r->bytes_per_s_min / MB, r->bytes_per_s_max / MB);
    grid_cell(g, human_count((uint64_t)r->rows_per_s, rows));
    cell(g, "%.2f", r->cpu_cores);
    cell(g, "%.0f %%", 100 * r->waits_memory);
    cell(g, "%.0f %%", 100 * r->waits_rows);
    cell(g, "%.0f %%", 100 * r->commits);
    if (r->run_count < repeat) {
        cell(g, "%u of %u runs%s", r->run_count, repeat, r->knee ? ", knee" : "");
    } else {
        grid_cell(g, r->knee ? "knee" : "");
    }
}

static const char *title_of(const char *stage)
{
    return strcmp(stage, "source") == 0        ? "Source alone"
           : strcmp(stage, "destination") == 0 ? "Destination alone"
                                               : "Both together";
}

static bool same_group(const struct bench_row_view *a, const struct bench_row_view *b)
{
    return strcmp(a->stage, b->stage) == 0 && a->chunk_bytes == b->chunk_bytes;
}

static void add_groups(const struct bench_view *v, struct buf *out)
{
    for (size_t i = 0; i < v->row_count;) {
        const struct bench_row_view *first = &v->rows[i];
        struct grid g = {.rows = 0};
        char chunk[STR_HUMAN_MAX];
        buf_printf(out, "\n%s, chunks of %s:\n", title_of(first->stage),
                   human_bytes(first->chunk_bytes, chunk));
        add_titles(&g);
        for (; i < v->row_count && same_group(first, &v->rows[i]); i++) {
            add_row(&g, &v->rows[i], v->repeat);
        }
        grid_print(&g, GRID_ALIGN, out);
        grid_free(&g);
    }
}

/* ---- what follows ---- */

static const struct bench_row_view *knee_of(const struct bench_view *v, const char *stage)
{
    for (size_t i = 0; i < v->row_count; i++) {
        if (v->rows[i].knee && strcmp(v->rows[i].stage, stage) == 0) {
            return &v->rows[i];
        }
    }
    return NULL;
}

static void add_verdict(const struct bench_view *v, struct buf *out)
{
    const struct bench_row_view *source = knee_of(v, "source");
    const struct bench_row_view *destination = knee_of(v, "destination");
    if (source == NULL || destination == NULL) {
        return;
    }
    double quotient = source->bytes_per_s / destination->bytes_per_s;
    if (quotient > SLOWER_SIDE) {
        buf_puts(out, "\nThe destination is the slower side.\n");
    } else if (quotient < 1 / SLOWER_SIDE) {
        buf_puts(out, "\nThe source is the slower side.\n");
    } else {
        buf_puts(out, "\nBoth sides are about as fast.\n");
    }
}

static void add_advice(const struct bench_view *v, struct buf *out)
{
    if (v->advice == NULL) {
        return;
    }
    buf_printf(out, "\nRecommended: %u stream%s, from \"%s\"; more gain less than 5 %%.\n\n  ",
               v->advice->streams, v->advice->streams == 1 ? "" : "s", title_of(v->advice->stage));
    (void)plain_add(out, v->command, PLAIN_ALL);
    buf_puts(out, "\n");
}

void bench_report_text(const struct bench_view *v, struct buf *out)
{
    add_heading(v, out);
    add_groups(v, out);
    add_verdict(v, out);
    add_advice(v, out);
    for (size_t i = 0; i < v->warning_count; i++) {
        buf_puts(out, i == 0 ? "\nwarning: " : "warning: ");
        (void)plain_add(out, v->warnings[i], PLAIN_ALL);
        buf_puts(out, "\n");
    }
    if (v->error->kind != ERR_NONE) {
        buf_puts(out, "\nNot complete: ");
        (void)plain_add(out, v->error->msg, PLAIN_ALL);
        buf_puts(out, "\n");
    }
}
