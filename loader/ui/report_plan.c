#include "ui/report.h"

#include "base/str.h"
#include "ui/grid.h"
#include "ui/report_parts.h"

#include <stdio.h>

static uint64_t plan_bytes(const void *items, size_t index)
{
    return ((const struct plan_table_view *)items)[index].bytes;
}

/* Texts of any length go through a buffer. */
static void text_cell(struct grid *g, struct buf *text, const char *instead)
{
    grid_cell(g, text->failed ? instead : buf_str(text));
    buf_free(text);
}

static void number_cells(struct grid *g, uint64_t bytes, double rows, size_t chunks)
{
    char text[STR_HUMAN_MAX];

    grid_cell(g, human_bytes(bytes, text));
    if (rows < 0) {
        grid_cell(g, "-");
    } else {
        grid_cell(g, human_count(report_estimate(rows), text));
    }
    grid_cell(g, human_count(chunks, text));
}

static void table_row(struct grid *g, const struct plan_table_view *t)
{
    struct buf text;

    grid_row(g);
    buf_init(&text, ERR_MSG_MAX);
    report_table_name(&text, t->name, t->destination);
    text_cell(g, &text, t->name);
    number_cells(g, t->bytes, t->row_estimate, t->chunks);
    grid_cell(g, t->split_by);
    buf_puts(&text, t->format);
    if (t->format_why != NULL && t->format_why[0] != '\0') {
        buf_printf(&text, ": %s", t->format_why);
    }
    text_cell(g, &text, t->format);
}

/* The planned sizes, of all tables or of those that are not listed. An estimate that misses one
 * table is still shown: it is a floor. */
static void sum_row(struct grid *g, const char *name, const struct plan_table_view *sum)
{
    grid_row(g);
    grid_cell(g, name);
    number_cells(g, sum->bytes, sum->row_estimate, sum->chunks);
}

static void add_table(struct plan_table_view *sum, const struct plan_table_view *t)
{
    sum->bytes += t->bytes;
    sum->row_estimate += t->row_estimate > 0 ? t->row_estimate : 0;
    sum->chunks += t->chunks;
}

static void plan_tables(const struct plan_view *v, struct buf *out)
{
    static const char *const titles[] = {"table",  "bytes",  "rows (estimate)",
                                         "chunks", "cut by", "format"};
    size_t top[REPORT_TABLES_MAX];
    size_t shown = report_largest(plan_bytes, v->tables, v->table_count, top);
    struct plan_table_view total = {0};
    struct plan_table_view listed = {0};
    struct grid g = {0};
    char name[STR_HUMAN_MAX + 32];

    grid_row(&g);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        grid_cell(&g, titles[i]);
    }
    for (size_t i = 0; i < shown; i++) {
        table_row(&g, &v->tables[top[i]]);
        add_table(&listed, &v->tables[top[i]]);
    }
    for (size_t i = 0; i < v->table_count; i++) {
        add_table(&total, &v->tables[i]);
    }
    if (shown < v->table_count) {
        struct plan_table_view rest = {.bytes = total.bytes - listed.bytes,
                                       .row_estimate = total.row_estimate - listed.row_estimate,
                                       .chunks = total.chunks - listed.chunks};
        (void)snprintf(name, sizeof(name), "(%zu smaller table%s)", v->table_count - shown,
                       report_plural(v->table_count - shown));
        sum_row(&g, name, &rest);
    }
    (void)snprintf(name, sizeof(name), "total of %zu table%s", v->table_count,
                   report_plural(v->table_count));
    sum_row(&g, name, &total);
    grid_print(&g, "lrrrll", out);
    grid_free(&g);
}

void report_plan_text(const struct plan_view *v, struct buf *out)
{
    char text[STR_HUMAN_MAX];

    report_field(out, "plan of job", v->job);
    report_field(out, "source", v->source);
    report_field(out, "destination", v->destination);
    report_field(out, "mode", v->mode);
    report_field(out, "triggers", v->triggers);
    (void)snprintf(text, sizeof(text), "%u", v->streams);
    report_field(out, "streams", text);
    buf_puts(out, "\n");
    if (v->table_count > 0) {
        plan_tables(v, out);
    } else {
        buf_puts(out, "  no table\n");
    }
    buf_puts(out, "\n");
    report_list(out, "warning", v->warnings, v->warning_count);
    buf_puts(out, "Nothing was changed on either side.\n");
}
