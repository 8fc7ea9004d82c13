#include "pg/pg_internal.h"

#include <stdlib.h>
#include <string.h>

size_t pg_rows_count(const struct pg_rows *r)
{
    return (size_t)PQntuples(r->res);
}

int pg_columns(const struct pg_rows *r)
{
    return PQnfields(r->res);
}

uint32_t pg_column_type(const struct pg_rows *r, int column, int32_t *typmod)
{
    *typmod = PQfmod(r->res, column);
    return PQftype(r->res, column);
}

const char *pg_text(const struct pg_rows *r, size_t row, int column)
{
    return PQgetvalue(r->res, (int)row, column);
}

bool pg_null(const struct pg_rows *r, size_t row, int column)
{
    return PQgetisnull(r->res, (int)row, column) != 0;
}

int64_t pg_int(const struct pg_rows *r, size_t row, int column)
{
    return strtoll(pg_text(r, row, column), NULL, 10);
}

double pg_double(const struct pg_rows *r, size_t row, int column)
{
    return strtod(pg_text(r, row, column), NULL);
}

bool pg_bool(const struct pg_rows *r, size_t row, int column)
{
    return pg_text(r, row, column)[0] == 't';
}

void pg_rows_free(struct pg_rows **r)
{
    if (*r != NULL) {
        PQclear((*r)->res);
        free(*r);
        *r = NULL;
    }
}

static void add_doubled(struct buf *b, const char *text, char mark)
{
    buf_add(b, &mark, 1);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == mark) {
            buf_add(b, p, 1);
        }
        buf_add(b, p, 1);
    }
    buf_add(b, &mark, 1);
}

void pg_add_ident(struct buf *b, const char *name)
{
    add_doubled(b, name, '"');
}

/* standard_conforming_strings is pinned on, so a backslash is only a backslash. */
void pg_add_literal(struct buf *b, const char *text)
{
    add_doubled(b, text, '\'');
}

void pg_add_name(struct buf *b, const char *schema, const char *name)
{
    pg_add_ident(b, schema);
    buf_puts(b, ".");
    pg_add_ident(b, name);
}

char *pg_array(const char *const *items, size_t count)
{
    struct buf b;
    buf_init(&b, BUF_SQL_MAX);
    buf_puts(&b, "{");
    for (size_t i = 0; i < count; i++) {
        buf_puts(&b, i == 0 ? "\"" : ",\"");
        for (const char *p = items[i]; *p != '\0'; p++) {
            if (*p == '"' || *p == '\\') {
                buf_puts(&b, "\\");
            }
            buf_add(&b, p, 1);
        }
        buf_puts(&b, "\"");
    }
    buf_puts(&b, "}");
    return buf_take(&b);
}
