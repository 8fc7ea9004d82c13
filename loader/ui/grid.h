/*
 * grid.h: a small table of texts with columns as wide as their content. For the files of ui/.
 *
 * Filled row by row and printed once. Cells past the limits are dropped; without memory the buffer
 * that it is printed to fails.
 */
#ifndef UI_GRID_H
#define UI_GRID_H

#include "base/buf.h"

#include <stddef.h>

#define GRID_ROWS_MAX    48 /* a summary shows 40 tables and a few lines around them */
#define GRID_COLUMNS_MAX 10

struct grid {
    char *cells[GRID_ROWS_MAX][GRID_COLUMNS_MAX];
    size_t rows;
    size_t column; /* where the next cell of the last row goes */
    bool failed;
};

void grid_free(struct grid *g); /* zeroed is allowed */
void grid_row(struct grid *g);  /* begins a row */
void grid_cell(struct grid *g, const char *text);

/* align has one character a column: 'l' or 'r'. Two spaces before each row and between columns. */
void grid_print(const struct grid *g, const char *align, struct buf *out);

#endif
