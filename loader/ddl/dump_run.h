/*
 * dump_run.h: pg_dump and pg_restore as child processes: the source's schema as an archive in
 * memory, and what pg_restore says of it.
 *
 * Nothing goes to disk. A password travels in the child's environment (PGPASSWORD), never in argv;
 * passwords in a password file or client certificates are found by the child itself.
 */
#ifndef DDL_DUMP_RUN_H
#define DDL_DUMP_RUN_H

#include "base/buf.h"
#include "base/err.h"
#include "pg/pg.h"

#include <stddef.h>

#define DUMP_PATH_MAX 1024
#define DUMP_TEXT_MAX (512u << 20)

struct dump_tools {
    char bindir[DUMP_PATH_MAX];
    int major;        /* 15 */
    char version[32]; /* "15.18" */
};

/* The newest pg_dump with a pg_restore beside it: in bindir alone when that is given, else where
 * Debian's and PGDG's packages put them and on the path. ERR_USAGE: there is none. */
bool dump_tools_find(const char *bindir, int wake_fd, struct dump_tools *out,
                     struct err *err) MUST_CHECK;

struct dump_order {
    const struct dump_tools *tools;
    const struct pg_target *target;
    int server_version; /* of the source, as pg_version */
    const char *encoding;
    const char *const *options; /* further ones for pg_dump: "--schema=shop" */
    size_t option_count;
};

struct dump_texts {
    struct buf script; /* pg_restore -v -f - */
    struct buf list;   /* pg_restore -l */
    struct buf before; /* pg_restore -l --section=pre-data */
};
void dump_texts_free(struct dump_texts *t);

/* wake_fd ends it. ERR_USAGE: pg_dump is older than the source. ERR_AUTH, ERR_DATA with pg_dump's
 * own words. */
bool dump_run(const struct dump_order *order, int wake_fd, struct dump_texts *out,
              struct err *err) MUST_CHECK;

#endif
