#include "ui/assess_report.h"

#include "base/str.h"
#include "ui/assess_report_parts.h"
#include "ui/grid.h"
#include "ui/plain.h"
#include "ui/report_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEFT_COLUMNS  2
#define LABEL_COLUMNS 10
#define NAME_COLUMNS  34
#define KEY_COLUMNS   20
#define CELL_MAX      64
#define GRID_ALIGN    "lrrrrllll"

/* ---- lines ---- */

struct wrap {
    struct buf *out;
    size_t indent;
    size_t column;
};

/* A word longer than a line stays whole, so that an expression's names can be copied. */
static void add_word(struct wrap *w, const char *word, size_t len, bool spaced)
{
    struct buf piece;
    buf_init(&piece, len + 1);
    buf_add(&piece, word, len);
    size_t columns = plain_columns(buf_str(&piece));
    if (spaced && w->column + 1 + columns <= ASSESS_REPORT_COLUMNS) {
        buf_puts(w->out, " ");
        w->column++;
    } else if (spaced) {
        buf_printf(w->out, "\n%*s", (int)w->indent, "");
        w->column = w->indent;
    }
    w->column += plain_add(w->out, buf_str(&piece), PLAIN_ALL);
    w->out->failed = w->out->failed || piece.failed;
    buf_free(&piece);
}

void assess_line(struct buf *out, const char *label, const char *text)
{
    struct wrap w = {.out = out, .indent = LEFT_COLUMNS + LABEL_COLUMNS};
    bool spaced = false;
    w.column = w.indent;
    buf_printf(out, "%*s%-*s", LEFT_COLUMNS, "", LABEL_COLUMNS, label);
    text += strspn(text, " ");
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        add_word(&w, text, len, spaced);
        spaced = true;
        text += len;
        text += strspn(text, " ");
    }
    buf_puts(out, "\n");
}

static void field(struct buf *out, const char *label, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void field(struct buf *out, const char *label, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assess_line(out, label, text);
}

/* ---- the heading ---- */

static void add_heading(const struct assess_view *v, struct buf *out)
{
    char bytes[STR_HUMAN_MAX];
    char indexes[STR_HUMAN_MAX];
    uint64_t table_bytes = 0;
    uint64_t index_bytes = 0;
    for (size_t i = 0; i < v->table_count; i++) {
        table_bytes += v->tables[i].bytes;
        index_bytes += v->tables[i].index_bytes;
    }
    buf_puts(out, "Source\n");
    field(out, "server", "%s, %s", v->source, v->version);
    field(out, "tables", "%zu, %s, and %s of indexes", v->table_count,
          human_bytes(table_bytes, bytes), human_bytes(index_bytes, indexes));
    field(out, "writes", "counted since %s UTC%s", v->stats_since,
          v->stats_since_start ? ", the server's start; the counters may be older, so that the "
                                 "rates are upper bounds"
                               : "");
}

/* ---- the list ---- */

static uint64_t size_of(const void *items, size_t index)
{
    return ((const struct assess_table_view *)items)[index].bytes;
}

size_t assess_largest(const struct assess_view *v, size_t top[ASSESS_REPORT_TABLES])
{
    return report_largest(size_of, v->tables, v->table_count, top);
}

static void cut_cell(struct grid *g, const char *text, size_t columns)
{
    struct buf cut;
    buf_init(&cut, BUF_SQL_MAX);
    (void)plain_add(&cut, text, columns);
    grid_cell(g, buf_str(&cut));
    g->failed = g->failed || cut.failed;
    buf_free(&cut);
}

static void writes_cell(struct grid *g, double writes)
{
    char text[CELL_MAX];
    (void)snprintf(text, sizeof text, writes > 0 && writes < 0.1 ? "<0.1" : "%.1f", writes);
    grid_cell(g, text);
}

static void add_row(struct grid *g, const struct assess_table_view *t)
{
    char rows[STR_HUMAN_MAX + 1];
    char bytes[STR_HUMAN_MAX];
    grid_row(g);
    cut_cell(g, t->name, NAME_COLUMNS);
    rows[0] = t->rows_guessed ? '?' : '~';
    (void)human_count(t->rows, rows + 1);
    grid_cell(g, rows);
    grid_cell(g, human_bytes(t->bytes, bytes));
    grid_cell(g, t->row_bytes == 0 ? "" : human_bytes(t->row_bytes, bytes));
    writes_cell(g, t->writes_per_s);
    grid_cell(g, t->mode);
    cut_cell(g, t->key == NULL ? "" : t->key, KEY_COLUMNS);
    grid_cell(g, t->expression == NULL ? "" : "computed");
    grid_cell(g, t->unsure ? "unsure" : "");
}

static void add_list(const struct assess_view *v, struct buf *out)
{
    static const char *const titles[] = {"",     "rows",      "size", "a row", "writes/s",
                                         "mode", "shard key", "",     ""};
    struct grid g = {.rows = 0};
    size_t top[ASSESS_REPORT_TABLES];
    size_t count = assess_largest(v, top);
    buf_puts(out, "\nTables (~ the planner's estimate, ? guessed from the size)\n");
    grid_row(&g);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        grid_cell(&g, titles[i]);
    }
    for (size_t i = 0; i < count; i++) {
        add_row(&g, &v->tables[top[i]]);
    }
    grid_print(&g, GRID_ALIGN, out);
    grid_free(&g);
    if (count < v->table_count) {
        buf_printf(out, "  and %zu more; --json lists all\n", v->table_count - count);
    }
}

/* ---- groups ---- */

static void add_groups(const struct assess_view *v, struct buf *out)
{
    char bytes[STR_HUMAN_MAX];
    size_t shown = v->group_count < ASSESS_REPORT_TABLES ? v->group_count : ASSESS_REPORT_TABLES;
    if (v->group_count > 0) {
        buf_puts(out, "\nCollocation groups\n");
    }
    for (size_t i = 0; i < shown; i++) {
        const struct assess_group_view *g = &v->groups[i];
        buf_printf(out, "%*s", LEFT_COLUMNS, "");
        (void)plain_add(out, g->key, KEY_COLUMNS);
        buf_puts(out, " ");
        (void)plain_add(out, g->key_type, KEY_COLUMNS);
        buf_printf(out, ": %zu table%s, %s, with ", g->table_count, report_plural(g->table_count),
                   human_bytes(g->bytes, bytes));
        (void)plain_add(out, g->head, PLAIN_ALL);
        buf_puts(out, "\n");
    }
    if (shown < v->group_count) {
        buf_printf(out, "  and %zu more; --json lists all\n", v->group_count - shown);
    }
}

/* ---- what follows ---- */

static void add_notes(const struct assess_view *v, struct buf *out)
{
    if (v->note_count + v->warning_count > 0) {
        buf_puts(out, "\nThe database as a whole\n");
    }
    for (size_t i = 0; i < v->note_count; i++) {
        const struct assess_note_view *n = &v->notes[i];
        bool utility = strcmp(n->topic, "aws-utility") == 0;
        assess_line(out, utility ? "AWS tool" : n->topic, n->text);
        if (n->fix != NULL) {
            assess_line(out, "  fix:", n->fix);
        }
    }
    for (size_t i = 0; i < v->warning_count; i++) {
        assess_line(out, "warning", v->warnings[i]);
    }
}

static void add_load(const struct assess_view *v, struct buf *out)
{
    char bytes[STR_HUMAN_MAX];
    char rate[STR_HUMAN_MAX];
    char time[STR_HUMAN_MAX];
    buf_puts(out, "\nLoading\n");
    field(out, "time", "%s at %s/s: %s, without indexes and constraints afterwards",
          human_bytes(v->load_bytes, bytes), human_bytes(v->load_rate_bytes_s, rate),
          human_duration(v->load_seconds * 1000, time));
    field(out, "streams",
          "%u, which take %u connections on both sides together (%llu are free at the source); "
          "\"sluice bench\" measures the rate, --rate gives it here",
          v->load_streams, v->load_connections, (unsigned long long)v->free_connections);
}

static void add_capacity(const struct assess_view *v, struct buf *out)
{
    if (v->capacity_count == 0) {
        return;
    }
    const struct assess_capacity_view *fit = &v->capacity[v->capacity_fit];
    char each[STR_HUMAN_MAX];
    uint64_t bytes = 0;
    for (size_t i = 0; i < v->group_count; i++) {
        bytes += v->groups[i].bytes;
    }
    buf_puts(out, "\nCapacity\n");
    field(out, "maximum",
          "%u to %u ACU hold a tenth of the data in memory: %u routers, %u shards, %s of sharded "
          "rows on each",
          fit->acu_from, fit->acu_to, fit->routers, fit->shards,
          human_bytes(bytes / fit->shards, each));
    if (v->capacity_fit + 1 < v->capacity_count) {
        const struct assess_capacity_view *next = &v->capacity[v->capacity_fit + 1];
        field(out, "more", "from %u ACU on: %u routers, %u shards; up to %u ACU: %u and %u",
              next->acu_from, next->routers, next->shards,
              v->capacity[v->capacity_count - 1].acu_to, v->capacity[v->capacity_count - 1].routers,
              v->capacity[v->capacity_count - 1].shards);
    }
    field(out, "note", "routers and shards are set by the maximum at creation, and only grow");
}

/* ---- the verdict ---- */

size_t assess_count_notes(const struct assess_view *v, const char *topic)
{
    size_t count = 0;
    for (size_t i = 0; i < v->note_count; i++) {
        count += strcmp(v->notes[i].topic, topic) == 0;
    }
    for (size_t i = 0; i < v->table_count; i++) {
        for (size_t k = 0; k < v->tables[i].note_count; k++) {
            count += strcmp(v->tables[i].notes[k].topic, topic) == 0;
        }
    }
    return count;
}

static size_t count_mode(const struct assess_view *v, const char *mode)
{
    size_t count = 0;
    for (size_t i = 0; i < v->table_count; i++) {
        count += strcmp(v->tables[i].mode, mode) == 0;
    }
    return count;
}

static void add_verdict(const struct assess_view *v, struct buf *out)
{
    size_t blockers = assess_count_notes(v, "blocker");
    size_t unsure = assess_count_notes(v, "unsure");
    buf_printf(out, "\nProposed: %zu sharded in %zu group%s, %zu reference, %zu standard; ",
               count_mode(v, "sharded"), v->group_count, report_plural(v->group_count),
               count_mode(v, "reference"), count_mode(v, "standard"));
    buf_printf(out, "%zu blocker%s, %zu unsure\n", blockers, report_plural(blockers), unsure);
    if (v->file != NULL) {
        buf_puts(out, "Job file: ");
        (void)plain_add(out, v->file, PLAIN_ALL);
        buf_puts(out, "; look through it, then sluice load --with-schema --config it\n");
    }
}

void assess_report_text(const struct assess_view *v, struct buf *out)
{
    if (v->error->kind != ERR_NONE) {
        buf_puts(out, "Not assessed: ");
        (void)plain_add(out, v->error->msg, PLAIN_ALL);
        buf_puts(out, "\n");
        return;
    }
    add_heading(v, out);
    add_list(v, out);
    add_groups(v, out);
    assess_add_tables(v, out);
    assess_add_links(v, out);
    add_notes(v, out);
    add_load(v, out);
    add_capacity(v, out);
    add_verdict(v, out);
}
