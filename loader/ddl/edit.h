/* edit.h: small changes to one statement of pg_dump, by its words. Pure. The results are the
 * caller's to free; NULL without memory. */
#ifndef DDL_EDIT_H
#define DDL_EDIT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* ALTER ... OWNER TO role: the role's name, which the caller frees; else NULL. */
char *edit_owner(const char *statement);
/* GRANT ... TO role, REVOKE ... FROM role, SET SESSION AUTHORIZATION role: the role's name; NULL
 * for PUBLIC and where there is none. */
char *edit_grantee(const char *statement);
/* ALTER DEFAULT PRIVILEGES FOR ROLE role: its name. */
char *edit_default_role(const char *statement);

struct edit {
    bool drop_only;       /* ALTER TABLE ONLY, CREATE INDEX ... ON ONLY */
    bool drop_unique;     /* CREATE UNIQUE INDEX, and NULLS NOT DISTINCT */
    bool drop_parameters; /* WITH (fillfactor=...) */
    bool drop_cycle;      /* of a sequence */
    bool drop_unlogged;   /* CREATE UNLOGGED SEQUENCE */
    bool drop_leakproof;  /* of a function */
    bool drop_on_delete;  /* of a foreign key: what follows REFERENCES t(...) ON DELETE */
    bool drop_on_update;
    const char *cache_max; /* CACHE with a larger number becomes this; NULL: any */
    const char *table;     /* quoted: takes the place of the table's name; NULL: as it is */
    const char *other;     /* likewise behind REFERENCES */
};
/* *changed: something was dropped or replaced but ONLY and names. */
char *edit_statement(const char *statement, const struct edit *e, bool *changed);

/* Is CHECK (...) of the shape column, operator, literal, with casts? */
bool edit_is_simple_check(const char *definition);
/* Does the statement begin with these words? */
bool edit_begins(const char *statement, const char *first, const char *second);

#endif
