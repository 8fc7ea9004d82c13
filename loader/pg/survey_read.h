/* survey_read.h: the parts of survey.c; see there. Nobody else includes it. */
#ifndef PG_SURVEY_READ_H
#define PG_SURVEY_READ_H

#include "pg/survey.h"

/* Every oid that was selected, a leaf or a table, and the table of the survey that it belongs to.
 * Sorted by oid; the partitioned tables themselves are in it too. */
struct survey_place {
    uint32_t oid;
    size_t table;
};
struct survey_places {
    struct survey_place *items;
    size_t count;
    char *roots;                 /* the tables' oids as a parameter, {1,2} */
    char *all;                   /* and with the leaves */
    struct survey_table *tables; /* the survey's own */
};
/* SURVEY_NONE: not one of them. */
size_t survey_place_of(const struct survey_places *places, uint32_t oid);
/* By name. SURVEY_NONE: there is none. */
size_t survey_column_of(const struct survey_table *t, const char *name);

/* Rows from first on that have the same number in the column. */
size_t survey_run_length(const struct pg_rows *r, size_t first, int column);

/* sql has the parameter oids, roots or all of places, and gives rows whose column 0 is one of them.
 * fill gets each run of rows of one oid, with the table that it belongs to. */
typedef bool survey_fill(struct survey_table *t, const struct pg_rows *r, size_t first,
                         size_t count, struct err *err);
bool survey_fill_tables(struct pg *pg, const char *sql, const char *oids,
                        const struct survey_places *places, survey_fill *fill,
                        struct err *err) MUST_CHECK;

bool survey_read_columns(struct pg *pg, const struct survey_places *places,
                         struct err *err) MUST_CHECK;
bool survey_read_types(struct pg *pg, const struct survey_places *places,
                       struct err *err) MUST_CHECK;
bool survey_read_stats(struct pg *pg, const struct survey_places *places,
                       struct err *err) MUST_CHECK;
bool survey_read_keys(struct pg *pg, const struct survey_places *places,
                      struct err *err) MUST_CHECK;
bool survey_read_links(struct pg *pg, const struct survey_places *places, struct survey *s,
                       struct err *err) MUST_CHECK;
bool survey_read_others(struct pg *pg, struct survey *s, struct err *err) MUST_CHECK;

#endif
