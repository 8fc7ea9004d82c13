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
    char *roots; /* the tables' oids as a parameter, {1,2} */
    char *all;   /* and with the leaves */
};
/* SURVEY_NONE: not one of them. */
size_t survey_place_of(const struct survey_places *places, uint32_t oid);
/* By name. SURVEY_NONE: there is none. */
size_t survey_column_of(const struct survey_table *t, const char *name);

bool survey_read_columns(struct pg *pg, const struct survey_places *places, struct survey *s,
                         struct err *err) MUST_CHECK;
bool survey_read_stats(struct pg *pg, const struct survey_places *places, struct survey *s,
                       struct err *err) MUST_CHECK;
bool survey_read_keys(struct pg *pg, const struct survey_places *places, struct survey *s,
                      struct err *err) MUST_CHECK;
bool survey_read_links(struct pg *pg, const struct survey_places *places, struct survey *s,
                       struct err *err) MUST_CHECK;
bool survey_read_others(struct pg *pg, struct survey *s, struct err *err) MUST_CHECK;

#endif
