#include "ui/grid.h"

#include "base/str.h"
#include "ui/plain.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2

void grid_free(struct grid *g)
{
    for (size_t row = 0; row < g->rows; row++) {
        for (size_t column = 0; column < GRID_COLUMNS_MAX; column++) {
            free(g->cells[row][column]);
        }
    }
    *g = (struct grid){0};
}

void grid_row(struct grid *g)
{
    if (g->rows == GRID_ROWS_MAX) {
        g->column = GRID_COLUMNS_MAX; /* the cells that follow are dropped */
        return;
    }
    g->rows++;
    g->column = 0;
}

void grid_cell(struct grid *g, const char *text)
{
    if (g->rows == 0 || g->column == GRID_COLUMNS_MAX) {
        return;
    }
    char *copy = str_copy(text);
    g->failed = g->failed || copy == NULL;
    g->cells[g->rows - 1][g->column++] = copy;
}

static size_t column_width(const struct grid *g, size_t column)
{
    size_t width = 0;

    for (size_t row = 0; row < g->rows; row++) {
        const char *text = g->cells[row][column];
        size_t columns = text == NULL ? 0 : plain_columns(text);
        width = columns > width ? columns : width;
    }
    return width;
}

/* Padding is held back until something follows it, so that no line ends in spaces. */
static void print_row(const struct grid *g, size_t row, const char *align, const size_t *widths,
                      struct buf *out)
{
    size_t pending = GAP;

    for (size_t column = 0; align[column] != '\0'; column++) {
        const char *text = g->cells[row][column] == NULL ? "" : g->cells[row][column];
        size_t pad = widths[column] - plain_columns(text);
        size_t before = pending + (align[column] == 'r' ? pad : 0);
        pending = GAP + (align[column] == 'r' ? 0 : pad);
        if (*text == '\0') {
            pending += before;
            continue;
        }
        buf_printf(out, "%*s", (int)before, "");
        (void)plain_add(out, text, PLAIN_ALL);
    }
    buf_puts(out, "\n");
}

void grid_print(const struct grid *g, const char *align, struct buf *out)
{
    size_t widths[GRID_COLUMNS_MAX] = {0};

    for (size_t column = 0; align[column] != '\0'; column++) {
        widths[column] = column_width(g, column);
    }
    for (size_t row = 0; row < g->rows; row++) {
        print_row(g, row, align, widths, out);
    }
    if (g->failed) {
        buf_clear(out);
        out->failed = true;
    }
}
