/*
 * catalog_patterns.h: the four lists of patterns of a selection, parsed and tried on the server.
 * Private to catalog_select.c.
 */
#ifndef PG_CATALOG_PATTERNS_H
#define PG_CATALOG_PATTERNS_H

#include "pg/catalog.h"
#include "pg/pattern.h"

enum pattern_use { USE_TABLE, USE_TABLE_OUT, USE_SCHEMA, USE_SCHEMA_OUT, USE_COUNT };

/* The good ones only; texts[i] is what the user wrote for items[i], borrowed. */
struct pattern_set {
    struct pattern *items;
    const char **texts;
    size_t count;
};

struct pattern_sets {
    struct pattern_set of[USE_COUNT];
};

void pattern_sets_free(struct pattern_sets *sets);

/* "-t", "-n", ...: the option that gives such patterns. */
const char *pattern_option(enum pattern_use use);

/* Malformed ones become blockers in findings. Runs in a savepoint of the caller's transaction. */
bool pattern_sets_read(struct pg *pg, const struct selection *selection, struct findings *findings,
                       struct pattern_sets *out, struct err *err) MUST_CHECK;

/* One field of all patterns of a set as a text[] parameter; the caller frees. NULL = no memory. */
enum pattern_field { FIELD_SCHEMA /* "" for none */, FIELD_NAME, FIELD_EXACT /* t or f */ };
char *pattern_array(const struct pattern_set *set, enum pattern_field field);

#endif
