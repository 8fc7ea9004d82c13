/*
 * pattern.h: psql-style name patterns as regular expressions. Pure.
 *
 * As in psql: unquoted letters fold to lower case, * is any run of characters, ? any one, a dot
 * outside quotes separates schema and name, "double quotes" make everything inside literal, $ is
 * literal; the other regular expression characters keep their meaning outside quotes. Source: the
 * "Patterns" section of the psql manual page.
 */
#ifndef PG_PATTERN_H
#define PG_PATTERN_H

#include "base/err.h"

struct pattern {
    char *schema;  /* anchored ARE such as ^(public)$; NULL when the pattern has no schema part */
    char *name;    /* likewise, never NULL */
    bool wildcard; /* the name part holds an unquoted * or ? or regular expression character */
};

void pattern_free(struct pattern *p);

/* A table pattern. Two dots are allowed when the first part is the database's own name, else
 * ERR_USAGE; so are an empty pattern, an empty part, and an unclosed quote. */
bool pattern_parse(const char *text, const char *database, struct pattern *out,
                   struct err *err) MUST_CHECK;

/* A schema pattern: no dot outside quotes, else ERR_USAGE. Only name is set. */
bool pattern_parse_schema(const char *text, struct pattern *out, struct err *err) MUST_CHECK;

#endif
