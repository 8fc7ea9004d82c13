/* catalog_hints.h: why a pattern matched nothing. Private to catalog_select.c. */
#ifndef PG_CATALOG_HINTS_H
#define PG_CATALOG_HINTS_H

#include "pg/catalog_patterns.h"

/* Adds a blocker for pattern number index of USE_TABLE or USE_SCHEMA, with what comes nearest. */
bool catalog_hint(struct pg *pg, const struct pattern_sets *sets, enum pattern_use use,
                  size_t index, struct findings *findings, struct err *err) MUST_CHECK;

#endif
