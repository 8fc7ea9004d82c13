/*
 * dump_toc.h: what pg_dump has of a database: one entry for each object, with its statements.
 *
 * It comes from two texts of one archive: the script of "pg_restore -v -f -" and the table of
 * contents of "pg_restore -l". The script is cut by a lexer, so that a comment inside a function's
 * body, a name or a string that looks like a header is none; and each header has to agree, number
 * by number and name by name, with the table of contents, else nothing is used. Pure.
 */
#ifndef DDL_DUMP_TOC_H
#define DDL_DUMP_TOC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUMP_ENTRIES_MAX 2000000u

/* Object identifiers of the catalogs that entries come from. */
enum {
    CATALOG_CLASS = 1259,
    CATALOG_TYPE = 1247,
    CATALOG_PROC = 1255,
    CATALOG_CONSTRAINT = 2606,
};

struct dump_entry {
    unsigned id;         /* in the archive */
    uint32_t class_oid;  /* the catalog that the object is in; 0: none (an ACL, a comment) */
    uint32_t oid;        /* 0: none */
    char *type;          /* "TABLE", "FK CONSTRAINT" */
    char *schema;        /* "-" without one */
    char *name;          /* with the table's before it where it is a part of a table; line ends are
                            spaces: for people */
    char *owner;         /* "" without one */
    bool post;           /* belongs after the data */
    char *tablespace;    /* "": the database's */
    char *access_method; /* "": not said */
    char **statements;   /* without semicolons, in order */
    size_t statement_count;
    unsigned *needs; /* ids of what has to be there before; some are not in the archive */
    size_t need_count;
};

struct dump_toc {
    struct dump_entry *entries; /* in the order in which pg_restore would make them */
    size_t count;
    size_t *by_id; /* index + 1 of the entry of an id; 0: there is none */
    unsigned id_max;
    bool backslashes; /* standard_conforming_strings is off in it */
};

void dump_toc_free(struct dump_toc *toc); /* zeroed is allowed */
/* NULL: there is none. */
struct dump_entry *dump_toc_find(const struct dump_toc *toc, unsigned id);

/* script: of the whole archive. list: its table of contents. before: that of its part before the
 * data. ERR_SYSTEM where they do not agree, or without memory. */
bool dump_toc_read(const char *script, const char *list, const char *before, struct dump_toc *out,
                   struct err *err) MUST_CHECK;

#endif
